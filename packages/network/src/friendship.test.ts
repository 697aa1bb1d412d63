import { portableCrypto, virtualAddress } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import type { FriendEvent } from './friend.ts';
import { FriendMesh, tags } from './testing/friendship.ts';
import { appMessage, track } from './testing/node.ts';

const MINUTE = 60_000;

describe('establishing a friendship', () => {
  it('takes Request, Offer, Poll and Update; both say so', () => {
    const mesh = new FriendMesh('establish');
    const friend = mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: true, elements: 3 });
    const states: string[] = [];
    const events: FriendEvent[] = [];
    lpn.layer.lowPower?.events.subscribe(({ state }) => states.push(state));
    friend.layer.friend?.events.subscribe((event) => events.push(event));
    mesh.clock.advance(1500);
    expect(states).toEqual(['requesting', 'establishing', 'established']);
    expect(events).toEqual([{ type: 'established', lpn: 2, netIndex: 0 }]);
    expect(lpn.layer.lowPower?.friend).toBe(1);
    expect(lpn.layer.features.inUse('lowPower')).toBe(true);
    expect(friend.layer.features.inUse('friend')).toBe(true);
    const [node] = friend.layer.friend?.lowPowerNodes ?? [];
    expect(node).toMatchObject({ address: 2, netIndex: 0, elements: 3, subscriptions: [0xffff], queued: 0 });
    expect(friend.layer.friend?.pollTimeoutLeftMs(2)).toBeGreaterThan(28_000);
    expect(friend.layer.friend?.pollTimeoutLeftMs(3)).toBe(0);
  });

  it('chooses the Friend that answers first, the other one forgets it', () => {
    const mesh = new FriendMesh('choice');
    mesh.join({ friend: { receiveWindowMs: 200 } });
    const quick = mesh.join({ friend: { receiveWindowMs: 50 } });
    const lpn = mesh.join({ lowPower: true });
    mesh.befriend(lpn);
    expect(lpn.layer.lowPower?.friend).toBe(2);
    const counts = mesh.nodes.map(({ layer }) => layer.friend?.lowPowerNodes.length);
    expect(counts).toEqual([0, 1, undefined]);
    expect(quick.layer.friend?.limits.receiveWindowMs).toBe(50);
  });

  it('fails with a Friend that cannot serve, is switched off, or has no room; it is tried again', () => {
    const mesh = new FriendMesh('refusals');
    const friend = mesh.join({ friend: { queueSize: 8, minReceiveDelayMs: 50, lowPowerNodes: 1 } });
    const greedy = mesh.join({ lowPower: { minQueueSizeLog: 4 } });
    const hasty = mesh.join({ lowPower: { minQueueSizeLog: 3, receiveDelayMs: 20 } });
    mesh.clock.advance(20_000);
    expect([greedy, hasty].map(({ layer }) => layer.lowPower?.friend)).toEqual([undefined, undefined]);
    const first = mesh.join({ lowPower: { minQueueSizeLog: 3 } });
    mesh.befriend(first);
    const second = mesh.join({ lowPower: { minQueueSizeLog: 3 } });
    mesh.clock.advance(20_000);
    expect(second.layer.lowPower?.friend).toBeUndefined();
    friend.layer.friend!.enabled = false;
    expect(friend.layer.friend?.lowPowerNodes).toEqual([]);
    mesh.clock.advance(MINUTE);
    expect(first.layer.lowPower?.friend).toBeUndefined();
    friend.layer.friend!.enabled = true;
    mesh.clock.advance(MINUTE);
    const befriended = [first, second].filter(({ layer }) => layer.lowPower?.friend === 1);
    expect(befriended.length).toBe(1);
  });

  it('keeps the Friend state through a restart', () => {
    const mesh = new FriendMesh('friend state');
    const friend = mesh.join({ friend: true });
    friend.layer.friend!.enabled = false;
    friend.layer.close();
    const again = mesh.join({ friend: true, store: friend.store });
    expect(again.layer.friend?.enabled).toBe(false);
    expect(again.layer.features.inUse('friend')).toBe(false);
  });

  it('is not for a node that is to be both, nor with limits out of range', () => {
    const mesh = new FriendMesh('bad options');
    expect(() => mesh.join({ friend: true, lowPower: true })).toThrow(/Friend and Low Power/);
    expect(() => mesh.join({ friend: { queueSize: 1 } })).toThrow('Friend queueSize = 1');
    expect(() => mesh.join({ lowPower: { pollTimeoutMs: 1050 } })).toThrow('Low Power pollTimeoutMs = 1050');
  });
});

