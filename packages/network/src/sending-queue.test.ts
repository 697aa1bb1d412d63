import type { Advertising } from '@meshferry/bearer';
import { MemoryStore, type MeshError } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import type { AccessSend } from './contract.ts';
import { appMessage, TestMesh, TestNode, track } from './testing/node.ts';

const GROUP = 0xc000;
/** Octets that fit into one PDU, and that need five. */
const SHORT = 8;
const LONG = 50;
const ONCE = { count: 1, intervalMs: 20 };
/** An advertising event every 20 to 30 ms, after which the next PDU may come. */
const LONGEST_HOLD = 30;

function bulk(length: number, tag: number, changes: Partial<AccessSend> = {}): AccessSend {
  return { ...appMessage(1, GROUP, length, tag), priority: 'bulk', transmit: ONCE, ...changes };
}

/** A sender, and a receiver that subscribes to the group. */
function makePair(
  seed: string,
  air: ConstructorParameters<typeof TestMesh>[1] = {},
  wrap?: (advertising: Advertising) => Advertising,
): { mesh: TestMesh; sender: TestNode; receiver: TestNode } {
  const mesh = new TestMesh(seed, air);
  const sender = mesh.add({}, wrap);
  const receiver = mesh.add();
  receiver.groups.add(GROUP);
  return { mesh, sender, receiver };
}

/** Tags of what a node received, in that order. */
function tags({ received }: TestNode): number[] {
  return received.map(({ payload }) => payload[0] as number);
}

/** `sent`, or the code of the error. */
function codeOf(outcome: 'sent' | MeshError | undefined): string | undefined {
  return typeof outcome === 'object' ? outcome.code : outcome;
}

