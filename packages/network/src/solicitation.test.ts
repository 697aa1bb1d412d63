import {
  AD_SERVICE_DATA,
  encodeServiceData,
  type GattAdvertisement,
  type GattLink,
  MESH_PROXY_SERVICE,
  memoryGatt,
} from '@meshferry/bearer';
import type { MeshError } from '@meshferry/core';
import { networkCredentials, portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import type { NetworkLayerOptions } from './options.ts';
import { networkSecurity } from './pdu.ts';
import type { ProxyClientConnection } from './proxy-client.ts';
import { encodeSolicitationPdu, solicitationServiceData } from './solicitation-pdu.ts';
import { NET_KEY, track } from './testing/node.ts';
import { ProxyMesh } from './testing/proxy-mesh.ts';

/** A private proxy on demand (1) and a client with a radio (2). */
function setUp(seed: string, options: Partial<NetworkLayerOptions> = {}) {
  const mesh = new ProxyMesh(seed);
  const gatt = memoryGatt(mesh.clock, { mtu: 69 });
  const server = mesh.add({ onDemandPrivateGattProxy: 20, ...options });
  const client = mesh.add();
  server.layer.proxy.serve(gatt.peripheral());
  const central = gatt.central();
  const found: GattAdvertisement[] = [];
  central.discover([0x1828], (advertisement) => void found.push(advertisement));
  /** Advertisements that the client takes for a proxy of its network. */
  const look = (ms: number) => {
    found.length = 0;
    mesh.clock.advance(ms);
    return found.filter(({ data }) => client.layer.proxy.recognise(data)?.type === 'private-network-identity').length;
  };
  return { mesh, clock: mesh.clock, server, client, central, found, look };
}

/** What goes on air: a Solicitation PDU that nobody here sent. */
function solicitation(ssrc: number, sseq: number) {
  const security = networkSecurity(portableCrypto, networkCredentials(portableCrypto, NET_KEY));
  return encodeServiceData(solicitationServiceData(encodeSolicitationPdu({ ssrc, sseq }, security)));
}

describe('an on-demand private proxy', () => {
  it('shows itself for its time after a solicitation, and again from the start of the last one', () => {
    const { client, look } = setUp('wake');
    expect(look(10_000)).toBe(0);
    const solicited = track((done) => client.layer.proxy.solicit(0, done));
    expect(look(30_000)).toBe(19);
    expect(solicited.outcome).toBe('sent');
    client.layer.proxy.solicit();
    expect(look(15_000)).toBeGreaterThanOrEqual(14);
    client.layer.proxy.solicit();
    expect(look(40_000)).toBeGreaterThanOrEqual(19);
    expect(look(10_000)).toBe(0);
  });

  it('stops when a client connects, and shows itself once more when the client has gone', () => {
    const { clock, server, client, central, found, look } = setUp('connect');
    client.layer.proxy.solicit();
    look(3000);
    const connections: ProxyClientConnection[] = [];
    central.connect(found[0]!.peer, MESH_PROXY_SERVICE, (link) => {
      connections.push(client.layer.attachProxyServer(link as GattLink));
    });
    clock.advance(60_000);
    const [connection] = connections;
    expect([connection?.state, server.layer.proxy.clients]).toEqual(['ready', 1]);
    connection?.close();
    expect(look(60_000)).toBe(19);
  });

  it('takes each Solicitation PDU once, also across restarts, until its entry is cleared', () => {
    const { mesh, clock, server, look } = setUp('replay', { limits: { solicitationEntries: 2 } });
    const radio = mesh.air.join().advertising;
    const say = (ssrc: number, sseq: number) => {
      radio.send(solicitation(ssrc, sseq), { count: 2, intervalMs: 20 }, () => {});
      return look(30_000) > 0;
    };
    expect([say(0x31, 5), say(0x31, 5), say(0x31, 4), say(0x31, 6), say(0x32, 0), say(0x33, 9)]).toEqual([
      ...[true, false, false, true, true],
      false, // no room for a third client
    ]);
    server.layer.proxy.clearSolicitations({ start: 0x30, length: 2 });
    server.layer.proxy.clearSolicitations({ start: 0x7000, length: 1 });
    expect([say(0x33, 9), say(0x32, 0), say(0x31, 6)]).toEqual([true, false, false]);
    clock.advance(1000);
  });

  it('does not listen when it is a proxy anyway, or not on demand, and stops when it becomes so', () => {
    const { server, client, look } = setUp('deaf');
    const { states } = server.layer.proxy;
    client.layer.proxy.solicit();
    look(1000);
    states.onDemandPrivateGattProxy = 0;
    expect(look(5000)).toBe(0);
    client.layer.proxy.solicit();
    expect(look(5000)).toBe(0);
    states.onDemandPrivateGattProxy = 10;
    states.privateGattProxy = true;
    client.layer.proxy.solicit();
    expect(look(5000)).toBeGreaterThan(0); // as Private GATT Proxy always does
    states.privateGattProxy = false;
    expect(look(5000)).toBe(0);
    client.layer.proxy.solicit();
    look(1000);
    server.layer.addNetKey(1, new Uint8Array(16).fill(9));
    server.layer.removeNetKey(0);
    expect(look(5000)).toBe(0);
  });

  it('ignores what is no Solicitation PDU of a known subnet', () => {
    const { mesh, look } = setUp('noise');
    const radio = mesh.air.join().advertising;
    const { data } = solicitation(0x31, 1);
    const send = (octets: Uint8Array) =>
      radio.send({ type: AD_SERVICE_DATA, data: octets }, { count: 1, intervalMs: 20 }, () => {});
    send(data.subarray(0, 19));
    send(data.map((octet, i) => (i === 19 ? octet ^ 1 : octet)));
    send(data.map((octet, i) => (i === 0 ? 0x28 : octet)));
    send(Uint8Array.of(0x59));
    expect(look(5000)).toBe(0);
  });
});

describe('a client that solicits', () => {
  it('never uses a number twice, also across restarts', () => {
    const { mesh, clock, client } = setUp('sseq');
    const heard: string[] = [];
    const radio = mesh.air.join().advertising;
    radio.receive([AD_SERVICE_DATA], ({ data }) => void heard.push(String(data)));
    client.layer.proxy.solicit(0, () => {}, { count: 1, intervalMs: 20 });
    clock.advance(1000);
    const again = mesh.addClient(2, { store: client.store });
    again.layer.attach(mesh.air.join().advertising);
    again.layer.proxy.solicit(0, () => {}, { count: 1, intervalMs: 20 });
    clock.advance(1000);
    expect(heard).toEqual([1, 2].map((sseq) => String(solicitation(2, sseq).data)));
  });

  it('fails without the key, a radio, room in the store or numbers', () => {
    const { mesh, clock, client } = setUp('failures');
    const radioless = mesh.addClient(3);
    client.store.batch([['sseq', Uint8Array.of(0xff, 0xff, 0xff)]]);
    const full = mesh.addClient(4, {});
    full.store.batch = () => {
      throw new Error('no room');
    };
    const outcomes = [
      track((done) => client.layer.proxy.solicit(9, done)),
      track((done) => radioless.layer.proxy.solicit(0, done)),
      track((done) => client.layer.proxy.solicit(0, done)),
      track((done) => full.layer.proxy.solicit(0, done)),
      track((done) => client.layer.proxy.solicit(9, done)()),
    ];
    clock.advance(1000);
    expect(outcomes.map(({ outcome }) => (outcome as MeshError).code)).toEqual([
      'no-key',
      'bearer-closed',
      'sequence-exhausted',
      'internal',
      'cancelled',
    ]);
  });
});
