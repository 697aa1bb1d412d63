import { describe, expect, it } from 'vitest';
import { hostClock, hostRandom } from './host.ts';

/** A host whose timers run when told. */
function fakeHost() {
  const waiting = new Map<number, { run: () => void; ms: number }>();
  let last = 0;
  return {
    waiting,
    performance: { now: () => 12.5 },
    setTimeout: (run: () => void, ms: number) => {
      waiting.set(++last, { run, ms });
      return last;
    },
    clearTimeout: (timer: number) => void waiting.delete(timer),
    fire() {
      const [[timer, { run, ms }] = [0, { run: () => {}, ms: 0 }]] = waiting;
      waiting.delete(timer);
      run();
      return ms;
    },
  };
}

describe('the clock of the host', () => {
  it('tells the time and runs what is due', () => {
    const host = fakeHost();
    const clock = hostClock(host);
    let ran = 0;
    expect(clock.now).toBe(12.5);
    clock.after(20, () => ran++);
    expect(host.fire()).toBe(20);
    expect(ran).toBe(1);
  });

  it('waits 40 days, which a host cannot at once, and can be told not to on the way', () => {
    const host = fakeHost();
    const days = 40 * 24 * 3600 * 1000;
    let ran = 0;
    const timer = hostClock(host).after(days, () => ran++);
    expect(host.fire() + ([...host.waiting.values()][0]?.ms ?? 0)).toBe(days);
    expect(ran).toBe(0);
    timer.cancel();
    expect(host.waiting.size).toBe(0);
  });
});

describe('the clock of Node', () => {
  it('runs what is due at once in the order of asking, later than the call and long before a millisecond is over', async () => {
    const clock = hostClock(globalThis);
    const ran: number[] = [];
    const start = performance.now();
    await new Promise<void>((resolve) => {
      const next = (i: number) => {
        ran.push(i);
        if (i < 1000) clock.after(0, () => next(i + 1));
        else resolve();
      };
      clock.after(0, () => next(1));
      clock.after(0, () => ran.push(-1)).cancel();
      expect(ran).toEqual([]);
    });
    expect(ran).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1));
    expect(performance.now() - start).toBeLessThan(900);
  });
});

describe('the chance of the host', () => {
  it('draws any number of octets, and numbers from 0 to 1', () => {
    const random = hostRandom(globalThis.crypto);
    expect(random.bytes(200_000)).toHaveLength(200_000);
    expect(
      random
        .bytes(200_000)
        .subarray(-64)
        .some((octet) => octet !== 0),
    ).toBe(true);
    const drawn = Array.from({ length: 100 }, () => random.uniform());
    expect(drawn.every((number) => number >= 0 && number < 1)).toBe(true);
    expect(new Set(drawn).size).toBeGreaterThan(90);
  });
});
