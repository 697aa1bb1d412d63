import { type GattAdvertisement, type GattLink, MESH_PROXY_SERVICE, memoryGatt } from '@meshferry/bearer';
import { toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import type { NetworkLayerOptions } from './options.ts';
import type { ProxyClientConnection } from './proxy-client.ts';
import { TestNode } from './testing/node.ts';
import { ProxyMesh } from './testing/proxy-mesh.ts';

const OTHER_KEY = new Uint8Array(16).fill(0x77);

/** A node with a peripheral, and a central that looks at its advertising with the keys of another node. */
function setUp(seed: string, options: Partial<NetworkLayerOptions> = {}, connections = 1) {
  const mesh = new ProxyMesh(seed);
  const gatt = memoryGatt(mesh.clock, { mtu: 69 });
  const server = mesh.add(options);
  const peripheral = gatt.peripheral({ connections });
  const stop = server.layer.proxy.serve(peripheral);
  const client = mesh.addClient(0x0700);
  const central = gatt.central();
  const found: GattAdvertisement[] = [];
  central.discover([0x1828], (advertisement) => void found.push(advertisement));
  /** What is seen in a time: how often, and for whom it is taken. */
  const look = (ms: number, candidates: readonly number[] = CANDIDATES) => {
    found.length = 0;
    mesh.clock.advance(ms);
    const seen = new Map<string, number>();
    for (const { data } of found) {
      const proxy = client.layer.proxy.recognise(data, candidates);
      const name = proxy === undefined ? 'unknown' : `${proxy.type} of ${proxy.netIndex} ${proxy.address ?? '-'}`;
      seen.set(name, (seen.get(name) ?? 0) + 1);
    }
    return Object.fromEntries(seen);
  };
  return { mesh, clock: mesh.clock, server, client, central, found, look, stop, states: server.layer.proxy.states };
}

const CANDIDATES = [2, 1, 3];

describe('advertising of a Proxy Server', () => {
  it('shows the Network ID while GATT Proxy is on, also after a restart', () => {
    const { mesh, clock, server, look, states, stop } = setUp('network id');
    expect(look(5000)).toEqual({});
    states.gattProxy = true;
    expect(look(10_000)).toEqual({ 'network-id of 0 -': 10 });
    stop();
    server.layer.close();
    expect(look(10_000)).toEqual({});
    const again = new TestNode({ clock, random: mesh.random, store: server.store, address: 1 });
    expect([again.layer.proxy.states.gattProxy, again.layer.features.inUse('proxy')]).toEqual([true, true]);
  });

  it('shows the node for 60 s instead, fast, when Node Identity runs', () => {
    const { look, states } = setUp('node identity', { gattProxy: true });
    states.setNodeIdentity(0, true);
    expect(look(30_000)).toEqual({ 'node-identity of 0 1': 300 });
    expect(look(5000, [2, 3])).toEqual({ unknown: 50 });
    expect(look(5000)).toEqual({ 'node-identity of 0 1': 50 }); // not forgotten for good
    expect(states.nodeIdentity(0)).toBe(true);
    look(21_000);
    expect(states.nodeIdentity(0)).toBe(false);
    expect(look(10_000)).toEqual({ 'network-id of 0 -': 10 });
    states.setNodeIdentity(0, true);
    states.setNodeIdentity(0, false);
    expect(look(2000)).toEqual({ 'network-id of 0 -': 2 });
  });

  it('renews Random and address of the private forms every ten minutes', () => {
    const { look, found, states } = setUp('private', { privateGattProxy: true });
    expect(look(3_500_000)).toEqual({ 'private-network-identity of 0 -': expect.any(Number) });
    const values = (of: (advertisement: GattAdvertisement) => string) => new Set(found.map(of)).size;
    expect([values(({ data }) => toHex(data)), values(({ peer }) => peer)]).toEqual([6, 6]);
    states.privateGattProxy = false;
    expect(look(5000)).toEqual({});
    expect(states.setPrivateNodeIdentity(0, true)).toBe(true);
    expect(look(10_000)).toEqual({ 'private-node-identity of 0 1': 100 });
    look(60_000);
    expect(states.privateNodeIdentity(0)).toBe(false);
  });

  it('gives each subnet its turn', () => {
    const { look, states, server, client } = setUp('turns', { gattProxy: true });
    for (const { layer } of [server, client]) layer.addNetKey(7, OTHER_KEY);
    expect(look(60_000)).toEqual({ 'network-id of 0 -': 27, 'network-id of 7 -': 27 }); // less at each change of turns
    states.setNodeIdentity(7, true);
    expect(look(20_000)).toEqual({ 'network-id of 0 -': 9, 'node-identity of 7 1': 99 });
    server.layer.removeNetKey(7);
    expect(states.nodeIdentity(7)).toBe(false);
    expect(look(10_000)).toEqual({ 'network-id of 0 -': 10 });
  });

  it('is that of the new key from Phase 2 of a Key Refresh on', () => {
    const { look, states, server, client } = setUp('key refresh', { gattProxy: true });
    expect(states.gattProxy).toBe(true);
    for (const { layer } of [server, client]) layer.keys.updateNetKey(0, OTHER_KEY);
    const old = client.layer.proxy;
    expect(look(3000)).toEqual({ 'network-id of 0 -': 3 });
    client.layer.keys.setPhase(0, 3); // knows the new key only
    expect(look(3000)).toEqual({ unknown: 3 });
    server.layer.keys.setPhase(0, 2);
    expect(look(3000)).toEqual({ 'network-id of 0 -': 3 });
    expect(old.recognise(new Uint8Array(3))).toBeUndefined();
  });

  it('forgets the advertisements that it remembers least recently', () => {
    const { client, server } = setUp('memory');
    for (let i = 0; i < 600; i++) {
      const data = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, i >> 8, i);
      expect(client.layer.proxy.recognise(data)).toBeUndefined();
    }
    expect(server.layer.proxy.clients).toBe(0);
  });

  it('leads a client to the node that it wants', () => {
    const { clock, central, found, server, client, look } = setUp('connect', { gattProxy: true });
    look(1500);
    const connections: ProxyClientConnection[] = [];
    central.connect(found[0]!.peer, MESH_PROXY_SERVICE, (link) => {
      connections.push(client.layer.attachProxyServer(link as GattLink));
    });
    clock.advance(1000);
    const [connection] = connections;
    expect([connection?.state, server.layer.proxy.clients]).toEqual(['ready', 1]);
    expect(look(5000)).toEqual({}); // its one connection is taken
    connection?.close();
    expect(look(5000)).toEqual({ 'network-id of 0 -': expect.any(Number) });
  });
});

describe('the states of a Proxy Server', () => {
  it('exclude each other as they should', () => {
    const { states } = setUp('exclusion');
    states.privateGattProxy = true;
    states.setPrivateNodeIdentity(0, true);
    states.gattProxy = true;
    expect([states.privateGattProxy, states.privateNodeIdentity(0), states.enabled]).toEqual([false, true, true]);
    states.privateGattProxy = true;
    expect(states.privateGattProxy).toBe(false);
    states.setNodeIdentity(0, true);
    expect([states.nodeIdentity(0), states.privateNodeIdentity(0)]).toEqual([true, false]);
    expect(states.setPrivateNodeIdentity(0, true)).toBe(false);
    expect(states.setPrivateNodeIdentity(0, false)).toBe(true);
    expect(() => {
      states.onDemandPrivateGattProxy = 256;
    }).toThrow(expect.objectContaining({ code: 'bad-field' }));
  });
});
