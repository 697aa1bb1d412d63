import { concat, fromHex, type MeshError, toHex, utf8, VirtualClock } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type GattAdvertisement,
  type GattLink,
  type GattOffer,
  MESH_PROVISIONING_SERVICE,
  MESH_PROXY_SERVICE,
} from './gatt.ts';
import {
  AD_SERVICE_DATA,
  decodeAdStructures,
  decodeDevice,
  decodeServiceData,
  encodeAdStructures,
  encodeOffer,
  encodeServiceAdvertisement,
  encodeServiceData,
} from './gatt-advertisement.ts';
import { memoryGatt, memoryGattLinks } from './gatt-memory.ts';
import { gattUuidOctets, parseGattUuid, printGattUuid } from './gatt-uuid.ts';

/** Writes down what an end of a link tells. */
function watch(link: GattLink): { values: string[]; ended: number } {
  const seen = { values: [] as string[], ended: 0 };
  link.listen({
    received: (value) => void seen.values.push(toHex(value)),
    disconnected: () => void seen.ended++,
  });
  return seen;
}

function octets(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

describe('a GATT link in memory', () => {
  it('carries values both ways, in order, one after the other', () => {
    const clock = new VirtualClock();
    const { client, server } = memoryGattLinks(clock, { mtu: 23, valueMs: 10 });
    const [atClient, atServer] = [watch(client), watch(server)];
    const taken: number[] = [];
    for (const octet of [1, 2, 3]) client.send(octets(octet), () => void taken.push(clock.now));
    server.send(new Uint8Array(20), () => {});
    clock.advance(20);
    expect(atServer.values).toEqual(['01', '02']);
    expect(atClient.values).toEqual(['00'.repeat(20)]);
    clock.advance(20);
    expect(taken).toEqual([10, 20, 30]);
  });

  it('refuses a value longer than the MTU allows', () => {
    const clock = new VirtualClock();
    const { client, server } = memoryGattLinks(clock);
    const errors: (MeshError | undefined)[] = [];
    client.send(new Uint8Array(21), (error) => void errors.push(error));
    expect(errors).toEqual([]);
    const seen = watch(server);
    clock.advance(100);
    expect([errors[0]?.code, seen.values]).toEqual(['value-too-long', []]);
  });

  it('tells both ends once that it is disconnected, and fails what waits', () => {
    const clock = new VirtualClock();
    const { client, server } = memoryGattLinks(clock);
    const [atClient, atServer] = [watch(client), watch(server)];
    const outcomes: (string | undefined)[] = [];
    client.send(octets(1), (error) => void outcomes.push(error?.code));
    client.send(octets(2), (error) => void outcomes.push(error?.code));
    clock.advance(8);
    server.disconnect();
    expect(atClient.ended).toBe(0);
    client.disconnect();
    client.send(octets(3), (error) => void outcomes.push(error?.code));
    clock.advance(100);
    expect(outcomes).toEqual([undefined, 'bearer-closed', 'bearer-closed']);
    expect([atClient.ended, atServer.ended, atServer.values]).toEqual([1, 1, ['01']]);
  });
});

describe('a GATT world in memory', () => {
  it('lets a central discover a service and connect to it', () => {
    const clock = new VirtualClock();
    const gatt = memoryGatt(clock, { mtu: 69 });
    const [central, peripheral] = [gatt.central(), gatt.peripheral()];
    const found: GattAdvertisement[] = [];
    const stop = central.discover([0x1828], (advertisement) => void found.push(advertisement));
    const served: GattLink[] = [];
    peripheral.serve(MESH_PROXY_SERVICE, (link) => void served.push(link));
    const cancel = peripheral.advertise({ service: 0x1828, data: octets(7), intervalMs: 100, privateAddress: false });
    clock.advance(250);
    expect(found.map(({ at, data }) => [at, toHex(data)])).toEqual([
      [100, '07'],
      [200, '07'],
    ]);
    const outcomes: (GattLink | MeshError)[] = [];
    central.connect(found[0]!.peer, MESH_PROXY_SERVICE, (outcome) => void outcomes.push(outcome));
    clock.advance(1000);
    expect([outcomes.length, served.length, served[0]?.mtu]).toEqual([1, 1, 69]);
    expect(found.length).toBe(3); // its one connection is taken

    served[0]?.disconnect();
    clock.advance(150);
    expect(found.length).toBeGreaterThan(3);
    cancel();
    stop();
    const heard = found.length;
    clock.advance(1000);
    expect(found.length).toBe(heard);
  });

  it('fails to connect to a wrong service, an address of the past, a silent peripheral', () => {
    const clock = new VirtualClock();
    const gatt = memoryGatt(clock);
    const [central, peripheral] = [gatt.central(), gatt.peripheral({ connections: 2 })];
    const found: string[] = [];
    central.discover([0x1828], ({ peer }) => void found.push(peer));
    const unserve = peripheral.serve(MESH_PROXY_SERVICE, () => {});
    const offer = { service: 0x1828, data: octets(1), intervalMs: 50, privateAddress: true };
    peripheral.advertise(offer);
    clock.advance(60);
    const cancel = peripheral.advertise({ ...offer });
    clock.advance(60);
    const [old, fresh] = [found[0]!, found.at(-1)!];
    expect(fresh).not.toBe(old);
    const outcomes: string[] = [];
    const connect = (peer: string, service = MESH_PROXY_SERVICE) =>
      central.connect(peer, service, (outcome) => void outcomes.push('code' in outcome ? outcome.code : 'open'));
    connect(old);
    connect(fresh, MESH_PROVISIONING_SERVICE);
    connect(fresh);
    connect(fresh)();
    clock.advance(200);
    expect(outcomes).toEqual(['connect-failed', 'connect-failed', 'open']);
    cancel();
    connect(fresh);
    peripheral.advertise(offer);
    unserve();
    connect(fresh);
    clock.advance(200);
    expect(outcomes.slice(3)).toEqual(['connect-failed', 'connect-failed']);
  });
});

describe('advertising data', () => {
  it('has Flags, the service and its data', () => {
    const data = fromHex('003ecaff672f673370');
    expect(toHex(encodeServiceAdvertisement({ service: 0x1828, data }))).toBe(
      '020106030328180c162818003ecaff672f673370',
    );
    const structure = encodeServiceData({ service: 0x1828, data });
    expect(decodeServiceData(structure)).toEqual({ service: 0x1828, data });
    expect(decodeServiceData({ type: AD_SERVICE_DATA, data: octets(1) })).toBeUndefined();
    expect(decodeServiceData({ type: 0x2a, data })).toBeUndefined();
  });

  it('ends at a zero length and at a structure that reaches over the end', () => {
    const types = (hex: string) => decodeAdStructures(fromHex(hex)).map(({ type }) => type);
    expect(types('020106032a0102')).toEqual([0x01, 0x2a]);
    expect(types('00020106')).toEqual([]);
    expect(types('020106000003')).toEqual([0x01]);
    expect(types('020106052a01')).toEqual([0x01]);
    expect(types('0116')).toEqual([0x16]);
  });

  it('of a service comes back as it was, and random octets are one or none', () => {
    const serviceData = fc.record({ service: fc.nat(0xffff), data: fc.uint8Array({ maxLength: 27 }) });
    const any = fc.record({ type: fc.constantFrom(AD_SERVICE_DATA, 0x2a), data: fc.uint8Array({ maxLength: 5 }) });
    fc.assert(
      fc.property(serviceData, any, (value, structure) => {
        expect(decodeServiceData(encodeServiceData(value))).toEqual(value);
        const decoded = decodeServiceData(structure);
        expect(decoded !== undefined).toBe(structure.type === AD_SERVICE_DATA && structure.data.length >= 2);
        if (decoded !== undefined) expect(encodeServiceData(decoded)).toEqual(structure);
      }),
    );
  });

  it('comes back as it was, and random octets do no harm', () => {
    const structure = fc.record({ type: fc.nat(255), data: fc.uint8Array({ maxLength: 29 }) });
    fc.assert(
      fc.property(fc.array(structure, { maxLength: 4 }), fc.uint8Array({ maxLength: 40 }), (structures, tail) => {
        const encoded = encodeAdStructures(structures);
        const plain = ({ type, data }: { type: number; data: Uint8Array }) => [type, toHex(data)];
        expect(decodeAdStructures(encoded).map(plain)).toEqual(structures.map(plain));
        const whole = decodeAdStructures(concat(encoded, tail)).map(plain);
        expect(whole.slice(0, structures.length)).toEqual(structures.map(plain));
        expect(encodeAdStructures(decodeAdStructures(tail)).length).toBeLessThanOrEqual(tail.length);
      }),
    );
  });
});

describe('an offer on air', () => {
  const OFFER: GattOffer = { service: 0x1828, data: Uint8Array.of(1, 2), intervalMs: 100, privateAddress: false };
  const SMP = '8d53dc1d-1db7-4cd3-868b-8a527460aa84';

  it('lists a 16-bit service with its data, a 128-bit one without, and has the name in the scan response', () => {
    const [short, long] = [encodeOffer(OFFER), encodeOffer({ ...OFFER, service: SMP, name: 'Lamp' })];
    expect(toHex(short.advertisement)).toBe('020106' + '03032818' + '051628180102');
    expect(short.scanResponse.length).toBe(0);
    expect(toHex(long.advertisement)).toBe('020106' + '1107' + '84aa6074528a8b86d34cb71d1ddc538d');
    expect(toHex(long.scanResponse)).toBe('05094c616d70');
    const both = [...decodeAdStructures(long.advertisement), ...decodeAdStructures(long.scanResponse)];
    expect(decodeDevice(both)).toEqual({ name: 'Lamp', services: [SMP] });
    expect(decodeDevice(decodeAdStructures(short.advertisement))).toEqual({
      name: undefined,
      services: [0x1828, 0x1828],
    });
  });

  it('cuts a name that is too long between two characters', () => {
    const name = (text: string) =>
      decodeDevice(decodeAdStructures(encodeOffer({ ...OFFER, name: text }).scanResponse)).name;
    expect(name('x'.repeat(30))).toBe('x'.repeat(29));
    expect(name('ä'.repeat(15))).toBe('ä'.repeat(14));
    expect(name(`${'x'.repeat(27)}€`)).toBe('x'.repeat(27));
  });

  it('is read out of anything, and prefers the complete name', () => {
    const complete = { type: 0x09, data: utf8('whole') };
    const short = { type: 0x08, data: utf8('who') };
    const data128 = { type: 0x21, data: concat(gattUuidOctets(SMP), Uint8Array.of(7)) };
    expect([decodeDevice([complete, short]).name, decodeDevice([short, complete]).name]).toEqual(['whole', 'whole']);
    expect(decodeDevice([short, data128, { type: 0x16, data: Uint8Array.of(1) }])).toEqual({
      name: 'who',
      services: [SMP],
    });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 31 }), (octets) => {
        for (const uuid of decodeDevice(decodeAdStructures(octets)).services)
          expect(parseGattUuid(printGattUuid(uuid))).toBe(uuid);
      }),
      { numRuns: 10_000 },
    );
  });
});
