import { fromHex, toHex } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAddressRange, encodeAddressRange } from './address-range.ts';
import { hex, network } from './testing/vectors.ts';

const ORDERS = ['big', 'little'] as const;

describe('unicast address ranges', () => {
  it.each(network.unicastAddressRanges)('of $primary and $secondaryElements more', (v) => {
    const range = { start: hex(v.primary), length: v.secondaryElements + 1 };
    const expected = { big: v.bigEndian, little: v.littleEndian };
    for (const order of ORDERS) {
      const octets = encodeAddressRange(range, order);
      expect(toHex(octets)).toBe(expected[order] ?? toHex(octets));
      expect(decodeAddressRange(octets, order)).toEqual({ ok: true, value: { range, octets: octets.length } });
    }
  });

  it('decode to what was encoded, wherever they stand', () => {
    const anyRange = fc
      .record({ start: fc.integer({ min: 1, max: 0x7fff }), length: fc.integer({ min: 1, max: 255 }) })
      .filter(({ start, length }) => start + length <= 0x8000);
    fc.assert(
      fc.property(anyRange, fc.constantFrom(...ORDERS), fc.nat(5), (range, order, offset) => {
        const octets = encodeAddressRange(range, order);
        const placed = new Uint8Array(offset + octets.length + 2);
        placed.set(octets, offset);
        expect(decodeAddressRange(placed, order, offset)).toEqual({
          ok: true,
          value: { range, octets: octets.length },
        });
      }),
    );
  });

  it('of any octets are in range or none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6 }), fc.constantFrom(...ORDERS), fc.nat(6), (octets, order, offset) => {
        const decoded = decodeAddressRange(octets, order, offset);
        if (!decoded.ok) return;
        const { range, octets: taken } = decoded.value;
        expect(offset + taken).toBeLessThanOrEqual(octets.length);
        expect(toHex(encodeAddressRange(range, order))).toBe(toHex(octets.subarray(offset, offset + taken)));
      }),
    );
  });

  it.each([
    ['nothing', ''],
    ['half of RangeStart', '92'],
    ['RangeStart 0', '0000'],
    ['no RangeLength', '9234'],
    ['RangeLength 0', '923400'],
    ['RangeLength 1', '923401'],
    ['an end past 0x7FFF', 'ffff02'],
  ])('are not there: %s', (_, octets) => {
    expect(decodeAddressRange(fromHex(octets), 'big').ok).toBe(false);
  });

  it.each([
    [0, 1],
    [1, 0],
    [1, 256],
    [0x7fff, 2],
  ])('from %i, length %i cannot be encoded', (start, length) => {
    expect(() => encodeAddressRange({ start, length }, 'big')).toThrow(expect.objectContaining({ code: 'bad-field' }));
  });
});
