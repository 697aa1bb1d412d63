import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from './clock.ts';

describe('VirtualClock', () => {
  it('runs events in order of time, those of one instant in order of asking', () => {
    const clock = new VirtualClock();
    const ran: string[] = [];
    clock.after(20, () => ran.push('c'));
    clock.after(10, () => ran.push('a'));
    clock.after(10, () => ran.push('b'));
    clock.advance(20);
    expect(ran).toEqual(['a', 'b', 'c']);
    expect(clock.now).toBe(20);
  });

  it('does not run what was cancelled, and forgets it as the next event', () => {
    const clock = new VirtualClock();
    const timer = clock.after(5, () => expect.unreachable());
    clock.after(7, () => {});
    timer.cancel();
    timer.cancel();
    expect(clock.nextAt).toBe(7);
    clock.advance(100);
  });

  it('runs an event that another one asked for at the same instant, after it', () => {
    const clock = new VirtualClock();
    const ran: number[] = [];
    clock.after(1, () => {
      clock.after(0, () => ran.push(2));
      ran.push(1);
    });
    clock.advance(1);
    expect(ran).toEqual([1, 2]);
  });

  it('keeps order for any set of delays and cancellations', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.boolean())), (plan) => {
        const clock = new VirtualClock();
        const ran: [number, number][] = [];
        plan.forEach(([ms, cancelled], i) => {
          const timer = clock.after(ms, () => ran.push([ms, i]));
          if (cancelled) timer.cancel();
        });
        while (clock.step());
        const expected = plan
          .map(([ms], i): [number, number] => [ms, i])
          .filter(([, i]) => !plan[i]?.[1])
          .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
        expect(ran).toEqual(expected);
      }),
      { numRuns: 1000 }, // no codec
    );
  });
});
