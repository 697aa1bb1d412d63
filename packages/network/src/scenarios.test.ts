import { MemoryStore } from '@meshferry/core';
import { portableCrypto, virtualAddress } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { APP_KEY, appMessage, TestMesh, type TestNode, track } from './testing/node.ts';
import { ScriptedNode } from './testing/scripted-node.ts';

const relay = { count: 2, intervalMs: 20 };
const OTHER_NET_KEY = new Uint8Array(16).fill(0x55);
const OTHER_APP_KEY = new Uint8Array(16).fill(0x56);

describe('segmented transfer under loss', () => {
  it.each([0, 0.1, 0.2, 0.3])('of %f: 32-segment messages in both directions at once arrive whole and once', (loss) => {
    const mesh = new TestMesh(`both ways ${loss}`, { loss });
    const [a, b] = [mesh.add(), mesh.add()];
    const tags = [1, 2, 3, 4];
    const outcomes = tags.flatMap((tag) => [
      track((done) => a.layer.send(appMessage(1, 2, 380, tag), done)),
      track((done) => b.layer.send(appMessage(2, 1, 380, tag), done)),
    ]);
    mesh.clock.advance(120_000);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(outcomes.map(() => 'sent'));
    for (const [node, src, dst] of [
      [a, 2, 1],
      [b, 1, 2],
    ] as const) {
      expect(node.received.map((m) => m.payload)).toEqual(tags.map((tag) => appMessage(src, dst, 380, tag).payload));
    }
  });

  it.each([0, 0.1, 0.2, 0.3])('of %f: 32 segments to a group and to a virtual address reach all members', (loss) => {
    const mesh = new TestMesh(`groups ${loss}`, { loss });
    const nodes = Array.from({ length: 6 }, () => mesh.add());
    const label = new Uint8Array(16).fill(0xab);
    const virtual = virtualAddress(portableCrypto, label);
    for (const node of nodes.slice(1, 4)) node.groups.add(0xc00f);
    for (const node of nodes.slice(3)) node.labels.set(virtual, [label]);
    const layer = nodes[0]!.layer;
    const outcomes = [
      track((done) => layer.send(appMessage(1, 0xc00f, 380, 1), done)),
      track((done) => layer.send({ ...appMessage(1, virtual, 376, 2), label, szmic: true }, done)),
    ];
    mesh.clock.advance(60_000);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['sent', 'sent']);
    const tags = nodes.map((node) => node.received.map((m) => m.payload[0]).sort());
    expect(tags).toEqual([[], [1], [1], [1, 2], [2], [2]]);
  });

  it('over a line of seven hops that loses one event in ten: 32 segments there and back', () => {
    const mesh = new TestMesh('long line', { hears: (from, to) => Math.abs(from - to) === 1, loss: 0.1 });
    const sarTransmitter = { unicastRetransmissionsCount: 7, unicastRetransmissionsWithoutProgressCount: 7 };
    const nodes = Array.from({ length: 8 }, () => mesh.add({ relay, defaultTtl: 10, sarTransmitter }));
    const [first, last] = [nodes[0]!, nodes[7]!];
    last.onReceive = () => last.layer.send(appMessage(8, 1, 380, 2));
    first.layer.send(appMessage(1, 8, 380, 1));
    mesh.clock.advance(300_000);
    expect([last.received, first.received].map((got) => got.map((m) => m.payload.length))).toEqual([[380], [380]]);
  });
});

