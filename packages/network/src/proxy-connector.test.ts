import { type GattCentral, MESH_PROXY_SERVICE, memoryGatt } from '@meshferry/bearer';
import { describe, expect, it } from 'vitest';
import type { ProxyConnectorEvent, ProxyConnectorOptions } from './proxy-connector.ts';
import { appMessage, type TestNode, track } from './testing/node.ts';
import { ProxyMesh } from './testing/proxy-mesh.ts';

const CLIENT = 0x0700;

/** Some proxies with a peripheral each, and a client with a central and no radio. */
function setUp(seed: string, proxies: number) {
  const mesh = new ProxyMesh(seed);
  const { clock } = mesh;
  const gatt = memoryGatt(clock, { mtu: 69 });
  const client = mesh.addClient(CLIENT);
  const servers: TestNode[] = [];
  for (let i = 0; i < proxies; i++) {
    const server = mesh.add({ gattProxy: true });
    server.layer.proxy.serve(gatt.peripheral());
    servers.push(server);
  }
  const events: ProxyConnectorEvent[] = [];
  const connect = (options: ProxyConnectorOptions = {}, central: GattCentral = gatt.central()) =>
    client.layer.proxy.connect(central, { ...options, listener: (event) => void events.push(event) });
  const take = () => events.splice(0).map(({ type }) => type);
  const connected = () => servers.map(({ layer }) => layer.proxy.clients);
  return { clock, gatt, client, servers, events, connect, take, connected };
}

describe('a proxy connector', () => {
  it('finds a proxy, and another one when the first one is gone', () => {
    const { clock, client, servers, connect, take, connected } = setUp('two', 2);
    const connector = connect();
    clock.advance(5000);
    expect(take()).toEqual(['scanning', 'connecting', 'ready']);
    const first = connected().indexOf(1);
    servers[first]!.layer.close();
    clock.advance(5000);
    expect(take()).toEqual(['closed', 'scanning', 'connecting', 'ready']);
    expect(connector.connection?.state).toBe('ready');
    const other = servers[1 - first]!;
    client.layer.send(appMessage(CLIENT, other.layer.address, 5));
    clock.advance(1000);
    expect(other.received.length).toBe(1);
    connector.close();
    clock.advance(60_000);
    expect(take()).toEqual(['closed']);
  });

  it('goes to the node that is wanted when it shows itself, by Node Identity', () => {
    const { clock, servers, events, connect, take, connected } = setUp('wanted', 3);
    connect({ node: 3, only: true });
    clock.advance(10_000);
    expect(take()).toEqual(['scanning']);
    servers[1]!.layer.proxy.states.setNodeIdentity(0, true); // another one
    clock.advance(2000);
    expect(events).toEqual([]);
    servers[2]!.layer.proxy.states.setNodeIdentity(0, true);
    clock.advance(2000);
    expect(events).toMatchObject([
      { type: 'connecting', proxy: { type: 'node-identity', netIndex: 0, address: 3 } },
      { type: 'ready', node: 3 },
    ]);
    expect(connected()).toEqual([0, 0, 1]);
  });

  it('leaves a proxy whose service is not there, and one that sends no beacon, for another one', () => {
    const { clock, gatt, servers, events, connect } = setUp('defective', 1);
    const { states } = servers[0]!.layer.proxy;
    const offers: Uint8Array[] = [];
    const stop = gatt.central().discover([0x1828], ({ data }) => void offers.push(data));
    clock.advance(1500);
    stop();
    states.gattProxy = false;
    const [closed, mute] = [gatt.peripheral(), gatt.peripheral()];
    const offer = { service: 0x1828, data: offers[0]!, intervalMs: 300, privateAddress: false };
    closed.advertise(offer);
    connect();
    clock.advance(3000);
    expect(events.map(({ type }) => type)).toEqual(['scanning', 'connecting', 'failed', 'scanning']);
    mute.serve(MESH_PROXY_SERVICE, () => {});
    mute.advertise(offer);
    clock.advance(5000);
    states.gattProxy = true;
    clock.advance(15_000);
    expect(events.slice(-5)).toMatchObject([
      { type: 'connecting' },
      { type: 'closed', error: { code: 'no-beacon' } },
      { type: 'scanning' },
      { type: 'connecting' },
      { type: 'ready', node: 1 },
    ]);
  });

  it('gives up a connection that does not come about', () => {
    const { clock, gatt, events, take, connect } = setUp('slow', 1);
    const central = gatt.central();
    let cancelled = 0;
    const deaf: GattCentral = {
      discover: (services, found) => central.discover(services, found),
      connect: () => () => {
        cancelled++;
      },
    };
    const connector = connect({}, deaf);
    clock.advance(13_000);
    expect(events.slice(0, 4)).toMatchObject([
      { type: 'scanning' },
      { type: 'connecting' },
      { type: 'failed', error: { code: 'connect-failed' } },
      { type: 'scanning' },
    ]);
    take();
    clock.advance(2500);
    connector.close();
    clock.advance(60_000);
    expect([take(), cancelled]).toEqual([['connecting'], 2]);
  });

  it('asks private proxies to show themselves', () => {
    const mesh = new ProxyMesh('solicit');
    const gatt = memoryGatt(mesh.clock, { mtu: 69 });
    const [server, client] = [mesh.add({ onDemandPrivateGattProxy: 30 }), mesh.add()];
    server.layer.proxy.serve(gatt.peripheral());
    const events: ProxyConnectorEvent[] = [];
    client.layer.proxy.connect(gatt.central(), { solicit: 0, listener: (event) => void events.push(event) });
    mesh.clock.advance(8000);
    expect(events).toMatchObject([
      { type: 'scanning' },
      { type: 'connecting', proxy: { type: 'private-network-identity' } },
      { type: 'ready', node: 1 },
    ]);
    client.layer.close();
    mesh.clock.advance(1000);
    expect(server.layer.proxy.clients).toBe(0);
  });
});

