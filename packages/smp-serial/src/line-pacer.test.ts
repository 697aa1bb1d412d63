import { describe, expect, it } from 'vitest';
import { LinePacer } from './line-pacer.ts';
import { Repeats } from './repeats.ts';

describe('the pace of lines', () => {
  const send = (pacer: LinePacer, count: number) => {
    for (let i = 0; i < count; i++) pacer.good();
  };

  it('lets two lines go at once, and two more when those are over', () => {
    const pacer = new LinePacer(3);
    const waits: number[] = [];
    for (let i = 0, now = 0; i < 5; i++) {
      waits.push(pacer.wait(now));
      now += pacer.wait(now);
      pacer.sent(now);
    }
    expect(waits).toEqual([0, 0, 6, 0, 6]);
    expect(pacer.wait(1000)).toBe(0);
  });

  it('never waits without a pause', () => {
    const pacer = new LinePacer(0);
    for (let i = 0; i < 9; i++) pacer.sent(0);
    expect(pacer.wait(0)).toBe(0);
  });

  it('grows with losses up to a bound, and shrinks to what it was', () => {
    const pacer = new LinePacer(0);
    const grown = [1, 2, 3, 4].map(() => {
      pacer.lost();
      return pacer.pauseMs;
    });
    expect(grown).toEqual([2, 6, 18, 20]);
    send(pacer, 31);
    expect(pacer.pauseMs).toBe(20);
    send(pacer, 1);
    expect(pacer.pauseMs).toBe(15);
    send(pacer, 32 * 20);
    expect(pacer.pauseMs).toBe(0);
  });

  it('is again what went well when less of it loses lines', () => {
    const pacer = new LinePacer(0);
    pacer.lost();
    pacer.lost();
    send(pacer, 32);
    expect(pacer.pauseMs).toBe(4.5);
    pacer.lost();
    expect(pacer.pauseMs).toBe(6);
    // Twice as long until the next try.
    send(pacer, 63);
    expect(pacer.pauseMs).toBe(6);
    send(pacer, 1);
    expect(pacer.pauseMs).toBe(4.5);
  });

  it('is tried faster ever more rarely where that loses lines', () => {
    const pacer = new LinePacer(1.5);
    pacer.lost();
    let tries = 0;
    for (let i = 0; i < 10_000; i++) {
      const before = pacer.pauseMs;
      pacer.good();
      if (pacer.pauseMs < before) tries++;
      if (pacer.pauseMs < 4) pacer.lost();
    }
    expect(tries).toBeGreaterThan(3);
    expect(tries).toBeLessThan(20);
  });
});

it('a packet is known again by its contents, whatever its number, for some time', () => {
  const packet = (sequence: number, data: number) => Uint8Array.of(0x0a, 0, 0, 2, 0, 1, sequence, 1, data >> 8, data);
  const repeats = new Repeats();
  expect([1, 2, 3].map((sequence) => repeats.count(packet(sequence, 7)))).toEqual([0, 1, 2]);
  expect(repeats.count(packet(3, 8))).toBe(0);
  for (let i = 0; i < 40; i++) repeats.count(packet(0, 1000 + i));
  expect(repeats.count(packet(9, 7))).toBe(0);
});