describe('two subnets', () => {
  /** 1 and 4 are in the primary subnet only, 3 in the other only, 2 in both. In a line 1 – 2 – 3, and 4 beside 3. */
  function subnets(hears = (from: number, to: number) => Math.abs(from - to) === 1) {
    const mesh = new TestMesh('subnets', { hears });
    const nodes = [1, 2, 3, 4].map(() => mesh.add({ relay }));
    const [one, both, other, far] = nodes as [TestNode, TestNode, TestNode, TestNode];
    for (const { layer } of [both, other]) {
      layer.keys.addNetKey(1, OTHER_NET_KEY);
      layer.keys.addAppKey(5, 1, OTHER_APP_KEY);
    }
    other.layer.keys.removeNetKey(0);
    return { mesh, one, both, other, far };
  }
  const inOther = { key: { kind: 'app', index: 5 } } as const;

  it('exchange messages through the member of both, which relays nothing from one into the other', () => {
    const { mesh, one, both, other, far } = subnets();
    const outcomes = [
      track((done) => one.layer.send(appMessage(1, 2, 100, 1), done)),
      track((done) => other.layer.send({ ...appMessage(3, 2, 100, 2), ...inOther }, done)),
      track((done) => both.layer.send({ ...appMessage(2, 3, 380, 3), ...inOther }, done)),
      track((done) => both.layer.send(appMessage(2, 1, 380, 4), done)),
    ];
    one.layer.send(appMessage(1, 0xffff, 8, 5));
    other.layer.send({ ...appMessage(3, 0xffff, 8, 6), ...inOther });
    mesh.clock.advance(30_000);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['sent', 'sent', 'sent', 'sent']);
    const heard = (node: TestNode) => node.received.map((m) => [m.netIndex, m.payload[0]]).sort();
    expect(heard(one)).toEqual([
      [0, 4],
      [0, 5],
    ]);
    expect(heard(both)).toEqual([
      [0, 1],
      [0, 5],
      [1, 2],
      [1, 6],
    ]);
    expect(heard(other)).toEqual([
      [1, 3],
      [1, 6],
    ]);
    expect(heard(far)).toEqual([]); // node 3 cannot relay the primary subnet, node 4 cannot read the other
    expect(both.layer.counters.relayed).toBe(2 /* group messages */);
  });

  it('have one IV Index and one sequence, and AppKeys that hold in their subnet only', () => {
    const { mesh, both, other } = subnets();
    const { sequenceNumber } = both.layer;
    both.layer.send(appMessage(2, 1, 5));
    both.layer.send({ ...appMessage(2, 3, 5), ...inOther });
    expect(both.layer.sequenceNumber).toBe(sequenceNumber + 2);
    // The AppKey of the primary subnet under the other NetKey is not accepted, though the receiver had it.
    other.layer.keys.addNetKey(0, new Uint8Array(16));
    other.layer.keys.addAppKey(9, 0, APP_KEY);
    both.layer.keys.removeAppKey(5);
    both.layer.keys.addAppKey(6, 1, APP_KEY);
    mesh.clock.advance(1000);
    other.received.length = 0;
    both.layer.send({ ...appMessage(2, 3, 5), key: { kind: 'app', index: 6 } });
    mesh.clock.advance(1000);
    expect([other.received.length, other.layer.counters.unreadable]).toEqual([0, 1]);
  });

  it('keep their keys through a restart; one that was removed stays removed', () => {
    const { mesh, one, both, other } = subnets(() => true);
    both.layer.keys.removeNetKey(0);
    both.layer.close();
    const again = mesh.add({ address: 2, store: both.store });
    expect([again.layer.keys.netIndexes, again.layer.keys.appIndexes()]).toEqual([[1], [5]]);
    one.layer.send(appMessage(1, 0xffff, 9));
    other.layer.send({ ...appMessage(3, 0xffff, 9), ...inOther });
    again.layer.send({ ...appMessage(2, 3, 50), ...inOther });
    mesh.clock.advance(5000);
    expect([again, other].map((node) => node.received.map((m) => [m.src, m.netIndex]))).toEqual([
      [[3, 1]],
      [
        [3, 1],
        [2, 1],
      ],
    ]);
  });
});

describe('states of a node', () => {
  it('changed at run time survive a restart; the others are those of the options', () => {
    const store = new MemoryStore();
    const { layer } = new ScriptedNode({ store, defaultTtl: 9, relay: false }).node;
    layer.transmit = { count: 5, intervalMs: 30 };
    layer.relay = { count: 2, intervalMs: 40 };
    layer.setSarTransmitter({ segmentIntervalStep: 1 });
    layer.setSarReceiver({ discardTimeout: 9 });
    layer.beacons.meshPrivate = true;
    layer.close();
    const again = new ScriptedNode({ store, defaultTtl: 8, relay: false, transmit: { count: 1, intervalMs: 10 } });
    const { layer: after } = again.node;
    expect(after.defaultTtl).toBe(8);
    expect(after.transmit).toEqual({ count: 5, intervalMs: 30 });
    expect(after.relay).toEqual({ count: 2, intervalMs: 40 });
    expect(after.features.inUse('relay')).toBe(true);
    expect(after.sarTransmitter).toMatchObject({ segmentIntervalStep: 1, unicastRetransmissionsCount: 2 });
    expect(after.sarReceiver.discardTimeout).toBe(9);
    expect(after.beacons.meshPrivate).toBe(true);
  });

  it('features decide which fixed groups mean this node', () => {
    const mesh = new TestMesh('fixed groups');
    const [a, b] = [mesh.add(), mesh.add()];
    const reached = () => {
      b.received.length = 0;
      for (const dst of [0xfffb, 0xfffc, 0xfffd, 0xfffe, 0xffff]) a.layer.send(appMessage(1, dst, 5));
      mesh.clock.advance(2000);
      return b.received.map((m) => m.dst);
    };
    expect(reached()).toEqual([0xffff]);
    const changes: unknown[] = [];
    b.layer.changes.subscribe((change) => changes.push(change));
    b.layer.features.set('proxy', true);
    b.layer.features.set('friend', true);
    b.layer.relay = relay;
    expect(reached()).toEqual([0xfffc, 0xfffd, 0xfffe, 0xffff]);
    expect(b.layer.features.bits).toBe(7);
    b.layer.features.set('proxy', false);
    expect(changes).toEqual([
      { type: 'feature', feature: 'proxy', inUse: true },
      { type: 'feature', feature: 'friend', inUse: true },
      { type: 'feature', feature: 'relay', inUse: true },
      { type: 'feature', feature: 'proxy', inUse: false },
    ]);
  });
});
