import { memoryGattLinks } from '@meshferry/bearer';
import { describe, expect, it } from 'vitest';
import { FriendMesh, tags } from './testing/friendship.ts';
import { appMessage, type TestNode } from './testing/node.ts';
import { ScriptedProxyClient } from './testing/scripted-proxy-client.ts';

const CLIENT = 0x0500;

/** A client to which everything passes. It fails on what it cannot read, such as what has friendship credentials. */
function listenTo(mesh: FriendMesh, node: TestNode): ScriptedProxyClient {
  const { client, server } = memoryGattLinks(mesh.clock, { mtu: 69 });
  node.layer.attachProxyClient(server);
  const scripted = new ScriptedProxyClient(mesh.clock, client, CLIENT);
  scripted.configure({ type: 'set-filter-type', filterType: 'reject' });
  mesh.clock.advance(200);
  scripted.take();
  return scripted;
}

describe('a Friend that is a proxy, too', () => {
  it('carries messages between its Low Power node and its clients, those to GATT under flooding credentials', () => {
    const mesh = new FriendMesh('friend and proxy');
    const friend = mesh.join({ friend: true, gattProxy: true });
    const lpn = mesh.join({ lowPower: true });
    mesh.befriend(lpn);
    const client = listenTo(mesh, friend);
    lpn.layer.send({ ...appMessage(2, CLIENT, 8), credentials: 'friendship' });
    mesh.clock.advance(5000);
    expect(client.take()).toContainEqual({ network: { src: 2, dst: CLIENT, ttl: 4 } });
    expect(friend.layer.counters.relayed).toBe(1); // over the air as well

    client.send(appMessage(CLIENT, 2, 8, 5));
    mesh.clock.advance(60_000);
    expect(tags(lpn)).toEqual([5]);
  });

  it('gives nothing of a friendship to clients', () => {
    const mesh = new FriendMesh('nothing of a friendship');
    const friend = mesh.join({ friend: true, gattProxy: true });
    const lpn = mesh.join({ lowPower: true });
    const [atFriend, atLpn] = [friend, lpn].map((node) => listenTo(mesh, node));
    mesh.befriend(lpn);
    for (const client of [atFriend, atLpn]) client?.take();
    friend.layer.send(appMessage(1, 2, 100, 7));
    lpn.layer.send(appMessage(2, CLIENT, 8));
    mesh.clock.advance(60_000);
    expect(tags(lpn)).toEqual([7]);
    expect(lpn.layer.counters.polls).toBeGreaterThan(5);
    // Polls, Updates and what the queue holds are not for them, and they could not read it.
    expect(atLpn?.take()).toEqual([{ network: { src: 2, dst: CLIENT, ttl: 5 } }]);
    const heard = atFriend?.take() ?? [];
    expect(heard).toContainEqual({ network: { src: 2, dst: CLIENT, ttl: 4 } });
    expect(heard.filter((received) => !('network' in received))).toEqual([]);
  });
});
