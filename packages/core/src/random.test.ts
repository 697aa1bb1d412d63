import { describe, expect, it } from 'vitest';
import { toHex } from './bytes.ts';
import { SeededRandom } from './random.ts';

describe('SeededRandom', () => {
  it('gives the same numbers for the same seed and others for another', () => {
    expect(toHex(new SeededRandom(1).bytes(32))).toBe(toHex(new SeededRandom(1).bytes(32)));
    expect(toHex(new SeededRandom(1).bytes(32))).not.toBe(toHex(new SeededRandom(2).bytes(32)));
    expect(toHex(new SeededRandom(1).fork('a').bytes(16))).not.toBe(toHex(new SeededRandom(1).fork('b').bytes(16)));
  });

  it('spreads evenly over 0 to 1', () => {
    const random = new SeededRandom('even');
    const buckets = new Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i++) {
      const value = random.uniform();
      expect(value >= 0 && value < 1).toBe(true);
      buckets[Math.floor(value * 10)]! += 1;
    }
    for (const count of buckets) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });
});