describe('a node whose only interface is a proxy connector', () => {
  /** The advertising time of a proxy for one PDU of Network Transmit 3 × 20 ms. */
  const PDU_MS = 3 * (20 + 5);

  it('loses what it sends while there is no connection, one PDU after the other, as on the air', () => {
    const { clock, client, connect } = setUp('nobody', 0);
    const send = (dst: number, length: number) =>
      track((done) => client.layer.send(appMessage(CLIENT, dst, length), done));
    const before = send(1, 5);
    clock.advance(0);
    expect(before.outcome).toMatchObject({ code: 'bearer-closed' });
    const connector = connect();
    const [first, second] = [send(1, 5), send(0xc000, 5)];
    clock.advance(PDU_MS - 1);
    expect(first.outcome).toBeUndefined();
    clock.advance(1);
    expect([first.outcome, second.outcome]).toEqual(['sent', undefined]);
    clock.advance(PDU_MS);
    expect(second.outcome).toBe('sent');
    const [long, group] = [send(1, 30), send(0xc000, 30)];
    clock.advance(20_000);
    expect([long.outcome, group.outcome]).toMatchObject([{ code: 'segmented-timeout' }, 'sent']);
    connector.close();
    const after = send(1, 5);
    clock.advance(0);
    expect(after.outcome).toMatchObject({ code: 'bearer-closed' });
  });

  it('says nothing more of what is lost once the layer is closed, nor once it is cancelled', () => {
    const { clock, client, connect } = setUp('closed', 0);
    connect();
    const [first, second] = [0, 1].map(() =>
      track((done) => {
        const cancel = client.layer.send(appMessage(CLIENT, 1, 5), done);
        clock.after(PDU_MS + 10, cancel);
      }),
    );
    clock.advance(PDU_MS + 20);
    expect([first?.outcome, second?.outcome]).toMatchObject(['sent', { code: 'cancelled' }]);
    const last = track((done) => client.layer.send(appMessage(CLIENT, 1, 5), done));
    client.layer.close();
    clock.advance(1000);
    expect(last.outcome).toBeUndefined();
  });

  it('loses what waits when the connection ends, and goes on over the next one', () => {
    const { clock, client, servers, connect } = setUp('dropped', 1);
    const connector = connect();
    clock.advance(5000);
    expect(connector.connection?.state).toBe('ready');
    const burst = Array.from({ length: 80 }, (_, i) =>
      track((done) => client.layer.send(appMessage(CLIENT, 1, 5, i), done)),
    );
    connector.connection?.close();
    clock.advance(10_000);
    expect(burst.map(({ outcome }) => outcome)).toEqual(Array(80).fill('sent'));
    expect([servers[0]?.received, connector.connection?.state]).toEqual([[], 'ready']);
    const next = track((done) => client.layer.send(appMessage(CLIENT, 1, 30), done));
    clock.advance(2000);
    expect([next.outcome, servers[0]?.received.length]).toEqual(['sent', 1]);
  });

  it('does not send faster than the proxy can advertise', () => {
    const mesh = new ProxyMesh('pace');
    const gatt = memoryGatt(mesh.clock, { mtu: 69 });
    const [server, far, client] = [mesh.add({ gattProxy: true }), mesh.add(), mesh.addClient(CLIENT)];
    server.layer.proxy.serve(gatt.peripheral());
    client.layer.proxy.connect(gatt.central());
    mesh.clock.advance(5000);
    const { relayDropped } = server.layer.counters;
    const before = mesh.clock.now;
    let tookMs = 0;
    far.groups.add(0xc000);
    const sar = { multicastRetransmissionsCount: 0, segmentIntervalStep: 0 };
    client.layer.send({ ...appMessage(CLIENT, 0xc000, 380), sar }, () => {
      tookMs = mesh.clock.now - before;
    });
    mesh.clock.advance(10_000);
    expect(tookMs).toBe(32 * PDU_MS);
    expect([far.received.length, server.layer.counters.relayDropped - relayDropped]).toEqual([1, 0]);
  });
});

describe('a node that attached the connection itself', () => {
  it('is told of what was lost when it ended', () => {
    const mesh = new ProxyMesh('direct');
    const [server, client] = [mesh.add({ gattProxy: true }), mesh.addClient(CLIENT)];
    const { client: connection, disconnect } = mesh.connect(client, server, { mtu: 69 });
    mesh.clock.advance(1000);
    expect(connection.state).toBe('ready');
    const [taken, lost] = [5, 6].map((tag) => track((done) => client.layer.send(appMessage(CLIENT, 1, 5, tag), done)));
    mesh.clock.advance(10);
    disconnect();
    mesh.clock.advance(1000);
    expect([taken?.outcome, lost?.outcome]).toMatchObject(['sent', { code: 'bearer-closed' }]);
  });
});
