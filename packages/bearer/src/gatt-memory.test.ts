import { MeshError, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { type GattLink, type GattOffer, MESH_PROVISIONING_SERVICE, MESH_PROXY_SERVICE } from './gatt.ts';
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
