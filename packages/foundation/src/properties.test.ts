import { ACCESS_MAX } from '@meshferry/network';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryOctets, arbitraryOf } from '../../access/src/testing/index.ts';
import { FOUNDATION_MESSAGES } from './families.ts';

describe('every message of the foundation models', () => {
  const seed = 0x0f0d;
  const numRuns = 10_000;
  console.log(`seed ${seed}, ${numRuns} cases a message`);

  it.each(FOUNDATION_MESSAGES.map((type) => [type.name, type] as const))('%s', (_, type) => {
    fc.assert(
      fc.property(arbitraryOf(type), (value) => {
        const encoded = type.encode(value);
        expect(encoded.length).toBeLessThanOrEqual(ACCESS_MAX);
        expect(type.decode(encoded)).toEqual({ ok: true, value });
      }),
      { numRuns, seed },
    );
    fc.assert(
      fc.property(arbitraryOctets(type), (octets) => {
        const decoded = type.decode(octets);
        if (!decoded.ok) expect(decoded.error.offset).toBeLessThanOrEqual(octets.length);
        else expect(type.decode(type.encode(decoded.value))).toEqual(decoded);
      }),
      { numRuns, seed },
    );
  });
});
