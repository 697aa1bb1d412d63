import { concat, fromHex, toHex } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAdStructures } from './gatt-advertisement.ts';
import { pcapHeader, pcapPacket, readPcap } from './pcap.ts';

describe('pcap', () => {
  it('is classic, little-endian, link type 201, an advertising report to the host', () => {
    expect(toHex(pcapHeader())).toBe('d4c3b2a1020004000000000000000000ffff0000c9000000');
    const packet = pcapPacket({ t: 3_580_120, device: 2, rssi: -60, type: 0x2a, data: fromHex('0d10ca') });
    expect(toHex(packet)).toBe(
      `${'03000000'}${'18da0800'}${'18000000'}${'18000000'}${'00000001'}${'043e11'}${'02010301'}${'020000eeffc0'}${'05'}${'042a0d10ca'}${'c4'}`,
    );
  });

  it('reads what it has written', () => {
    const record = fc.record({
      t: fc.integer({ min: 0, max: 2 ** 40 }),
      device: fc.integer({ min: 0, max: 0xffff }),
      rssi: fc.integer({ min: -128, max: 127 }),
      type: fc.integer({ min: 1, max: 0xff }),
      data: fc.uint8Array({ maxLength: 29 }),
    });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 5 }), (records) => {
        const read = readPcap(concat(pcapHeader(), ...records.map(pcapPacket)));
        expect(
          read?.map(({ advertisingData, ...rest }) => ({ ...rest, ...decodeAdStructures(advertisingData)[0] })),
        ).toEqual(records);
      }),
    );
  });

  it('leaves a packet out that was cut off, and refuses other files', () => {
    const packet = packetOf(20);
    expect(readPcap(concat(pcapHeader(), packet, packet.subarray(0, 20)))).toHaveLength(1);
    expect(readPcap(new Uint8Array(24))).toBeUndefined();
    expect(readPcap(fromHex('7b22'))).toBeUndefined();
  });

  it('never throws on octets', () => {
    const file = concat(pcapHeader(), packetOf(20), packetOf(3));
    const damage = fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), damage, fc.nat(file.length), (octets, damages, length) => {
        readPcap(octets);
        readPcap(concat(pcapHeader(), octets));
        const damaged = file.slice();
        for (const [at, octet] of damages) damaged[at] = octet;
        expect(readPcap(damaged.subarray(0, length))?.length ?? 0).toBeLessThanOrEqual(2 + file.length);
      }),
    );
  });
});

function packetOf(octets: number): Uint8Array {
  return pcapPacket({ t: 1, device: 0, rssi: 127, type: 0x2a, data: new Uint8Array(octets) });
}
