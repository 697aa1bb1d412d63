import { ALL_FRIENDS, encodeRecord, MemoryStore, type Write } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import type { ControlMessageType } from './control-message.ts';
import {
  FriendClear,
  FriendClearConfirm,
  FriendOffer,
  FriendPoll,
  FriendRequest,
  FriendSubscriptionListAdd,
  FriendSubscriptionListConfirm,
  FriendUpdate,
} from './control-messages.ts';
import { FriendMesh, tags } from './testing/friendship.ts';
import { appMessage, NET_KEY, type TestNode } from './testing/node.ts';

const REQUEST: FriendRequest = {
  rssiFactor: 0,
  receiveWindowFactor: 0,
  minQueueSizeLog: 1,
  receiveDelay: 100,
  pollTimeout: 300,
  previousAddress: 0,
  numElements: 1,
  lpnCounter: 0,
};

/** A member of the network that says what it likes. */
function say<T>(from: TestNode, dst: number, type: ControlMessageType<T>, value: T, ttl = 0, netIndex = 0): void {
  const { opcode } = type;
  from.layer.sendControl({ src: from.layer.address, dst, opcode, parameters: type.encode(value), ttl, netIndex });
}

describe('a Friend and messages that are out of place', () => {
  it('makes no offer for a Request that did not come directly, to all Friends, with elements that can be', () => {
    const mesh = new FriendMesh('odd requests');
    mesh.join({ friend: true });
    const other = mesh.join();
    const edge = mesh.join({ address: 0x7fff });
    const offers: unknown[] = [];
    for (const { layer } of [other, edge])
      layer.handleControl(FriendOffer.opcode, (message) => offers.push(message.dst));
    say(other, ALL_FRIENDS, FriendRequest, REQUEST, 5);
    say(other, 1, FriendRequest, REQUEST);
    say(edge, ALL_FRIENDS, FriendRequest, { ...REQUEST, numElements: 2 });
    mesh.clock.advance(2000);
    expect(offers).toEqual([]);
    say(edge, ALL_FRIENDS, FriendRequest, REQUEST);
    mesh.clock.advance(2000);
    expect(offers).toEqual([0x7fff]);
  });

  it('makes no offer when the subnet is gone in the meantime', () => {
    const mesh = new FriendMesh('subnet gone');
    const friend = mesh.join({ friend: true });
    const other = mesh.join();
    say(other, ALL_FRIENDS, FriendRequest, REQUEST);
    mesh.clock.advance(100);
    friend.layer.removeNetKey(0);
    mesh.clock.advance(2000);
    expect(friend.layer.counters.sent).toBe(0);
  });

  it('answers a new Request of a Low Power node that forgot its friendship', () => {
    const mesh = new FriendMesh('forgetful');
    const friend = mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: true });
    mesh.befriend(lpn);
    const reasons: unknown[] = [];
    friend.layer.friend?.events.subscribe((event) => reasons.push('reason' in event ? event.reason : event.type));
    lpn.layer.close();
    mesh.befriend(mesh.join({ lowPower: true, address: 2, store: lpn.store }));
    expect(reasons).toEqual(['requested-anew', 'established']);
  });

  it('takes no orders that others give under managed flooding', () => {
    const mesh = new FriendMesh('strangers');
    const friend = mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: true });
    const other = mesh.join();
    mesh.befriend(lpn);
    mesh.clock.advance(2000);
    const { friendAnswers } = friend.layer.counters;
    say(other, 1, FriendPoll, { fsn: 1 });
    say(other, 1, FriendSubscriptionListAdd, { transactionNumber: 0, addressList: [0xc009] });
    for (const lpnCounter of [300, 0xffff]) say(other, 1, FriendClear, { lpnAddress: 2, lpnCounter });
    say(other, 1, FriendClear, { lpnAddress: 4, lpnCounter: 0 });
    say(other, 1, FriendClearConfirm, { lpnAddress: 2, lpnCounter: 0 });
    mesh.clock.advance(2000);
    expect(friend.layer.counters.friendAnswers).toBe(friendAnswers);
    expect(friend.layer.friend?.lowPowerNodes).toMatchObject([{ address: 2, subscriptions: [0xffff] }]);
  });

  it('confirms a Clear that is repeated, also when the friendship is over already', () => {
    const mesh = new FriendMesh('clear again');
    mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: true });
    const other = mesh.join();
    mesh.befriend(lpn);
    const confirmed: number[] = [];
    other.layer.handleControl(FriendClearConfirm.opcode, ({ ttl }) => confirmed.push(ttl));
    lpn.layer.close();
    for (let i = 0; i < 2; i++) {
      say(other, 1, FriendClear, { lpnAddress: 2, lpnCounter: 1 }, 0x7f);
      mesh.clock.advance(1000);
    }
    mesh.clock.advance(40_000);
    say(other, 1, FriendClear, { lpnAddress: 2, lpnCounter: 1 }, 0x7f);
    mesh.clock.advance(1000);
    expect(confirmed).toEqual([0x7f, 0x7f]);
  });

  it('repeats its own Clear after 1, 2, 4, 8 s, until it is confirmed or twice the PollTimeout is over', () => {
    const mesh = new FriendMesh('clear procedure');
    mesh.join({ friend: true });
    const former = mesh.join();
    const store = new MemoryStore();
    store.batch([['lpn', encodeRecord({ friend: 2, lpnCounter: 7 })]]);
    const heard: number[] = [];
    let confirms = false;
    former.layer.handleControl(FriendClear.opcode, ({ parameters, ttl }) => {
      expect([...parameters, ttl]).toEqual([0, 3, 0, heard.length < 5 ? 8 : 9, 0x7f]);
      heard.push(Math.round(mesh.clock.now / 1000));
      if (confirms) say(former, 1, FriendClearConfirm, { lpnAddress: 3, lpnCounter: 9 }, 0x7f);
    });
    const lpn = mesh.join({ lowPower: { pollTimeoutMs: 10_000 }, store });
    mesh.clock.advance(60_000);
    const since = heard.map((at) => at - heard[0]!);
    expect(since).toEqual([0, 1, 3, 7, 15]);
    lpn.layer.close();
    confirms = true;
    store.batch([['lpn', encodeRecord({ friend: 2, lpnCounter: 8 })]]);
    mesh.join({ lowPower: { pollTimeoutMs: 10_000 }, store, address: 3 });
    mesh.clock.advance(60_000);
    expect(heard.length).toBe(6);
  });

  it('keeps replayed messages out of the queue', () => {
    const mesh = new FriendMesh('replay');
    const friend = mesh.join({ friend: true, limits: { cacheEntries: 2 } });
    const lpn = mesh.join({ lowPower: { pollTimeoutMs: 300_000 } });
    const sender = mesh.join();
    const [attacker] = [mesh.air.join().advertising];
    const recorded: Uint8Array[] = [];
    mesh.befriend(lpn);
    mesh.clock.advance(2000);
    attacker.receive([0x2a], ({ data }) => recorded.push(data));
    for (let i = 0; i < 20; i++) {
      sender.layer.send(appMessage(3, 2, i % 5 === 0 ? 20 : 5, i));
      mesh.clock.advance(2000);
    }
    const { friendQueued } = friend.layer.counters;
    const heard = [...recorded];
    for (let round = 0; round < 3; round++) {
      for (const data of heard) {
        attacker.send({ type: 0x2a, data }, { count: 1, intervalMs: 20 }, () => {});
        mesh.clock.advance(50);
      }
    }
    expect(friend.layer.counters.friendQueued).toBe(friendQueued);
    lpn.layer.lowPower?.poll();
    mesh.clock.advance(20_000);
    expect(tags(lpn)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });
});

