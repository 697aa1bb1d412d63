import type { Advertising, Heard } from '@meshferry/bearer';
import { MemoryStore } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import type { BridgingEntry } from './bridge-table.ts';
import { FailingStore } from './testing/failing-store.ts';
import { FriendMesh } from './testing/friendship.ts';
import { APP_KEY, appMessage, TestMesh, type TestNode } from './testing/node.ts';
import { ALL_SUBNETS, BOTH_WAYS, member, Subnets } from './testing/subnets.ts';

const GROUP = 0xc001;

const tags = ({ received }: TestNode) => received.map(({ payload }) => payload[0]);

describe('between two subnets', () => {
  it('carries unicast messages both ways, each under the NetKey of its own subnet, with a TTL one less', () => {
    const { a, b, bridge, send } = new Subnets([BOTH_WAYS]);
    send(a, 2, 8, { tag: 7 });
    send(b, 1, 8, { tag: 9 });
    expect(b.received).toMatchObject([{ src: 1, dst: 2, netIndex: 2, ttl: 4 }]);
    expect(a.received).toMatchObject([{ src: 2, dst: 1, netIndex: 1, ttl: 4 }]);
    expect([...tags(b), ...tags(a)]).toEqual([7, 9]);
    expect(bridge.layer.counters).toMatchObject({ bridged: 2, relayed: 0 });
  });

  it('carries them one way alone when the entry says so', () => {
    const { a, b, send } = new Subnets([{ ...BOTH_WAYS, directions: 1 }]);
    send(a, 2);
    send(b, 1);
    expect(b.received).toHaveLength(1);
    expect(a.received).toHaveLength(0);
  });

  it('carries segmented messages and their acknowledgments, on an air that loses a fifth', () => {
    const { a, b, send } = new Subnets([BOTH_WAYS], { loss: 0.2 });
    expect(send(a, 2, 300, { tag: 3 })).toBe('sent');
    expect(send(b, 1, 300, { tag: 4 })).toBe('sent');
    expect(b.received[0]?.payload).toEqual(appMessage(1, 2, 300, 3).payload);
    expect(a.received[0]?.payload).toEqual(appMessage(2, 1, 300, 4).payload);
  });

  it('carries messages to a group one way, to itself as well when it is a member', () => {
    const { a, b, bridge, send } = new Subnets([{ ...BOTH_WAYS, directions: 1, address2: GROUP }]);
    for (const node of [a, b, bridge]) node.groups.add(GROUP);
    bridge.layer.addAppKey(0, 1, APP_KEY);
    send(a, GROUP, 8, { tag: 1 });
    send(b, GROUP, 8, { tag: 2 });
    expect(tags(b)).toEqual([1, 2]); // its own by loopback
    expect(tags(a)).toEqual([1]);
    expect(tags(bridge)).toEqual([1]);
  });

  it('carries nothing else: other addresses, other subnets, TTL below 2, its own, or while it is off', () => {
    const { a, b, bridge, air, send } = new Subnets([BOTH_WAYS, { ...BOTH_WAYS, address2: 3 }]);
    const c = a.layer;
    expect(send(a, 4)).toBe('sent');
    send(a, 3);
    send(a, 2, 8, { ttl: 0 });
    expect(b.received).toHaveLength(0);
    bridge.layer.bridge.enabled = false;
    send(a, 2);
    expect(bridge.layer.counters.bridged).toBe(0);
    bridge.layer.bridge.enabled = true;
    bridge.layer.send({ ...appMessage(3, 2, 8), key: { kind: 'device', node: 3 }, netIndex: 1 });
    expect(bridge.layer.counters.bridged).toBe(0);
    expect(c.counters.sent).toBe(4);
    expect(air.length).toBeGreaterThan(0);
    send(a, 2);
    expect(b.received).toHaveLength(1);
  });

  it('sends one copy to each subnet, however many entries name it, and does not take it for new when it hears it back', () => {
    const third: BridgingEntry = { ...BOTH_WAYS, directions: 1, netKeyIndex2: 0, address2: GROUP };
    const twice: BridgingEntry = { ...BOTH_WAYS, directions: 1, address2: GROUP };
    const subnets = new Subnets([twice, third]);
    const { a, b, bridge, send } = subnets;
    // A second bridge and a relay of subnet 2 that send everything back.
    const other = subnets.mesh.add({ ...ALL_SUBNETS, relay: { count: 1, intervalMs: 20 } });
    for (const entry of [twice, third, { ...twice, netKeyIndex1: 2, netKeyIndex2: 1 }]) other.layer.bridge.add(entry);
    other.layer.bridge.enabled = true;
    b.groups.add(GROUP);
    send(a, GROUP);
    expect(b.received).toHaveLength(1);
    expect(bridge.layer.counters.bridged).toBe(2);
    expect(other.layer.counters.bridged).toBe(2);
    subnets.mesh.clock.advance(10_000);
    expect(bridge.layer.counters.bridged).toBe(2);
  });
});

