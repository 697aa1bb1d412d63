import { memoryGattLinks } from '@meshferry/bearer';
import { fromHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { HOUR, secureBeacon } from './testing/beacon.ts';
import { appMessage, deviceKeyOf, NET_KEY, track } from './testing/node.ts';
import { ProxyMesh } from './testing/proxy-mesh.ts';
import { ScriptedProxyClient } from './testing/scripted-proxy-client.ts';

const CLIENT = 0x0700;

/** A proxy (1), a node beyond it (2), and a client without a radio. */
function setUp(seed: string, { mtu = 23, ...clientOptions }: { mtu?: number; ivIndex?: number } = {}) {
  const mesh = new ProxyMesh(seed);
  const proxy = mesh.add({ gattProxy: true });
  const far = mesh.add();
  const client = mesh.addClient(CLIENT, clientOptions);
  const connection = mesh.connect(client, proxy, { mtu });
  return { mesh, clock: mesh.clock, proxy, far, client, connection };
}

describe('a client without a radio', () => {
  it('reaches the nodes behind its proxy, and they reach it', () => {
    const { clock, proxy, far, client, connection } = setUp('reach');
    clock.advance(1000);
    expect(connection.events).toEqual([{ type: 'ready', node: 1, filterType: 'accept', listSize: 2 }]);
    const sent = track((done) => client.layer.send(appMessage(CLIENT, 2, 8), done));
    clock.advance(1000);
    far.layer.send(appMessage(2, CLIENT, 8));
    proxy.layer.send(appMessage(1, CLIENT, 8));
    client.layer.send(appMessage(CLIENT, 1, 8));
    far.layer.send(appMessage(2, 0xffff, 8));
    clock.advance(1000);
    expect(sent.outcome).toBe('sent');
    expect(far.received.map(({ src, ttl }) => [src, ttl])).toEqual([
      [CLIENT, 4],
      [2, 5], // all-nodes, its own element
    ]);
    expect(proxy.received.map(({ src, dst }) => [src, dst])).toEqual([
      [CLIENT, 1],
      [2, 0xffff],
    ]);
    expect(client.received.map(({ src, dst, ttl }) => [src, dst, ttl])).toEqual([
      [1, CLIENT, 5],
      [2, CLIENT, 4],
      [2, 0xffff, 4],
    ]);
  });

  it('exchanges the largest messages with nodes behind its proxy over the smallest MTU', () => {
    const { clock, far, client } = setUp('large');
    const there = track((done) => client.layer.send(appMessage(CLIENT, 2, 380), done)); // waits for the connection
    clock.advance(10_000);
    const back = track((done) => far.layer.send(appMessage(2, CLIENT, 380, 9), done));
    clock.advance(10_000);
    expect([there.outcome, back.outcome]).toEqual(['sent', 'sent']);
    expect(far.received.map(({ payload }) => payload)).toEqual([appMessage(CLIENT, 2, 380).payload]);
    expect(client.received.map(({ payload }) => payload)).toEqual([appMessage(2, CLIENT, 380, 9).payload]);
  });

  it('hears the groups that it asks for, and no others', () => {
    const { mesh, clock, proxy, far, client, connection } = setUp('groups');
    const other = mesh.addClient(0x0701);
    mesh.connect(other, proxy, { addresses: [0xc001], mtu: 69 });
    for (const node of [client, other]) for (const group of [0xc000, 0xc001]) node.groups.add(group);
    connection.client.addAddresses([0xc000]);
    clock.advance(1000);
    const say = () => {
      for (const group of [0xc000, 0xc001]) far.layer.send(appMessage(2, group, 8));
      clock.advance(1000);
      return [client, other].map(({ received }) => received.splice(0).map(({ dst }) => dst));
    };
    expect(say()).toEqual([[0xc000], [0xc001]]);
    connection.client.addAddresses([0xc001]);
    connection.client.removeAddresses([0xc000]);
    clock.advance(1000);
    expect(say()).toEqual([[0xc001], [0xc001]]);
    expect(client.layer.counters.undecryptable).toBe(0);
  });

  it('hears everything through a proxy that has no room for all its addresses', () => {
    const mesh = new ProxyMesh('small filter');
    const proxy = mesh.add({ gattProxy: true, limits: { proxyFilter: 3 } });
    const client = mesh.addClient(CLIENT);
    const addresses = [0xc000, 0xc001, 0xc002, 0xc003];
    for (const group of addresses) client.groups.add(group);
    const { events } = mesh.connect(client, proxy, { addresses });
    mesh.clock.advance(2000);
    expect(events).toEqual([{ type: 'ready', node: 1, filterType: 'reject', listSize: 0 }]);
    for (const group of addresses) proxy.layer.send(appMessage(1, group, 8));
    mesh.clock.advance(1000);
    expect(client.received.map(({ dst }) => dst)).toEqual(addresses);
  });

  it('may ask to hear everything', () => {
    const mesh = new ProxyMesh('everything');
    const [proxy, client] = [mesh.add({ gattProxy: true }), mesh.addClient(CLIENT)];
    client.groups.add(0xc123);
    const { events } = mesh.connect(client, proxy, { everything: true });
    mesh.clock.advance(1000);
    proxy.layer.send(appMessage(1, 0xc123, 8));
    mesh.clock.advance(1000);
    expect([events.length, client.received.length]).toEqual([1, 1]);
  });

  it('is reached by another client of the same proxy, and hears nothing of its own messages', () => {
    const { mesh, clock, proxy, client } = setUp('two clients');
    const other = mesh.addClient(0x0701);
    mesh.connect(other, proxy, { mtu: 69 });
    clock.advance(1000);
    expect(proxy.layer.proxy.clients).toBe(2);
    const sent = track((done) => client.layer.send(appMessage(CLIENT, 0x0701, 100), done));
    client.layer.send(appMessage(CLIENT, 0xffff, 8));
    clock.advance(5000);
    expect(sent.outcome).toBe('sent');
    expect(other.received.map(({ src, ttl }) => [src, ttl]).sort()).toEqual([
      [CLIENT, 4],
      [CLIENT, 4],
    ]);
    expect(client.layer.counters.duplicates).toBe(0);
    expect(client.received.map(({ src }) => src)).toEqual([CLIENT]); // its own element is one of all-nodes
  });

  it('hears each message once through two proxies', () => {
    const { mesh, clock, far, client } = setUp('two proxies');
    mesh.connect(client, mesh.add({ gattProxy: true }), { mtu: 69 });
    clock.advance(1000);
    client.layer.send(appMessage(CLIENT, 2, 8));
    far.layer.send(appMessage(2, CLIENT, 8));
    clock.advance(1000);
    expect([far.received.length, client.received.length]).toEqual([1, 1]);
    expect(client.layer.counters.duplicates).toBe(1);
  });

  it('learns an IV Index several ahead before it sends', () => {
    const mesh = new ProxyMesh('old client');
    const proxy = mesh.add({ gattProxy: true, ivIndex: 20 });
    const client = mesh.addClient(CLIENT, { ivIndex: 3 });
    const { events } = mesh.connect(client, proxy, {});
    const early = track((done) => client.layer.send(appMessage(CLIENT, 1, 8), done));
    const long = track((done) => client.layer.send(appMessage(CLIENT, 1, 50), done));
    mesh.clock.advance(10_000);
    expect(client.layer.ivIndex).toBe(20);
    expect(events).toMatchObject([{ type: 'ready' }]);
    expect(early.outcome).toMatchObject({ code: 'bearer-closed' }); // it was secured with the old IV Index
    expect(long.outcome).toBe('sent');
    client.layer.send(appMessage(CLIENT, 1, 8, 5));
    mesh.clock.advance(1000);
    expect(proxy.received.map(({ payload }) => [payload[0], payload.length])).toEqual([
      [0, 50],
      [5, 8],
    ]);
  });

  it('follows an IV Update and a Key Refresh by the beacons of its proxy, and tells its proxy of them', () => {
    const { clock, proxy, far, client, connection } = setUp('states');
    clock.advance(97 * HOUR);
    far.layer.beacons.secureNetwork = true;
    far.layer.ivUpdate.testMode = true;
    far.layer.ivUpdate.test(true);
    clock.advance(2000);
    const states = () => [far, proxy, client].map(({ layer }) => [layer.ivIndex, layer.ivUpdate.updating]);
    expect(states()).toEqual([1, 1, 1].map((ivIndex) => [ivIndex, true]));

    clock.advance(97 * HOUR);
    connection.client.sendBeacon(secureBeacon(NET_KEY, { ivIndex: 1 }));
    clock.advance(1000);
    expect(proxy.layer.ivUpdate.updating).toBe(false);
    expect(client.layer.ivUpdate.updating).toBe(false);

    const newKey = new Uint8Array(16).fill(0x44);
    for (const { layer } of [proxy, client]) layer.keys.updateNetKey(0, newKey);
    proxy.layer.keys.setPhase(0, 2);
    clock.advance(1000);
    expect(client.layer.keys.phase(0)).toBe(2);
    proxy.layer.keys.setPhase(0, 3);
    clock.advance(1000);
    expect(client.layer.keys.phase(0)).toBe(0);
  });
});

describe('a proxy connection', () => {
  it('ends in the middle of messages: the senders learn it, and go on over the next one', () => {
    const { mesh, clock, proxy, client, connection } = setUp('disconnect');
    clock.advance(1000);
    const long = track((done) => client.layer.send(appMessage(CLIENT, 2, 380), done));
    const back = track((done) => proxy.layer.send(appMessage(1, CLIENT, 380), done));
    clock.advance(300);
    connection.link.disconnect();
    clock.advance(100);
    const short = track((done) => client.layer.send(appMessage(CLIENT, 2, 8), done));
    clock.advance(500);
    expect([connection.client.state, proxy.layer.proxy.clients]).toEqual(['closed', 0]);
    expect(connection.events.at(-1)).toEqual({ type: 'closed', error: undefined });
    expect(short.outcome).toMatchObject({ code: 'bearer-closed' });
    expect(back.outcome).toBeUndefined();
    const again = mesh.connect(client, proxy, { mtu: 33 });
    clock.advance(20_000);
    expect(again.client.state).toBe('ready');
    expect([long.outcome, back.outcome]).toEqual([expect.objectContaining({ code: 'bearer-closed' }), 'sent']);
    expect(client.received.map(({ payload }) => payload.length)).toEqual([380]);
  });

  it('with half a message in it is no obstacle to the next one', () => {
    const { clock, proxy } = setUp('half a message');
    const links = [0, 1].map(() => memoryGattLinks(clock));
    const clients = links.map(({ client, server }, i) => {
      proxy.layer.attachProxyClient(server);
      return new ScriptedProxyClient(clock, client, 0x0500 + i);
    });
    clients[0]?.write(Uint8Array.of(0x40, 1, 2, 3));
    clock.advance(100);
    links[0]?.client.disconnect();
    clock.advance(100);
    clients[1]?.sendNetworkPdu(2);
    clock.advance(30_000);
    expect(clients.map(({ closed }) => closed)).toEqual([true, false]);
    expect(proxy.layer.counters).toMatchObject({ received: 1, malformed: 0 });
  });

  it.each([
    ['a violation of the rules of segmentation', '800102', 1000],
    ['a message that does not come to its end', '400102', 20_100],
  ])('is ended by %s', (_, value, ms) => {
    const { clock, proxy } = setUp('violations');
    const { client: link, server } = memoryGattLinks(clock);
    proxy.layer.attachProxyClient(server);
    const scripted = new ScriptedProxyClient(clock, link, 0x0500);
    scripted.write(fromHex(value));
    clock.advance(ms);
    expect(scripted.closed).toBe(true);
    expect(proxy.layer.proxy.clients).toBe(1);
  });

  it('is ended by a client whose proxy violates the rules', () => {
    const { clock, client } = setUp('violating proxy');
    const bad = memoryGattLinks(clock, { mtu: 69 });
    const events: unknown[] = [];
    client.layer.attachProxyServer(bad.client, { listener: (event) => void events.push(event) });
    bad.server.send(secureProxyBeacon(), () => {});
    bad.server.send(fromHex('800102'), () => {});
    clock.advance(1000);
    expect(events).toMatchObject([{ type: 'closed', error: { code: 'proxy-protocol' } }]);
  });

  it('without a beacon is given up, without an answer as well', () => {
    const { clock, client } = setUp('silent proxy');
    const events: { readonly type: string }[] = [];
    const attach = () => {
      const { client: link, server } = memoryGattLinks(clock, { mtu: 69 });
      client.layer.attachProxyServer(link, { listener: (event) => void events.push(event) });
      return server;
    };
    attach();
    const asked: number[] = [];
    const silent = attach();
    silent.listen({ received: (value) => void asked.push(value[0]!), disconnected: () => {} });
    silent.send(secureProxyBeacon(), () => {});
    clock.advance(10_000);
    expect(events).toMatchObject([{ type: 'closed', error: { code: 'no-beacon' } }]);
    clock.advance(10_000);
    expect(events[1]).toMatchObject({ type: 'closed', error: { code: 'proxy-silent' } });
    expect(asked).toEqual([2, 2, 2, 2]);
  });

  it('ends when the proxy is switched off through it, but after the answer', () => {
    const { mesh, clock, proxy, client, connection } = setUp('switched off');
    clock.advance(1000);
    client.deviceKeys.set(1, deviceKeyOf(1));
    proxy.onReceive = () => {
      proxy.layer.proxy.states.gattProxy = false;
      clock.after(50, () => proxy.layer.send({ ...appMessage(1, CLIENT, 5), key: { kind: 'device', node: 1 } }));
    };
    client.layer.send({ ...appMessage(CLIENT, 1, 5), key: { kind: 'device', node: 1 } });
    clock.advance(5000);
    expect(client.received.length).toBe(1);
    expect([connection.client.state, proxy.layer.features.inUse('proxy')]).toEqual(['closed', false]);

    const again = mesh.connect(client, proxy, { mtu: 69 });
    proxy.layer.proxy.states.gattProxy = true;
    proxy.layer.proxy.states.gattProxy = false;
    proxy.layer.proxy.states.gattProxy = true;
    clock.advance(5000);
    expect(again.client.state).toBe('ready');
  });

  it('lets no more than 64 messages wait', () => {
    const { clock, client, connection } = setUp('busy');
    clock.advance(1000);
    const outcomes = Array.from({ length: 70 }, () =>
      track((done) => client.layer.send({ ...appMessage(CLIENT, 1, 8), ttl: 0 }, done)),
    );
    clock.advance(5000);
    const codes = outcomes.map(({ outcome }) => (typeof outcome === 'string' ? outcome : outcome?.code));
    expect(codes.filter((code) => code === 'sent').length).toBe(64);
    expect(codes.filter((code) => code === 'proxy-busy').length).toBe(6);
    expect(connection.client.state).toBe('ready');
  });

  it('lets no more than 64 messages wait for it to be ready', () => {
    const { clock, client } = setUp('not ready');
    const outcomes = Array.from({ length: 66 }, () =>
      track((done) => client.layer.send(appMessage(CLIENT, 1, 8), done)),
    );
    clock.advance(5000);
    expect(outcomes.filter(({ outcome }) => outcome === 'sent').length).toBe(64);
    expect(outcomes.at(-1)?.outcome).toMatchObject({ code: 'bearer-closed' });
  });

  it('may be the only interface of a proxy: what no client wants to hear is sent nonetheless', () => {
    const mesh = new ProxyMesh('no radio at all');
    const [proxy, client] = [mesh.addClient(1, { gattProxy: true }), mesh.addClient(CLIENT)];
    mesh.connect(client, proxy);
    mesh.clock.advance(1000);
    const outcomes = [CLIENT, 2].map((dst) => track((done) => proxy.layer.send(appMessage(1, dst, 8), done)));
    mesh.clock.advance(1000);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['sent', 'sent']);
    expect(client.received.length).toBe(1);
  });

  it('takes a cancelled message back, unless it is being sent', () => {
    const { clock, proxy, client } = setUp('cancel');
    const cancelEarly = client.layer.send(appMessage(CLIENT, 1, 8, 1));
    cancelEarly();
    clock.advance(1000);
    client.layer.send(appMessage(CLIENT, 1, 8, 2))();
    client.layer.send(appMessage(CLIENT, 1, 8, 3))();
    client.layer.send(appMessage(CLIENT, 1, 8, 4));
    clock.advance(1000);
    expect(proxy.received.map(({ payload }) => payload[0])).toEqual([2, 4]);
  });

  it('ends with the layers of either side', () => {
    const { mesh, clock, proxy, client, connection } = setUp('close');
    clock.advance(1000);
    proxy.layer.close();
    clock.advance(100);
    expect(connection.events.at(-1)).toEqual({ type: 'closed', error: undefined });
    const next = mesh.connect(client, mesh.add({ gattProxy: true }));
    clock.advance(1000);
    next.client.close();
    const last = mesh.connect(client, mesh.nodes[2]!);
    clock.advance(1000);
    client.layer.close();
    last.disconnect();
    clock.advance(1000);
    expect([next, last].map(({ events }) => events.at(-1)?.type)).toEqual(['closed', 'closed']);
    expect(mesh.nodes[2]?.layer.proxy.clients).toBe(0);
  });
});

/** Proxy PDU with a beacon of the test network. */
function secureProxyBeacon(): Uint8Array {
  return Uint8Array.of(1, ...secureBeacon(NET_KEY, {})).slice(0, 23);
}