describe('a Low Power node and messages that are out of place', () => {
  it('takes no offers that it did not ask for, from the wrong subnet, or of too little', () => {
    const mesh = new FriendMesh('odd offers');
    const second = { index: 1, key: new Uint8Array(16).fill(0x66) };
    const both = [{ index: 0, key: NET_KEY }, second];
    const lpn = mesh.join({ lowPower: true, netKeys: both, appKeys: [] });
    const other = mesh.join({ netKeys: both, appKeys: [] });
    const offer = { receiveWindow: 255, queueSize: 16, subscriptionListSize: 1, rssi: 0, friendCounter: 0 };
    other.layer.handleControl(FriendRequest.opcode, () => {});
    mesh.clock.advance(300);
    say(other, 1, FriendOffer, { ...offer, queueSize: 8 });
    say(other, 1, FriendOffer, offer, 0, 1);
    mesh.clock.advance(300);
    expect(lpn.layer.lowPower?.state).toBe('requesting');
    say(other, 1, FriendOffer, offer);
    mesh.clock.advance(100);
    expect(lpn.layer.lowPower?.state).toBe('establishing');
    say(other, 1, FriendOffer, { ...offer, friendCounter: 1 });
    mesh.clock.advance(5000);
    expect(lpn.layer.lowPower?.friend).toBeUndefined(); // the one that offered does not answer Polls
    expect(lpn.layer.counters.friendshipsLost).toBe(0);
  });

  it('follows no Update or Confirm that is not of its Friend', () => {
    const mesh = new FriendMesh('strange updates');
    const lpn = mesh.join({ lowPower: true });
    const other = mesh.join();
    mesh.clock.advance(300);
    say(other, 1, FriendUpdate, { flags: 2, ivIndex: 1, md: 0 });
    say(other, 1, FriendSubscriptionListConfirm, { transactionNumber: 0 });
    say(other, 1, FriendClearConfirm, { lpnAddress: 1, lpnCounter: 0 });
    mesh.clock.advance(500);
    expect([lpn.layer.ivIndex, lpn.layer.lowPower?.state]).toEqual([0, 'requesting']);
  });

  it('looks for a Friend again and again, with pauses, also without a bearer', () => {
    const mesh = new FriendMesh('lonely');
    const lpn = mesh.join({ lowPower: { requestIntervalMs: 5000 } });
    mesh.clock.advance(61_000);
    expect(lpn.layer.counters.sent).toBe(10);
    expect(mesh.meter(lpn).onMs).toBeLessThan(11_000);
    lpn.layer.lowPower!.enabled = false;
    expect(lpn.layer.lowPower?.state).toBe('off');
    mesh.clock.advance(60_000);
    expect(lpn.layer.counters.sent).toBe(10);
  });

  it('begins anew when the subnet of its friendship goes, and finds no way without it', () => {
    const mesh = new FriendMesh('key gone');
    mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: true });
    mesh.befriend(lpn);
    lpn.layer.removeNetKey(0);
    expect(lpn.layer.lowPower?.friend).toBeUndefined();
    mesh.clock.advance(30_000);
    expect(lpn.layer.lowPower?.state).toBe('searching');
    lpn.layer.addNetKey(0, NET_KEY);
    mesh.befriend(lpn);
  });

  it('becomes a friend although its store refuses to note it', () => {
    class Refusing extends MemoryStore {
      override batch(writes: Iterable<Write>): void {
        const all = [...writes];
        if (all.some(([key]) => key === 'lpn')) throw new Error('worn out');
        super.batch(all);
      }
    }
    const mesh = new FriendMesh('worn out');
    mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: true, store: new Refusing() });
    mesh.befriend(lpn);
  });

  it('polls as often as it is told to, and again slowly', () => {
    const mesh = new FriendMesh('hurry');
    mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: true });
    mesh.befriend(lpn);
    mesh.clock.advance(3000);
    const polls = (ms: number) => {
      const before = lpn.layer.counters.polls;
      mesh.clock.advance(ms);
      return lpn.layer.counters.polls - before;
    };
    expect(polls(20_000)).toBe(0);
    const lowPower = lpn.layer.lowPower!;
    expect(lowPower.pollIntervalMs).toBeUndefined();
    lowPower.pollIntervalMs = 500;
    expect(polls(20_000)).toBeGreaterThan(25);
    lowPower.pollIntervalMs = undefined;
    mesh.clock.advance(1000);
    expect(polls(20_000)).toBe(0);
  });
});