describe('a Low Power node with a Friend', () => {
  it('sleeps: its receiver is on for a few windows an hour', () => {
    const mesh = new FriendMesh('sleep');
    mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: { pollTimeoutMs: 300_000 } });
    const talker = mesh.join();
    mesh.befriend(lpn);
    const meter = mesh.meter(lpn);
    const [onMs, heard] = [meter.onMs, meter.heard];
    for (let minute = 0; minute < 60; minute++) {
      talker.layer.send(appMessage(3, 0xc000, 5, minute));
      mesh.clock.advance(MINUTE);
    }
    expect(lpn.layer.lowPower?.friend).toBe(1);
    expect(meter.onMs - onMs).toBeLessThan(5000);
    expect(meter.heard - heard).toBe(lpn.layer.counters.polls - 3);
    expect(lpn.received).toEqual([]);
  });

  it('gets a message when it polls, with a TTL one lower, and only once', () => {
    const mesh = new FriendMesh('delivery');
    const friend = mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: true });
    const sender = mesh.join();
    mesh.befriend(lpn);
    mesh.clock.advance(1000);
    const { heard } = mesh.meter(lpn);
    sender.layer.send({ ...appMessage(3, 2, 9, 77), ttl: 7 });
    mesh.clock.advance(2000);
    expect(mesh.meter(lpn).heard).toBe(heard);
    expect(lpn.received).toEqual([]);
    expect(friend.layer.friend?.lowPowerNodes[0]?.queued).toBe(1);
    lpn.layer.lowPower?.poll();
    mesh.clock.advance(1000);
    expect(lpn.received).toMatchObject([{ src: 3, dst: 2, ttl: 6, seq: 0, credentials: 'friendship' }]);
    mesh.clock.advance(MINUTE);
    expect(tags(lpn)).toEqual([77]);
  });

  it('does not get what has no hop left for it', () => {
    const mesh = new FriendMesh('ttl 0');
    const friend = mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: true });
    const sender = mesh.join();
    mesh.befriend(lpn);
    sender.layer.send({ ...appMessage(3, 2, 9), ttl: 0 });
    mesh.clock.advance(1000);
    expect(friend.layer.counters.friendQueued).toBe(0);
  });

  it.each([12, 100, 380])('gets a segmented message of %i octets, which the Friend acknowledges for it', (length) => {
    const mesh = new FriendMesh(`segmented ${length}`);
    const friend = mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: true });
    const sender = mesh.join();
    mesh.befriend(lpn);
    const message = appMessage(3, 2, length, 5);
    const sent = track((done) => sender.layer.send(message, done));
    mesh.clock.advance(5000);
    expect(sent.outcome).toBe('sent');
    expect(lpn.received).toEqual([]);
    mesh.clock.advance(MINUTE);
    expect(lpn.received.map(({ payload }) => payload)).toEqual([message.payload]);
    expect(friend.layer.counters.friendDropped).toBe(0);
  });

  it('has segmented messages of its own acknowledged, by the Friend, by others and by another sleeper', () => {
    const mesh = new FriendMesh('outgoing');
    mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: true });
    mesh.join();
    const sleeper = mesh.join({ lowPower: true });
    mesh.befriend(lpn, sleeper);
    const outcomes = [1, 3, 4].map((dst) => track((done) => lpn.layer.send(appMessage(2, dst, 100, dst), done)));
    mesh.clock.advance(10_000);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['sent', 'sent', 'sent']);
    mesh.clock.advance(MINUTE);
    expect(mesh.nodes.map(tags)).toEqual([[1], [], [3], [4]]);
  });

  it('may send under friendship credentials: the Friend sends it on under managed flooding', () => {
    const mesh = new FriendMesh('credential flag');
    const friend = mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: true });
    const other = mesh.join();
    mesh.befriend(lpn);
    lpn.layer.send({ ...appMessage(2, 3, 5, 9), credentials: 'friendship', ttl: 5 });
    lpn.layer.send({ ...appMessage(2, 1, 5, 8), credentials: 'friendship', ttl: 5 });
    mesh.clock.advance(1000);
    expect(other.received).toMatchObject([{ src: 2, ttl: 4, credentials: 'flooding' }]);
    expect(friend.received).toMatchObject([{ src: 2, ttl: 5, credentials: 'friendship' }]);
  });

  it('gets what the Friend itself sends: nobody else hears what is for it alone, all hear what is for a group', () => {
    const mesh = new FriendMesh('own messages');
    const friend = mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: true });
    const other = mesh.join();
    lpn.groups.add(0xc000);
    lpn.layer.lowPower!.subscriptions = [0xc000];
    other.groups.add(0xc000);
    mesh.befriend(lpn);
    mesh.clock.advance(1000);
    const { heard } = mesh.meter(other);
    const outcomes = [5, 300].map((length, i) =>
      track((done) => friend.layer.send(appMessage(1, 2, length, i + 1), done)),
    );
    mesh.clock.advance(500);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['sent', 'sent']);
    expect(mesh.meter(other).heard).toBe(heard);
    friend.layer.send(appMessage(1, 0xc000, 60, 3));
    mesh.clock.advance(MINUTE);
    expect(tags(lpn)).toEqual([1, 2, 3]);
    expect(tags(other)).toEqual([3]);
  });

  it('listens again, and gets messages from all, once it is switched off', () => {
    const mesh = new FriendMesh('leave');
    const friend = mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: true });
    const sender = mesh.join();
    mesh.befriend(lpn);
    const events: FriendEvent[] = [];
    friend.layer.friend?.events.subscribe((event) => events.push(event));
    lpn.layer.lowPower!.enabled = false;
    expect(lpn.layer.lowPower?.state).toBe('clearing');
    mesh.clock.advance(500);
    expect(lpn.layer.lowPower?.state).toBe('off');
    expect(events).toEqual([{ type: 'ended', lpn: 2, netIndex: 0, reason: 'cleared' }]);
    sender.layer.send(appMessage(3, 2, 60, 4));
    mesh.clock.advance(5000);
    expect(lpn.received).toMatchObject([{ credentials: 'flooding' }]);
    lpn.layer.lowPower!.enabled = true;
    mesh.befriend(lpn);
  });

  it('goes off without a Friend that would confirm it', () => {
    const mesh = new FriendMesh('leave silently');
    const friend = mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: true });
    mesh.befriend(lpn);
    mesh.meter(friend).broken = true;
    lpn.layer.lowPower!.enabled = false;
    mesh.clock.advance(2900);
    expect(lpn.layer.lowPower?.state).toBe('clearing');
    mesh.clock.advance(200);
    expect(lpn.layer.lowPower?.state).toBe('off');
    expect(mesh.meter(lpn).isOn).toBe(true);
  });
});

