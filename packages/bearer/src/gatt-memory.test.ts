import { MeshError, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import {
  type GattDevice,
  type GattLink,
  type GattOffer,
  type GattService,
  MESH_PROVISIONING_SERVICE,
  MESH_PROXY_SERVICE,
} from './gatt.ts';
import { memoryGatt, memoryGattLinks } from './gatt-memory.ts';

const OFFER: GattOffer = { service: 0x1828, data: Uint8Array.of(1), intervalMs: 100, privateAddress: false };

function setUp(connections?: number) {
  const clock = new VirtualClock();
  const gatt = memoryGatt(clock, { mtu: 69 });
  const peripheral = gatt.peripheral(connections === undefined ? {} : { connections });
  const heard: { data: number | undefined; peer: string }[] = [];
  const central = gatt.central();
  central.discover([0x1828], ({ data, peer }) => void heard.push({ data: data[0], peer }));
  const outcomes: (GattLink | MeshError)[] = [];
  const connect = (peer: string, service = MESH_PROXY_SERVICE) => {
    const cancel = central.connect(peer, service, (outcome) => void outcomes.push(outcome));
    clock.advance(100);
    return cancel;
  };
  const codes = () => outcomes.splice(0).map((outcome) => (outcome instanceof MeshError ? outcome.code : 'open'));
  return { clock, gatt, peripheral, central, heard, connect, codes };
}

describe('a peripheral in memory', () => {
  it('goes on with its newest offer when an older one is taken back', () => {
    const { clock, peripheral, heard } = setUp();
    const stopFirst = peripheral.advertise(OFFER);
    const stopSecond = peripheral.advertise({ ...OFFER, data: Uint8Array.of(2) });
    stopFirst();
    clock.advance(250);
    expect(heard.map(({ data }) => data)).toEqual([2, 2]);
    stopSecond();
    clock.advance(1000);
    expect(heard.length).toBe(2);
  });

  it('ends its offer at once when who hears it takes it back', () => {
    const { clock, gatt, peripheral, heard } = setUp();
    const stop = peripheral.advertise(OFFER);
    gatt.central().discover([0x1828], () => stop());
    clock.advance(1000);
    expect(heard.length).toBe(1);
  });

  it('goes on serving what was given last when the former one goes', () => {
    const { peripheral, connect, codes, heard, clock } = setUp(2);
    const served: string[] = [];
    const unserve = peripheral.serve(MESH_PROXY_SERVICE, () => void served.push('first'));
    const unserveSecond = peripheral.serve(MESH_PROXY_SERVICE, () => void served.push('second'));
    unserve();
    peripheral.advertise(OFFER);
    clock.advance(100);
    connect(heard[0]!.peer);
    connect(heard[0]!.peer, MESH_PROVISIONING_SERVICE);
    unserveSecond();
    connect(heard[0]!.peer);
    expect([served, codes()]).toEqual([['second'], ['open', 'connect-failed', 'connect-failed']]);
  });

  it('is not heard and takes nobody while all its connections are in use', () => {
    const { clock, peripheral, connect, codes, heard } = setUp(1);
    const links: GattLink[] = [];
    peripheral.serve(MESH_PROXY_SERVICE, (link) => void links.push(link));
    peripheral.advertise(OFFER);
    clock.advance(100);
    connect(heard[0]!.peer);
    heard.length = 0;
    clock.advance(1000);
    expect(heard).toEqual([]);
    links[0]?.disconnect();
    connect('memory-99');
    expect([codes(), heard.length]).toEqual([['open', 'connect-failed'], 1]);
  });

  it('is not connected to once that was cancelled', () => {
    const { clock, peripheral, central, heard } = setUp();
    let connected = 0;
    peripheral.serve(MESH_PROXY_SERVICE, () => void connected++);
    peripheral.advertise(OFFER);
    clock.advance(100);
    central.connect(heard[0]!.peer, MESH_PROXY_SERVICE, () => void connected++)();
    clock.advance(1000);
    expect(connected).toBe(0);
  });
});

describe('several services of one peripheral in memory', () => {
  const SMP: GattService = {
    uuid: '8d53dc1d-1db7-4cd3-868b-8a527460aa84',
    dataIn: 'da2e7828-fbce-4e01-ae9e-261174997c48',
    dataOut: 'da2e7828-fbce-4e01-ae9e-261174997c48',
  };

  function shared() {
    const world = setUp();
    const served: GattLink[] = [];
    for (const service of [MESH_PROXY_SERVICE, SMP]) world.peripheral.serve(service, (link) => void served.push(link));
    world.peripheral.advertise({ ...OFFER, service: SMP.uuid, name: 'Lamp' });
    const devices: GattDevice[] = [];
    const stop = world.central.scan!((device) => void devices.push(device));
    world.clock.advance(100);
    stop();
    const ends: string[] = [];
    const client: GattLink[] = [];
    const open = (service: GattService, name: string, peer = devices[0]!.peer) => {
      world.central.connect(peer, service, (outcome) => {
        if (outcome instanceof MeshError) return void ends.push(`${name} ${outcome.code}`);
        client.push(outcome);
        outcome.listen({ received: () => {}, disconnected: () => void ends.push(name) });
      });
      world.clock.advance(100);
    };
    return { ...world, served, devices, ends, client, open };
  }

  it('are found by their 128-bit UUID and name, and share a connection: the second needs no free one', () => {
    const { devices, open, ends, client, heard, clock } = shared();
    expect(devices).toEqual([
      {
        peer: 'memory-0',
        address: 'C0:00:00:00:00:00',
        name: 'Lamp',
        services: [SMP.uuid],
        rssi: -60,
        at: 100,
        connectable: true,
      },
    ]);
    open(SMP, 'smp', 'c0:00:00:00:00:00');
    open(MESH_PROXY_SERVICE, 'proxy');
    open(SMP, 'smp again');
    expect([client.length, ends, heard]).toEqual([2, ['smp again connect-failed'], []]);
    client[0]!.disconnect();
    clock.advance(10);
    expect(ends).toEqual(['smp again connect-failed', 'smp']);
    open(SMP, 'smp anew');
    expect(client.length).toBe(3);
  });

  it('end alone at the client, the connection with the last, all at once at the server', () => {
    const { open, ends, client, served, clock, gatt, devices } = shared();
    open(SMP, 'smp');
    open(MESH_PROXY_SERVICE, 'proxy');
    const other = gatt.central();
    const codes: string[] = [];
    const tryOther = () => {
      other.connect(devices[0]!.peer, SMP, (outcome) => {
        codes.push(outcome instanceof MeshError ? outcome.code : 'open');
        if (!(outcome instanceof MeshError)) outcome.disconnect();
      });
      clock.advance(200);
    };
    client[0]!.disconnect();
    tryOther();
    client[1]!.disconnect();
    tryOther();
    expect([ends, codes]).toEqual([
      ['smp', 'proxy'],
      ['connect-failed', 'open'],
    ]);
    open(SMP, 'smp');
    open(MESH_PROXY_SERVICE, 'proxy');
    served.at(-1)!.disconnect();
    clock.advance(10);
    expect(ends.slice(2)).toEqual(['smp', 'proxy']);
  });
});

describe('the end of a link in memory', () => {
  it('comes before a value that was to arrive at the same time, or later', () => {
    const clock = new VirtualClock();
    const { client, server } = memoryGattLinks(clock, { valueMs: 10 });
    const events: string[] = [];
    server.listen({ received: () => void events.push('received'), disconnected: () => void events.push('ended') });
    clock.after(10, () => client.disconnect()); // before the value, at the same time
    client.send(Uint8Array.of(1), (error) => void events.push(error?.code ?? 'sent'));
    client.send(Uint8Array.of(2), (error) => void events.push(error?.code ?? 'sent'));
    clock.advance(100);
    expect(events).toEqual(['bearer-closed', 'bearer-closed', 'ended']);
    client.disconnect();
    clock.advance(100);
    expect(events.length).toBe(3);
  });
});

describe('a link with connection events', () => {
  function link(events: { intervalMs: number; packets: number }) {
    const clock = new VirtualClock();
    const { client, server } = memoryGattLinks(clock, { mtu: 23, events });
    const heard: number[] = [];
    server.listen({ received: (value) => void heard.push(clock.now, value[0]!), disconnected: () => {} });
    return { clock, client, server, heard };
  }

  it('carries so many values in each, and has room for those of one event ahead', () => {
    const { clock, client, heard } = link({ intervalMs: 15, packets: 2 });
    clock.advance(20);
    const done: number[] = [];
    for (let i = 0; i < 5; i++) client.send(Uint8Array.of(i), () => void done.push(clock.now, i));
    clock.advance(100);
    expect(heard).toEqual([30, 0, 30, 1, 45, 2, 45, 3, 60, 4]);
    expect(done).toEqual([20, 0, 20, 1, 30, 2, 30, 3, 45, 4]);
  });

  it('is as fast as its events at most, however much is sent', () => {
    const { clock, client, heard } = link({ intervalMs: 7.5, packets: 6 });
    const send = () => client.send(Uint8Array.of(1), send);
    send();
    clock.advance(7500);
    expect(heard.length / 2).toBe(6000);
  });

  it('answers in a later event than it was asked in', () => {
    const { clock, client, server, heard } = link({ intervalMs: 10, packets: 4 });
    const answers: number[] = [];
    server.listen({ received: (value) => server.send(value, () => {}), disconnected: () => {} });
    client.listen({ received: () => void answers.push(clock.now), disconnected: () => {} });
    client.send(Uint8Array.of(1), () => {});
    clock.advance(100);
    expect([answers, heard]).toEqual([[20], []]);
  });

  it('ends with what waits for room', () => {
    const { clock, client } = link({ intervalMs: 10, packets: 1 });
    const codes: (string | undefined)[] = [];
    for (let i = 0; i < 3; i++) client.send(Uint8Array.of(i), (error) => void codes.push(error?.code));
    client.disconnect();
    clock.advance(100);
    expect(codes.sort()).toEqual(['bearer-closed', 'bearer-closed', undefined]);
  });
});
