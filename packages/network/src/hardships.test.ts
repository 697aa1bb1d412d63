import { type Advertising, withFaults, withTrace } from '@meshferry/bearer';
import { MemoryStore, toHex } from '@meshferry/core';
import { networkCredentials, portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { decodeNetworkPdu, networkSecurity } from './pdu.ts';
import { FailingStore } from './testing/failing-store.ts';
import { appMessage, NET_KEY, TestMesh, type TestNode, track } from './testing/node.ts';

describe('a lossy air', () => {
  it.each([0, 0.1, 0.2, 0.3])(
    'loses %f of all events, both ways: segmented messages arrive whole, once, in order',
    (loss) => {
      const mesh = new TestMesh(`loss ${loss}`, { loss });
      const [a, b] = [mesh.add(), mesh.add()];
      const messages = Array.from({ length: 20 }, (_, i) => appMessage(1, 2, 12 + 19 * i, i));
      const outcomes = messages.map((message) => track((done) => a.layer.send(message, done)));
      mesh.clock.advance(120_000);
      expect(outcomes.map((o) => o.outcome)).toEqual(messages.map(() => 'sent'));
      expect(b.received.map((m) => m.payload)).toEqual(messages.map((m) => m.payload));
    },
  );

  it('loses single transmissions: what is not acknowledged fails, nothing arrives twice or spoilt', () => {
    const mesh = new TestMesh('rough', { loss: 0.1 });
    const transmit = { count: 1, intervalMs: 20 };
    const spoil = { loss: 0.1, duplication: 0.2, reordering: 0.2, corruption: 0.1, delayMs: 20 };
    const options = { transmit };
    const wrap = (inner: Advertising) => withFaults(inner, mesh.clock, mesh.random, spoil);
    const [a, b] = [mesh.add(options, wrap), mesh.add(options, wrap)];
    const messages = Array.from({ length: 40 }, (_, i) => appMessage(1, 2, 12 + 9 * i, i));
    const outcomes = messages.map((message) => track((done) => a.layer.send(message, done)));
    mesh.clock.advance(600_000);
    const arrived = b.received.map((m) => m.payload[0]!);
    expect(new Set(arrived).size).toBe(arrived.length);
    for (const { payload } of b.received) expect(payload).toEqual(messages[payload[0]!]?.payload);
    outcomes.forEach(({ outcome }, i) => {
      expect(outcome).toBeDefined();
      if (outcome === 'sent') expect(arrived).toContain(i);
      else expect(outcome).toMatchObject({ code: 'segmented-timeout' });
    });
    expect(outcomes.filter(({ outcome }) => outcome === 'sent').length).toBeGreaterThan(10);
  });
});

describe('replay', () => {
  it('of anything heard before gives nothing, also after the victim restarts', () => {
    const mesh = new TestMesh(10);
    const [a, b] = [mesh.add(), mesh.add()];
    const recorded: Uint8Array[] = [];
    const attacker = withTrace(mesh.air.join().advertising, (event) => {
      if (event.kind === 'heard') recorded.push(event.ad.data);
    });
    attacker.receive([0x2a], () => {});
    const messages = [appMessage(1, 2, 5, 1), appMessage(1, 2, 100, 2), appMessage(1, 0xffff, 5, 3)];
    for (const message of messages) {
      a.layer.send(message);
      mesh.clock.advance(3000);
    }
    expect(b.received.length).toBe(3);
    expect(recorded.length).toBeGreaterThan(30);
    const replay = () => {
      for (const data of recorded) attacker.send({ type: 0x2a, data }, { count: 1, intervalMs: 20 }, () => {});
      mesh.clock.advance(60_000);
    };
    replay();
    expect(b.received.length).toBe(3);
    expect(a.received.length).toBe(1); // its own message to all nodes
    b.layer.close();
    const again = mesh.add({ address: 2, store: b.store });
    replay();
    expect(again.received).toEqual([]);
    expect(again.layer.counters.replayed).toBeGreaterThan(0);
    a.layer.send(appMessage(1, 2, 200, 4));
    mesh.clock.advance(5000);
    expect(again.received.map((m) => m.payload[0])).toEqual([4]);
  });

  it('protection that is full takes no new sources, and forgets no old one', () => {
    const mesh = new TestMesh(11);
    const [a, b, victim] = [mesh.add(), mesh.add(), mesh.add({ limits: { rplEntries: 1 } })];
    for (const node of [a, b, a, b]) {
      node.layer.send(appMessage(node.layer.address, 3, 5));
      mesh.clock.advance(500);
    }
    expect(victim.received.map((m) => m.src)).toEqual([1, 1]);
    expect(victim.layer.counters.replayListFull).toBe(2);
  });

  it('entry is durable before the message has its effect', () => {
    const mesh = new TestMesh(12);
    const store = new MemoryStore();
    const [a, b] = [mesh.add(), mesh.add({ store })];
    let durable = 0;
    b.onReceive = () => {
      if (store.get('rpl/0001') !== undefined) durable++;
    };
    a.layer.send(appMessage(1, 2, 5));
    mesh.clock.advance(1000);
    expect(durable).toBe(1);
  });
});

describe('a power cut', () => {
  it('at any write lets no SEQ be used twice and no message be delivered twice', () => {
    let cuts = 0;
    for (let writes = 0; writes < 12; writes++) {
      const mesh = new TestMesh(`cut ${writes}`);
      const security = networkSecurity(portableCrypto, networkCredentials(portableCrypto, NET_KEY));
      // The IV Index and the two keys of a new node come first.
      const failing = new FailingStore(writes + 3);
      const said = new Map<number, string>();
      const [a, b] = [mesh.add(), mesh.add({ store: failing })];
      const listener = mesh.air.join().advertising;
      const heard: Uint8Array[] = [];
      listener.receive([0x2a], ({ data }) => {
        heard.push(data);
        const pdu = decodeNetworkPdu(data, security, 0);
        if (!pdu.ok || pdu.value.src !== 2) return;
        expect(said.get(pdu.value.seq) ?? toHex(data)).toBe(toHex(data)); // copies are fine
        said.set(pdu.value.seq, toHex(data));
      });
      const exchange = (node: TestNode, tag: number) => {
        a.layer.send(appMessage(1, 2, 40, tag));
        a.layer.send(appMessage(1, 2, 6, tag + 1));
        node.layer.send(appMessage(2, 1, 40, tag));
        node.layer.send(appMessage(2, 1, 6, tag + 1));
        mesh.clock.advance(20_000);
      };
      exchange(b, 0);
      exchange(b, 10);
      if (failing.failed) cuts++;
      const delivered = b.received.map((m) => m.payload[0]!);
      b.layer.close();
      const seqBefore = b.layer.sequenceNumber;
      const again = mesh.add({ address: 2, store: failing.survivor });
      expect(again.layer.sequenceNumber).toBeGreaterThanOrEqual(seqBefore);
      exchange(again, 20);
      expect(again.received.map((m) => m.payload[0]).sort()).toEqual([20, 21]);
      expect(a.received.filter((m) => m.payload[0]! >= 20).length).toBe(2);
      expect(said.size).toBeGreaterThan(4);
      // An attacker plays all of it again to the restarted node: nothing comes a second time.
      for (const data of heard) listener.send({ type: 0x2a, data }, { count: 1, intervalMs: 20 }, () => {});
      mesh.clock.advance(60_000);
      const all = [...delivered, ...again.received.map((m) => m.payload[0]!)];
      expect(new Set(all).size).toBe(all.length);
    }
    expect(cuts).toBeGreaterThan(3);
  });
});

describe('a run', () => {
  it('with the same seed is the same run', () => {
    const run = () => {
      const mesh = new TestMesh('same', { loss: 0.2 });
      const log: string[] = [];
      const nodes = Array.from({ length: 4 }, () => mesh.add({ relay: { count: 2, intervalMs: 20 } }));
      for (const node of nodes) {
        node.onReceive = (m) => log.push(`${mesh.clock.now} ${m.src}>${node.layer.address} ${m.payload.length}`);
      }
      for (const node of nodes) {
        for (const other of nodes) {
          if (node !== other) node.layer.send(appMessage(node.layer.address, other.layer.address, 150));
        }
      }
      mesh.clock.advance(60_000);
      return log;
    };
    const first = run();
    expect(first.length).toBeGreaterThan(8);
    expect(run()).toEqual(first);
  });
});
