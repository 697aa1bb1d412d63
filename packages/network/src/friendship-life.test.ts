import { describe, expect, it } from 'vitest';
import type { FriendEvent } from './friend.ts';
import { HOUR } from './testing/beacon.ts';
import { FriendMesh, tags } from './testing/friendship.ts';
import { appMessage, NET_KEY } from './testing/node.ts';

const MINUTE = 60_000;

describe('a friendship that ends', () => {
  it('is begun anew when the Friend comes back; what was queued is gone', () => {
    const mesh = new FriendMesh('power failure');
    const friend = mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: true });
    const sender = mesh.join();
    mesh.befriend(lpn);
    mesh.meter(friend).broken = true;
    mesh.clock.advance(2 * MINUTE);
    expect(lpn.layer.lowPower?.friend).toBeUndefined();
    expect(lpn.layer.counters.friendshipsLost).toBe(1);
    expect(friend.layer.friend?.lowPowerNodes).toEqual([]);
    mesh.meter(friend).broken = false;
    mesh.befriend(lpn);
    sender.layer.send(appMessage(3, 2, 60, 6));
    mesh.clock.advance(MINUTE);
    expect(tags(lpn)).toEqual([6]);
  });

  it('is continued with another Friend, and the former one told so', () => {
    const mesh = new FriendMesh('moving');
    const old = mesh.join({ friend: { receiveWindowMs: 50 } });
    const lpn = mesh.join({ lowPower: { pollTimeoutMs: 600_000, pollIntervalMs: 5000 } });
    mesh.befriend(lpn);
    const young = mesh.join({ friend: { receiveWindowMs: 255 } });
    const events: FriendEvent[] = [];
    old.layer.friend?.events.subscribe((event) => events.push(event));
    mesh.meter(old).broken = true;
    mesh.clock.advance(20_000);
    expect(lpn.layer.lowPower?.friend).toBe(3);
    expect(old.layer.friend?.lowPowerNodes.length).toBe(1);
    mesh.meter(old).broken = false;
    mesh.clock.advance(MINUTE);
    expect(events).toEqual([{ type: 'ended', lpn: 2, netIndex: 0, reason: 'cleared' }]);
    expect(young.layer.friend?.lowPowerNodes.length).toBe(1);
  });

  it('is over for the Friend after the PollTimeout, at once when its subnet goes', () => {
    const mesh = new FriendMesh('poll timeout');
    const friend = mesh.join({ friend: true });
    const [silent, other] = [mesh.join({ lowPower: true }), mesh.join({ lowPower: true })];
    mesh.befriend(silent, other);
    mesh.clock.advance(2000);
    const reasons: string[] = [];
    friend.layer.friend?.events.subscribe((event) => reasons.push(event.type === 'ended' ? event.reason : 'new'));
    silent.layer.close();
    mesh.clock.advance(31_000);
    expect(reasons).toEqual(['poll-timeout']);
    friend.layer.removeNetKey(0);
    expect(reasons).toEqual(['poll-timeout', 'key-removed']);
  });

  it('is remembered through a restart of the Low Power node: the former Friend is told', () => {
    const mesh = new FriendMesh('restart');
    const old = mesh.join({ friend: { receiveWindowMs: 50 } });
    const lpn = mesh.join({ lowPower: { pollTimeoutMs: 600_000 } });
    mesh.befriend(lpn);
    lpn.layer.close();
    const young = mesh.join({ friend: true });
    mesh.meter(old).broken = true;
    const again = mesh.join({ lowPower: true, store: lpn.store, address: 2 });
    mesh.befriend(again);
    expect(young.layer.friend?.lowPowerNodes.length).toBe(1);
    mesh.meter(old).broken = false;
    mesh.clock.advance(MINUTE);
    expect(old.layer.friend?.lowPowerNodes).toEqual([]);
  });
});

