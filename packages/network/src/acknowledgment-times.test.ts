import { describe, expect, it } from 'vitest';
import { AcknowledgmentTimes } from './acknowledgment-times.ts';

describe('times of acknowledgments', () => {
  it('are not known at first, then one and a half of the mean is waited', () => {
    const times = new AcknowledgmentTimes();
    expect(times.waitMs(2)).toBe(0);
    times.observe(2, 800);
    expect(times.waitMs(2)).toBe(1200);
    times.observe(2, 400);
    expect(times.waitMs(2)).toBe(1050);
    expect(times.waitMs(3)).toBe(0);
  });

  it('make nobody wait for ever', () => {
    const times = new AcknowledgmentTimes();
    times.observe(2, 60_000);
    expect(times.waitMs(2)).toBe(3000);
  });

  it('are kept of the destinations heard last', () => {
    const times = new AcknowledgmentTimes();
    for (let dst = 1; dst <= 257; dst++) {
      times.observe(dst, 100);
      times.observe(1, 100);
    }
    expect([1, 2, 3, 257].map((dst) => times.waitMs(dst))).toEqual([150, 0, 150, 150]);
  });
});