describe('replays', () => {
  it('are not bridged, though the message cache has forgotten them', () => {
    const subnets = new Subnets([BOTH_WAYS], { limits: { cacheEntries: 2 } });
    const { a, bridge, send } = subnets;
    // More than the filter of exact copies remembers as well.
    for (let tag = 1; tag <= 40; tag++) send(a, 2, 8, { tag });
    expect(bridge.layer.counters.bridged).toBe(40);
    subnets.replay(subnets.air.slice());
    expect(bridge.layer.counters.bridged).toBe(40);
    expect(bridge.layer.counters.replayed).toBeGreaterThanOrEqual(40);
  });

  it('are not bridged after a restart either', () => {
    const store = new MemoryStore();
    const subnets = new Subnets([BOTH_WAYS], { store });
    const { a, bridge, send } = subnets;
    send(a, 2, 8, { tag: 1 });
    bridge.layer.close();
    const heard = subnets.air.slice();
    const again = subnets.mesh.add({ ...ALL_SUBNETS, store, address: 3 });
    expect(again.layer.bridge.enabled).toBe(true);
    expect(again.layer.bridge.entries).toEqual([BOTH_WAYS]);
    subnets.replay(heard);
    expect(again.layer.counters.bridged).toBe(0);
    send(a, 2, 8, { tag: 2 });
    expect(again.layer.counters.bridged).toBe(1);
  });

  it('of entries that were removed and added again are not bridged', () => {
    const subnets = new Subnets([BOTH_WAYS], { limits: { cacheEntries: 2 } });
    const { a, bridge, send } = subnets;
    for (let tag = 1; tag <= 40; tag++) send(a, 2, 8, { tag });
    const heard = subnets.air.slice();
    bridge.layer.bridge.remove({ ...BOTH_WAYS, address1: 0, address2: 0 });
    expect(bridge.layer.bridge.entries).toEqual([]);
    bridge.layer.bridge.add(BOTH_WAYS);
    subnets.replay(heard);
    expect(bridge.layer.counters).toMatchObject({ bridged: 40, replayed: expect.any(Number) });
    expect(bridge.layer.counters.replayed).toBeGreaterThanOrEqual(40);
  });

  it('cannot come in because the list could not be written: nothing is bridged then', () => {
    const store = new FailingStore(Number.POSITIVE_INFINITY);
    const { a, b, bridge, send } = new Subnets([BOTH_WAYS], { store });
    store.left = 0;
    send(a, 2);
    expect(bridge.layer.counters.bridged).toBe(0);
    store.left = Number.POSITIVE_INFINITY;
    send(a, 2);
    expect(bridge.layer.counters.bridged).toBe(1);
    expect(b.received).toHaveLength(1);
  });
});

describe('in the course of an IV Update', () => {
  it('keeps the IV Index that a message came with, the old one and the new one', () => {
    const subnets = new Subnets([BOTH_WAYS]);
    const { a, b, bridge, air, send } = subnets;
    for (const { layer } of [a, b, bridge]) layer.ivUpdate.testMode = true;
    // The bridge and the destination know of the update, the source does not yet: it still sends with index 0.
    for (const { layer } of [b, bridge]) layer.ivUpdate.test(true);
    send(a, 2, 8, { tag: 1 });
    // The source is through with it already, the others are not.
    a.layer.ivUpdate.test(true);
    a.layer.ivUpdate.test(false);
    send(a, 2, 8, { tag: 2 });
    expect(tags(b)).toEqual([1, 2]);
    expect(new Set(air.map((octets) => octets[0]! >> 7))).toEqual(new Set([0, 1]));
    expect(bridge.layer.counters.bridged).toBe(2);
    // What came with index 0 is older than anything with index 1.
    const [old] = air;
    subnets.mesh.air.join().advertising.send({ type: 0x2a, data: old! }, { count: 1, intervalMs: 20 }, () => {});
    subnets.mesh.clock.advance(1000);
    expect(bridge.layer.counters.bridged).toBe(2);
  });

  it('forgets replay entries that no accepted message can be older than', () => {
    const store = new MemoryStore();
    const { a, bridge, send } = new Subnets([BOTH_WAYS], { store });
    send(a, 2);
    expect(store.keys('bridge/rpl/')).toHaveLength(1);
    bridge.layer.ivUpdate.testMode = true;
    bridge.layer.ivUpdate.test(true);
    bridge.layer.ivUpdate.test(false);
    expect(store.keys('bridge/rpl/')).toHaveLength(1);
    bridge.layer.ivUpdate.test(true);
    expect(store.keys('bridge/rpl/')).toHaveLength(0);
  });
});