describe('a bulk transfer', () => {
  it('keeps the advertising set as busy as messages handed over all at once do', () => {
    const took = (priority: 'bulk' | 'interactive'): number => {
      const { mesh, sender, receiver } = makePair('busy');
      for (let tag = 0; tag < 100; tag++) sender.layer.send(bulk(SHORT, tag, { priority }));
      const start = mesh.clock.now;
      while (receiver.received.length < 100) mesh.clock.step();
      return mesh.clock.now - start;
    };
    expect(took('bulk')).toBeCloseTo(took('interactive'), 3);
  });

  it('keeps several sets as busy', () => {
    const took = (priority: 'bulk' | 'interactive'): number => {
      const { mesh, sender, receiver } = makePair('sets', { sets: 4 });
      for (let tag = 0; tag < 200; tag++) sender.layer.send(bulk(SHORT, tag, { priority }));
      const start = mesh.clock.now;
      while (receiver.received.length < 200) mesh.clock.step();
      return mesh.clock.now - start;
    };
    expect(took('bulk') / took('interactive')).toBeLessThan(1.02);
  });

  it.each([SHORT, LONG])('lets an interactive message overtake what waits (messages of %i octets)', (length) => {
    const { mesh, sender, receiver } = makePair('overtake');
    for (let tag = 0; tag < 20; tag++) sender.layer.send(bulk(length, tag));
    mesh.clock.advance(333);
    const sent = mesh.clock.now;
    let heard = Number.NaN;
    receiver.onReceive = ({ payload }) => {
      if (payload[0] === 99) heard = mesh.clock.now;
    };
    sender.layer.send(appMessage(1, 2, SHORT, 99));
    mesh.clock.advance(60_000);
    // One PDU is on air, and one may have been handed over in the last moment before the set was free.
    expect(heard - sent).toBeLessThan(LONGEST_HOLD + 12 + 2);
    expect(new Set(tags(receiver)).size, 'nothing of the bulk transfer is lost').toBe(21);
    expect(receiver.layer.counters.replayed, 'not one PDU came out of order').toBe(0);
  });

  it('waits while interactive messages keep the bearers busy, and goes on after them', () => {
    const { mesh, sender, receiver } = makePair('waits');
    for (let tag = 0; tag < 10; tag++) sender.layer.send(appMessage(1, 2, SHORT, 100 + tag));
    for (let tag = 0; tag < 10; tag++) sender.layer.send(bulk(SHORT, tag));
    mesh.clock.advance(5);
    for (let tag = 10; tag < 20; tag++) sender.layer.send(appMessage(1, 2, SHORT, 100 + tag));
    mesh.clock.advance(60_000);
    const order = tags(receiver);
    expect(order.length).toBe(30);
    expect(order.slice(0, 20).every((tag) => tag >= 100)).toBe(true);
    expect(order.slice(20)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('is not begun between the copies of an interactive message, which would be taken as replayed', () => {
    // Of the interactive message only the third copy gets through.
    let eventsOfInteractive = 0;
    const { mesh, sender, receiver } = makePair('copies', {
      sets: 4,
      loss: () => (eventsOfInteractive++ < 2 ? 1 : 0),
    });
    sender.layer.send({ ...appMessage(1, GROUP, SHORT, 99), transmit: { count: 3, intervalMs: 20 } });
    for (let tag = 0; tag < 3; tag++) sender.layer.send(bulk(SHORT, tag));
    mesh.clock.advance(1000);
    expect(tags(receiver)).toEqual([99, 0, 1, 2]);
  });

  it('sends its copies one right after the other, so that the second makes good for the first', () => {
    const { mesh, sender, receiver } = makePair('double', { sets: 4, loss: 0.2 });
    const count = 500;
    for (let i = 0; i < count; i++) {
      sender.layer.send(bulk(SHORT, i & 0x7f, { transmit: { count: 2, intervalMs: 20 } }));
    }
    mesh.clock.advance(120_000);
    expect(mesh.air.events).toBe(2 * count);
    // 4 % lose both; if younger PDUs came between the copies, nearly 20 % would be lost.
    expect(receiver.received.length / count).toBeGreaterThan(0.93);
  });

  it('tells when it has left: the start of the first copy to the end of the last', () => {
    const { mesh, sender } = makePair('done');
    const first = track((done) => sender.layer.send(bulk(SHORT, 1, { transmit: { count: 3, intervalMs: 20 } }), done));
    mesh.clock.advance(39);
    expect(first.outcome).toBeUndefined();
    mesh.clock.advance(30);
    expect(first.outcome).toBe('sent');
  });

  it('of a cancelled message sends nothing more, and goes on with the next', () => {
    const { mesh, sender, receiver } = makePair('cancel');
    const outcomes = [0, 1, 2].map((tag) => {
      let cancel = (): void => {};
      const told = track((done) => {
        cancel = sender.layer.send(bulk(LONG, tag), done);
      });
      return { told, cancel };
    });
    mesh.clock.advance(30);
    outcomes[0]?.cancel();
    outcomes[1]?.cancel();
    mesh.clock.advance(10_000);
    expect(outcomes.map(({ told }) => codeOf(told.outcome))).toEqual(['cancelled', 'cancelled', 'sent']);
    expect(tags(receiver)).toEqual([2]);
  });

  it('fails with the bearer, and for want of a key, and never before send returned', () => {
    const { mesh, sender } = makePair('fails');
    const noKey = track((done) => sender.layer.send(bulk(SHORT, 1, { key: { kind: 'app', index: 7 } }), done));
    expect(noKey.outcome).toBeUndefined();
    const waiting = [0, 1].map((tag) => track((done) => sender.layer.send(bulk(SHORT, tag), done)));
    sender.layer.removeAppKey(0);
    mesh.clock.advance(1000);
    expect(codeOf(noKey.outcome)).toBe('no-key');
    expect(waiting[0]?.outcome).toBe('sent');
    expect(codeOf(waiting[1]?.outcome), 'its key went while it waited').toBe('no-key');
  });

  it('fails when there is no bearer', () => {
    const { clock, random } = new TestMesh('no bearer');
    const { layer } = new TestNode({ clock, random, store: new MemoryStore(), address: 1 });
    const told = track((done) => layer.send(bulk(LONG, 1, { transmit: { count: 2, intervalMs: 20 } }), done));
    clock.advance(100);
    expect(codeOf(told.outcome)).toBe('bearer-closed');
  });

  it('to one node is acknowledged and repeated like any other, while its sender talks to the same node', () => {
    const { mesh, sender, receiver } = makePair('unicast', { loss: 0.1 });
    const outcomes = Array.from({ length: 10 }, (_, tag) =>
      track((done) => sender.layer.send(bulk(LONG, tag, { dst: 2 }), done)),
    );
    for (let tag = 0; tag < 40; tag++) {
      mesh.clock.after(100 * tag, () => sender.layer.send(appMessage(1, 2, SHORT, 100 + tag)));
    }
    mesh.clock.advance(120_000);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(Array(10).fill('sent'));
    expect(tags(receiver).filter((tag) => tag < 100)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(tags(receiver).filter((tag) => tag >= 100).length).toBeGreaterThan(37);
  });

  it('lets an interactive message have the next set that becomes free, and loses nothing by that', () => {
    for (const sets of [1, 4]) {
      const { mesh, sender, receiver } = makePair('next', { sets });
      for (let tag = 0; tag < 100; tag++) sender.layer.send(bulk(tag % 2 ? SHORT : LONG, tag));
      let slowest = 0;
      for (let tag = 100; tag < 130; tag++) {
        const at = mesh.clock.now;
        sender.layer.send({ ...appMessage(1, 2, SHORT, tag), transmit: ONCE });
        while (!tags(receiver).includes(tag)) mesh.clock.step();
        slowest = Math.max(slowest, mesh.clock.now - at);
        mesh.clock.advance(7 + (tag % 23));
      }
      expect(slowest).toBeLessThan(LONGEST_HOLD + 2);
      mesh.clock.advance(100_000);
      const all = new Set(tags(receiver));
      expect(all.size).toBe(130);
      expect(receiver.layer.counters.replayed).toBe(0);
    }
  });

  it('lets it have that set also before an acknowledgment, which then is not taken as replayed', () => {
    const { mesh, sender, receiver } = makePair('acknowledged');
    // It answers at once: the acknowledgment has just been handed over.
    sender.onReceive = ({ payload }) => sender.layer.send({ ...appMessage(1, 2, SHORT, payload[0]), transmit: ONCE });
    const outcomes = Array.from({ length: 30 }, (_, tag) => {
      mesh.clock.advance(200 + tag);
      sender.layer.send(bulk(SHORT, 100 + tag));
      const message = { ...appMessage(2, 1, LONG, tag), transmit: ONCE, sar: { unicastRetransmissionsCount: 0 } };
      return track((done) => receiver.layer.send(message, done));
    });
    mesh.clock.advance(10_000);
    expect(outcomes.map(({ outcome }) => codeOf(outcome))).toEqual(outcomes.map(() => 'sent'));
    expect(new Set(tags(receiver)).size).toBe(60);
    expect(receiver.layer.counters.replayed).toBe(0);
  });

  it('lets copies of acknowledgments go first, and these let interactive messages', () => {
    const { mesh, sender, receiver } = makePair('acknowledgments');
    const heard: { at: number; length: number }[] = [];
    mesh.bearers[1]?.receive([0x2a], ({ data }) => heard.push({ at: mesh.clock.now, length: data.length }));
    for (let tag = 0; tag < 20; tag++) sender.layer.send(bulk(SHORT, tag));
    receiver.layer.send(appMessage(2, 1, LONG, 50));
    while (sender.received.length === 0) mesh.clock.step();
    // Its acknowledgment is on its way in three copies.
    mesh.clock.advance(5);
    const sent = mesh.clock.now;
    sender.layer.send(appMessage(1, 2, SHORT, 99));
    while (!tags(receiver).includes(99)) mesh.clock.step();
    expect(mesh.clock.now - sent, 'one PDU on air, one that had been handed over').toBeLessThan(2 * LONGEST_HOLD + 5);
    mesh.clock.advance(10_000);
    expect(tags(receiver).length).toBe(21);
    expect(heard.length).toBe(20 + 3 + 3);
    expect(receiver.layer.counters.replayed).toBe(0);
  });

  it('leaves room for a segmented message of others, which begins before all that wait', () => {
    const mesh = new TestMesh('parallel');
    const sender = mesh.add({ limits: { outgoingParallel: 2 } });
    const receivers = Array.from({ length: 4 }, () => mesh.add());
    for (let dst = 2; dst <= 4; dst++) {
      for (let tag = 0; tag < 5; tag++) sender.layer.send(bulk(LONG, tag, { dst }));
    }
    mesh.clock.advance(100);
    const interactive = track((done) => sender.layer.send(appMessage(1, 5, LONG, 99), done));
    mesh.clock.advance(1500);
    expect(interactive.outcome).toBe('sent');
    expect(tags(receivers[3] as TestNode)).toEqual([99]);
    expect(receivers.slice(0, 3).flatMap(tags).length, 'the transfer is far from its end').toBeLessThan(14);
    mesh.clock.advance(60_000);
    expect(receivers.slice(0, 3).flatMap(tags).length).toBe(15);
  });

  it('of a closed layer ends without a word', () => {
    const { mesh, sender } = makePair('closed');
    const told = [0, 1, 2].map((tag) => track((done) => sender.layer.send(bulk(SHORT, tag), done)));
    sender.layer.close();
    const { events } = mesh.air;
    mesh.clock.advance(1000);
    expect(mesh.air.events - events).toBe(0);
    expect(told.slice(1).map(({ outcome }) => outcome)).toEqual([undefined, undefined]);
  });
});
