import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitReader, BitWriter } from './bit-stream.ts';

const part = fc
  .integer({ min: 1, max: 48 })
  .chain((bits) => fc.record({ bits: fc.constant(bits), value: fc.integer({ min: 0, max: 2 ** bits - 1 }) }));

describe('bit stream', () => {
  it('puts the first field in the least significant bits, and numbers little-endian', () => {
    const writer = new BitWriter();
    writer.uint(0x123, 12);
    writer.uint(0x456, 12);
    writer.uint(0x0a0b0c, 24);
    expect([...writer.finish()]).toEqual([0x23, 0x61, 0x45, 0x0c, 0x0b, 0x0a]);
  });

  it('reads back numbers of any widths, whether they start at an octet or within one', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
        const writer = new BitWriter();
        let total = 0;
        for (const { bits, value } of parts) {
          writer.uint(value, bits);
          total += bits;
        }
        const octets = writer.finish();
        expect(octets.length).toBe(Math.ceil(total / 8));
        const reader = new BitReader(octets);
        expect(parts.map(({ bits }) => reader.uint(bits))).toEqual(parts.map(({ value }) => value));
        expect(reader.failure).toBeUndefined();
        expect(reader.remaining).toBe(0);
      }),
    );
  });

  it('keeps the first failure and gives zeros from then on', () => {
    const reader = new BitReader(Uint8Array.of(1, 2, 3));
    expect(reader.uint(16)).toBe(0x0201);
    expect(reader.uint(16)).toBe(0);
    expect(reader.failure).toEqual({ reason: '2 more octets needed, 1 left', offset: 2 });
    expect(reader.octets(9)).toHaveLength(0);
    expect(reader.failure?.offset).toBe(2);
  });
});
