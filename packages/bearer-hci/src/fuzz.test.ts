import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuzz } from './testing/fuzz.ts';

describe('noise on the line', () => {
  it('never throws, hangs or costs a valid packet once it is over', () => {
    // A million streams: `pnpm --filter @meshferry/bearer-hci fuzz`.
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const { streams, resets, lostAtMost, longestDownMs } = fuzz(1000, seed);
        expect([streams, lostAtMost]).toEqual([1000, 0]);
        expect(resets).toBeGreaterThan(100);
        expect(longestDownMs).toBeLessThan(5000);
      }),
      { numRuns: 5 }, // each with 1000 streams
    );
  });
});