describe('the Friend Subscription List', () => {
  const label = new Uint8Array(16).fill(9);
  const virtual = virtualAddress(portableCrypto, label);

  it('has messages to groups, virtual addresses and all nodes kept; changes count at once', () => {
    const mesh = new FriendMesh('groups');
    const friend = mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: true });
    const sender = mesh.join();
    for (const group of [0xc000, 0xc001]) lpn.groups.add(group);
    lpn.labels.set(virtual, [label]);
    lpn.layer.lowPower!.subscriptions = [0xc000, virtual];
    mesh.befriend(lpn);
    const say = (from: number) => {
      sender.layer.send(appMessage(3, 0xc000, 5, from));
      sender.layer.send(appMessage(3, 0xc001, 5, from + 1));
      sender.layer.send({ ...appMessage(3, virtual, 40, from + 2), label });
      sender.layer.send(appMessage(3, 0xffff, 5, from + 3));
      mesh.clock.advance(MINUTE);
    };
    say(10);
    expect(tags(lpn).sort()).toEqual([10, 12, 13]);
    lpn.layer.lowPower!.subscriptions = [0xc001, virtual];
    mesh.clock.advance(2000);
    lpn.received.length = 0;
    say(20);
    expect(tags(lpn).sort()).toEqual([21, 22, 23]);
    expect(friend.layer.friend?.lowPowerNodes[0]?.subscriptions.toSorted()).toEqual([virtual, 0xc001, 0xffff]);
  });

  it('is sent five addresses at a time, and no more than the Friend has room for', () => {
    const mesh = new FriendMesh('many groups');
    const friend = mesh.join({ friend: { subscriptionListSize: 12 } });
    const lpn = mesh.join({ lowPower: { allNodes: false } });
    const groups = Array.from({ length: 20 }, (_, i) => 0xc000 + i);
    lpn.layer.lowPower!.subscriptions = groups;
    mesh.befriend(lpn);
    mesh.clock.advance(5000);
    expect(friend.layer.friend?.lowPowerNodes[0]?.subscriptions).toEqual(groups.slice(0, 12));
    lpn.layer.lowPower!.subscriptions = groups.slice(10);
    mesh.clock.advance(5000);
    expect(friend.layer.friend?.lowPowerNodes[0]?.subscriptions).toHaveLength(10);
  });
});