describe('Key Refresh', () => {
  it('sends to a subnet with the key that the subnet uses', () => {
    const subnets = new Subnets([BOTH_WAYS]);
    const { a, b, bridge, send } = subnets;
    for (const { layer } of [b, bridge]) {
      layer.keys.updateNetKey(2, new Uint8Array(16).fill(0xb2));
      layer.keys.setPhase(2, 2);
    }
    b.layer.keys.setPhase(2, 3);
    send(a, 2, 8, { tag: 5 });
    expect(tags(b)).toEqual([5]);
  });
});

it('drops what cannot wait any longer in a flood', () => {
  let heard: ((ad: Heard) => void) | undefined;
  const blocked = (advertising: Advertising): Advertising => ({
    ...advertising,
    sets: 1,
    minIntervalMs: 20,
    receive: (types, listener) => {
      heard = listener;
      return advertising.receive(types, listener);
    },
    send: () => () => {}, // never done
  });
  const mesh = new TestMesh('flood');
  const a = mesh.add(member(1));
  const bridge = mesh.add({ ...ALL_SUBNETS, address: 3 }, blocked);
  bridge.layer.bridge.add(BOTH_WAYS);
  bridge.layer.bridge.enabled = true;
  for (let i = 0; i < 70; i++) {
    a.layer.send(appMessage(1, 2, 8, i));
    mesh.clock.advance(200);
  }
  expect(heard).toBeDefined();
  expect(bridge.layer.counters).toMatchObject({ bridged: 64, relayDropped: 6 });
});

describe('with other roles', () => {
  it('bridges between a client of its proxy and another subnet, and not for one while it is no proxy', () => {
    const subnets = new Subnets([{ ...BOTH_WAYS, address1: 9 }]);
    const { mesh, b, bridge, send } = subnets;
    const client = mesh.addClient(9, member(1));
    bridge.layer.proxy.states.setNodeIdentity(1, true);
    mesh.connect(client, bridge);
    mesh.clock.advance(1000);
    send(client, 2, 8, { tag: 1 });
    expect(b.received).toHaveLength(0);
    bridge.layer.proxy.states.gattProxy = true;
    send(client, 2, 8, { tag: 2 });
    send(b, 9, 8, { tag: 3 });
    expect(tags(b)).toEqual([2]);
    expect(tags(client)).toEqual([3]);
  });

  it('keeps what it bridges to a Low Power node that it is the Friend of, and bridges what that sends', () => {
    const mesh = new FriendMesh('bridge of a friend');
    const a = mesh.add(member(1));
    const lpn = mesh.join({ ...member(2), lowPower: { netIndex: 2 } });
    const { layer } = mesh.add({ ...ALL_SUBNETS, friend: true });
    layer.bridge.add(BOTH_WAYS);
    layer.bridge.enabled = true;
    mesh.befriend(lpn);
    a.layer.send({ ...appMessage(1, 2, 8, 7), ttl: 5 });
    mesh.clock.advance(30_000);
    expect(tags(lpn)).toEqual([7]);
    lpn.layer.send({ ...appMessage(2, 1, 8, 8), ttl: 5, credentials: 'friendship' });
    mesh.clock.advance(5000);
    expect(tags(a)).toEqual([8]);
  });

  it('bridges nothing that came on a path of directed forwarding', () => {
    const mesh = new TestMesh('directed');
    const a = mesh.add({ ...member(1), directed: true });
    const { layer } = mesh.add({ ...ALL_SUBNETS, address: 3, directed: true });
    layer.bridge.add(BOTH_WAYS);
    layer.bridge.enabled = true;
    a.layer.send({ ...appMessage(1, 2, 8), credentials: 'directed' });
    mesh.clock.advance(1000);
    expect(layer.counters).toMatchObject({ received: 1, bridged: 0 });
  });
});
