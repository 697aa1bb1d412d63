import { describe, expect, it } from 'vitest';
import { VirtualClock } from './clock.ts';
import { Deadline } from './deadline.ts';

describe('a deadline', () => {
  it('runs once, when it was last set to', () => {
    const clock = new VirtualClock();
    const ran: number[] = [];
    const deadline = new Deadline(clock, () => ran.push(clock.now));
    deadline.set(100);
    clock.advance(60);
    deadline.set(100);
    clock.advance(99);
    expect([ran, deadline.isSet]).toEqual([[], true]);
    clock.advance(1000);
    expect([ran, deadline.isSet]).toEqual([[160], false]);
  });

  it('can be brought forward, cleared and set again', () => {
    const clock = new VirtualClock();
    const ran: number[] = [];
    const deadline = new Deadline(clock, () => ran.push(clock.now));
    deadline.set(500);
    deadline.set(10);
    clock.advance(100);
    deadline.set(50);
    deadline.clear();
    clock.advance(100);
    expect([ran, deadline.isSet]).toEqual([[10], false]);
    deadline.set(-5);
    clock.advance(0);
    expect(ran).toEqual([10, 200]);
  });

  it('may set itself again when it runs', () => {
    const clock = new VirtualClock();
    let runs = 0;
    const deadline: Deadline = new Deadline(clock, () => {
      runs++;
      deadline.set(10);
    });
    deadline.set(10);
    clock.advance(55);
    expect(runs).toBe(5);
  });
});
