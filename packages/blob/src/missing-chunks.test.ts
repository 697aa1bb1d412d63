import { fromHex, toHex } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunkNumberSize, decodeChunkNumbers, encodeChunkNumbers } from './missing-chunks.ts';

describe('the encoded list of missing chunks', () => {
  it('gives every number of 16 bits back, surrogates included', () => {
    for (let number = 0; number <= 0xffff; number++) {
      const octets = encodeChunkNumbers([number]);
      const decoded = decodeChunkNumbers(octets);
      if (!decoded.ok || decoded.value[0] !== number || octets.length !== chunkNumberSize(number)) {
        throw new Error(`chunk number ${number} became ${JSON.stringify(decoded)}`);
      }
    }
    const all = Array.from({ length: 0x10000 }, (_, i) => i);
    expect(decodeChunkNumbers(encodeChunkNumbers(all))).toEqual({ ok: true, value: all });
  });

  it('changes its length where the specification says', () => {
    const examples = { 5: '05', 127: '7f', 128: 'c280', 2047: 'dfbf', 2048: 'e0a080', 65535: 'efbfbf' };
    for (const [number, hex] of Object.entries(examples)) expect(toHex(encodeChunkNumbers([Number(number)]))).toBe(hex);
  });

  it('refuses cut, overlong, too large and stray octets, and says where', () => {
    const cases = { '80': 0, c2: 0, '05c280e0a0': 3, c085: 0, e09fbf: 0, f0908080: 0, c241: 1, '00ff': 1 };
    for (const [hex, offset] of Object.entries(cases)) {
      expect(decodeChunkNumbers(fromHex(hex))).toMatchObject({ ok: false, error: { offset } });
    }
  });

  it('never throws, and what it accepts has one form only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (octets) => {
        const decoded = decodeChunkNumbers(octets);
        if (decoded.ok) expect(encodeChunkNumbers(decoded.value)).toEqual(octets);
      }),
    );
  });
});
