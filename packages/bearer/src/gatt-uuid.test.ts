import { fromHex, toHex } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gattUuidOctets, gattUuidOf, parseGattUuid, printGattUuid, sameGattUuid } from './gatt-uuid.ts';

const SMP = '8d53dc1d-1db7-4cd3-868b-8a527460aa84';

describe('a UUID of GATT', () => {
  it('is on the wire least significant octet first', () => {
    expect(toHex(gattUuidOctets(SMP))).toBe('84aa6074528a8b86d34cb71d1ddc538d');
    expect(toHex(gattUuidOctets(0x1828))).toBe('2818');
    expect(gattUuidOf(fromHex('fb349b5f80000080001000002818' + '0000'))).toBe(0x1828);
    expect(gattUuidOf(fromHex('fb349b5f80000080001000002818' + '0100'))).toBe('00011828-0000-1000-8000-00805f9b34fb');
  });

  it('is read however it is written, and nothing else is', () => {
    for (const text of [SMP, SMP.toUpperCase(), SMP.replaceAll('-', '')]) expect(parseGattUuid(text)).toBe(SMP);
    expect(['1828', '0x1828', '00001828-0000-1000-8000-00805F9B34FB', 'A'].map(parseGattUuid)).toEqual([
      ...[0x1828, 0x1828, 0x1828, 0xa],
    ]);
    for (const text of ['', 'x', '18281', `${SMP}0`, '0x', '8d53dc1d']) expect(parseGattUuid(text)).toBeUndefined();
  });

  it('comes back as it was, from octets and from text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (octets) => {
        const uuid = gattUuidOf(octets);
        expect(toHex(gattUuidOctets(uuid))).toBe(toHex(typeof uuid === 'number' ? octets.subarray(12, 14) : octets));
        expect(parseGattUuid(printGattUuid(uuid))).toBe(uuid);
        expect(sameGattUuid(uuid, printGattUuid(uuid).toUpperCase())).toBe(true);
      }),
      { numRuns: 10_000 },
    );
    expect(sameGattUuid(0x1827, 0x1828)).toBe(false);
  });
});
