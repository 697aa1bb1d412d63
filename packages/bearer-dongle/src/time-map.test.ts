import { SeededRandom } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimeMap } from './time-map.ts';

/** The largest error of the map, ms, over minutes of exchanges each second that take 0.5 to 20 ms, askew. */
function worst(ppm: number, seed: number, minutes: number, afterSeconds: number): number {
  const random = new SeededRandom(seed);
  const map = new TimeMap();
  const dongle = (ms: number) => Math.round(7e9 + ms * 1000 * (1 + ppm * 1e-6));
  let error = 0;
  for (let second = 0; second < minutes * 60; second++) {
    const said = second * 1000;
    const there = 0.2 + random.uniform() ** 3 * 15;
    const back = 0.2 + random.uniform() ** 3 * 5;
    map.add(dongle(said + there), said, said + there + back);
    if (second < afterSeconds) continue;
    for (const ms of [said + 50, said + 1000]) error = Math.max(error, Math.abs(map.toHost(dongle(ms)) - ms));
  }
  return error;
}

describe('the clock of a dongle', () => {
  it('is known within milliseconds at once and better later, at any drift that crystals have', () => {
    fc.assert(
      fc.property(fc.integer({ min: -100, max: 100 }), fc.nat(), (ppm, seed) => {
        expect(worst(ppm, seed, 3, 10)).toBeLessThan(3);
        expect(worst(ppm, seed, 3, 40)).toBeLessThan(2);
      }),
      { numRuns: 500 }, // each is three minutes of exchanges
    );
  });

  it('begins anew after a restart', () => {
    const map = new TimeMap();
    map.add(1e9, 100, 100);
    map.reset();
    map.add(500, 200, 200);
    expect(map.toHost(1500)).toBe(201);
  });
});