describe('a Friend of several', () => {
  it('keeps their messages apart, those to a group for all of them', () => {
    const mesh = new FriendMesh('several');
    mesh.join({ friend: true });
    const sleepers = [1, 2, 3, 4, 5].map(() => mesh.join({ lowPower: true }));
    for (const sleeper of sleepers) {
      sleeper.groups.add(0xc000);
      sleeper.layer.lowPower!.subscriptions = [0xc000];
    }
    const sender = mesh.join();
    mesh.befriend(...sleepers);
    mesh.clock.advance(5000);
    for (const { layer } of sleepers) sender.layer.send(appMessage(7, layer.address, 50, layer.address));
    sender.layer.send(appMessage(7, 0xc000, 50, 99));
    mesh.clock.advance(MINUTE);
    const expected = sleepers.map(({ layer }) => [layer.address, 99].toSorted());
    expect(sleepers.map((sleeper) => tags(sleeper).toSorted())).toEqual(expected);
  });

  it('serves one Low Power node of each of two subnets', () => {
    const mesh = new FriendMesh('two subnets');
    const second = { index: 1, key: new Uint8Array(16).fill(0x66) };
    const both = [{ index: 0, key: NET_KEY }, second];
    const friend = mesh.join({ friend: true, netKeys: both, appKeys: [] });
    const a = mesh.join({ lowPower: true });
    const b = mesh.join({ lowPower: { netIndex: 1 }, netKeys: [second], appKeys: [] });
    mesh.befriend(a, b);
    expect(friend.layer.friend?.lowPowerNodes.map((node) => [node.address, node.netIndex])).toEqual(
      expect.arrayContaining([
        [2, 0],
        [3, 1],
      ]),
    );
  });
});

describe('the state of the network through Friend Update', () => {
  it('lets a sleeper follow an IV Update, and read messages of before and after it', () => {
    const mesh = new FriendMesh('iv update');
    const friend = mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: true });
    mesh.befriend(lpn);
    for (const { layer } of mesh.nodes) layer.ivUpdate.testMode = true;
    mesh.clock.advance(5000);
    const states: unknown[] = [];
    for (const updating of [true, false]) {
      friend.layer.send(appMessage(1, 2, 60, states.length));
      friend.layer.ivUpdate.test(updating);
      mesh.clock.advance(MINUTE);
      states.push([lpn.layer.ivUpdate.ivIndex, lpn.layer.ivUpdate.updating, lpn.layer.counters.beacons]);
    }
    expect(states).toEqual([
      [1, true, 0],
      [1, false, 0],
    ]);
    lpn.layer.send(appMessage(2, 1, 60, 50));
    friend.layer.send(appMessage(1, 2, 60, 51));
    mesh.clock.advance(MINUTE);
    expect([tags(friend), tags(lpn)]).toEqual([[50], [0, 1, 51]]);
    expect(lpn.layer.counters.friendshipsLost).toBe(0);
  });

  it('lets a sleeper follow a Key Refresh without losing its Friend', () => {
    const mesh = new FriendMesh('key refresh');
    const friend = mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: true });
    mesh.befriend(lpn);
    const key = new Uint8Array(16).fill(0x5a);
    for (const { layer } of mesh.nodes) layer.keys.updateNetKey(0, key);
    mesh.clock.advance(MINUTE);
    const phases: unknown[] = [];
    for (const transition of [2, 3] as const) {
      friend.layer.keys.setPhase(0, transition);
      friend.layer.send(appMessage(1, 2, 60, transition));
      mesh.clock.advance(MINUTE);
      phases.push(lpn.layer.keys.phase(0));
    }
    expect(phases).toEqual([2, 0]);
    expect(tags(lpn)).toEqual([2, 3]);
    expect(lpn.layer.lowPower?.friend).toBe(1);
    expect(lpn.layer.counters.friendshipsLost).toBe(0);
  });
});

describe('friendship on a bad radio', () => {
  it.each([0.1, 0.3])('delivers each message once, in its order, with loss %d', (loss) => {
    const mesh = new FriendMesh(`loss ${loss}`, { loss });
    const friend = mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: { pollIntervalMs: 2000, pollAttempts: 20 } });
    mesh.befriend(lpn);
    const sent: number[] = [];
    for (let i = 0; i < 60; i++) {
      friend.layer.send(appMessage(1, 2, i % 3 === 0 ? 60 : 8, i), () => sent.push(i));
      mesh.clock.advance(3000);
    }
    mesh.clock.advance(MINUTE);
    expect(sent.length).toBe(60);
    expect(friend.layer.counters.friendDropped).toBe(0);
    expect(lpn.layer.counters.pollsUnanswered).toBeGreaterThan(5);
    expect(lpn.layer.counters.friendshipsLost).toBe(0);
    expect(tags(lpn)).toEqual(sent);
  });

  it('lives for a day', () => {
    const mesh = new FriendMesh('a day', { loss: 0.2 });
    mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: { pollTimeoutMs: 600_000 } });
    mesh.befriend(lpn);
    mesh.clock.advance(24 * HOUR);
    expect(lpn.layer.lowPower?.friend).toBe(1);
    expect(lpn.layer.counters.pollsUnanswered).toBeGreaterThan(20);
    expect(mesh.meter(lpn).onMs).toBeLessThan(MINUTE);
  });
});