describe('friendship with queue overflow', () => {
  it('loses the oldest messages, counts them, and delivers the newest in their order', () => {
    const mesh = new FriendMesh('overflow');
    const friend = mesh.join({ friend: { queueSize: 16 } });
    const lpn = mesh.join({ lowPower: { pollTimeoutMs: 300_000 } });
    const sender = mesh.join();
    mesh.befriend(lpn);
    mesh.clock.advance(2000);
    for (let i = 0; i < 40; i++) {
      sender.layer.send(appMessage(3, 2, 5, i));
      mesh.clock.advance(200);
    }
    expect(friend.layer.friend?.lowPowerNodes[0]?.queued).toBe(16);
    expect(friend.layer.counters.friendDropped).toBe(24);
    mesh.clock.advance(5 * MINUTE);
    expect(tags(lpn)).toEqual(Array.from({ length: 16 }, (_, i) => 24 + i));
    expect(lpn.layer.counters.replayed).toBe(0);
  });

  it('drops segmented messages whole: what is left can still be put together', () => {
    const mesh = new FriendMesh('overflow of segments');
    mesh.join({ friend: { queueSize: 16 } });
    const lpn = mesh.join({ lowPower: { pollTimeoutMs: 300_000 } });
    const sender = mesh.join();
    mesh.befriend(lpn);
    mesh.clock.advance(2000);
    const outcomes = [1, 2, 3].map((tag) => track((done) => sender.layer.send(appMessage(3, 2, 80, tag), done)));
    mesh.clock.advance(10_000);
    for (const tag of [4, 5]) sender.layer.send(appMessage(3, 2, 5, tag));
    mesh.clock.advance(5 * MINUTE);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['sent', 'sent', 'sent']);
    expect(tags(lpn)).toEqual([2, 3, 4, 5]);
  });

  it('refuses at once a message that is longer than the queue', () => {
    const mesh = new FriendMesh('too long');
    const friend = mesh.join({ friend: { queueSize: 16 } });
    const lpn = mesh.join({ lowPower: true });
    const sender = mesh.join();
    mesh.befriend(lpn);
    const outcomes = [189, 188].flatMap((length) =>
      [sender, friend].map(({ layer }) =>
        track((done) => layer.send(appMessage(layer.address, 2, length, length & 0xff), done)),
      ),
    );
    mesh.clock.advance(MINUTE);
    expect(outcomes.map(({ outcome }) => (outcome === 'sent' ? outcome : outcome?.code))).toEqual([
      'segmented-refused',
      'segmented-refused',
      'sent',
      'sent',
    ]);
    expect(lpn.received.map(({ payload }) => payload.length)).toEqual([188]);
  });

  it('keeps the newest acknowledgment of a message only', () => {
    const mesh = new FriendMesh('acknowledgments');
    const friend = mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: true });
    const sarReceiver = { segmentsThreshold: 0, acknowledgmentRetransmissionsCount: 3 };
    mesh.join({ sarReceiver });
    mesh.befriend(lpn);
    lpn.layer.send(appMessage(2, 3, 200));
    mesh.clock.advance(2500);
    mesh.meter(lpn).broken = true;
    mesh.clock.advance(1000);
    expect(friend.layer.friend?.lowPowerNodes[0]?.queued).toBeLessThanOrEqual(1);
    expect(friend.layer.counters.friendQueued).toBeGreaterThan(2);
  });
});
