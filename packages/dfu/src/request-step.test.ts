import { MeshError, SeededRandom, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { RequestStep } from './request-step.ts';

/** A step whose requests leave after 20 ms and are answered as `answer` says. */
class Bench {
  readonly clock = new VirtualClock();
  readonly asked: { readonly at: number; readonly target: number }[] = [];
  readonly gaveUp: [number, string, number][] = [];
  readonly failures: [string, number][] = [];
  /** What sending ends with. */
  failure: MeshError | undefined;
  sending = 0;
  mostAtOnce = 0;
  ended: number | undefined;
  readonly step: RequestStep;

  constructor(
    targets: readonly number[],
    answer: (target: number, time: number) => void = () => {},
    limits: { silenceMs?: number; totalMs?: number } = {},
  ) {
    this.step = new RequestStep({
      clock: this.clock,
      random: new SeededRandom(1),
      targets,
      silenceMs: limits.silenceMs ?? 20_000,
      ...(limits.totalMs === undefined ? {} : { totalMs: limits.totalMs }),
      send: (target, done) => this.#send(target, done, answer),
      gaveUp: (target, why) => this.gaveUp.push([target, why, this.clock.now]),
      failed: ({ code }) => this.failures.push([code, this.clock.now]),
      ended: () => {
        expect(this.ended).toBeUndefined();
        this.ended = this.clock.now;
      },
    });
  }

  #send(target: number, done: (error?: MeshError) => void, answer: (target: number, time: number) => void): () => void {
    const time = this.asked.filter((other) => other.target === target).length + 1;
    this.asked.push({ at: this.clock.now, target });
    this.sending++;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.sending);
    let over = false;
    const end = (): void => {
      if (over) return;
      over = true;
      this.sending--;
      done(this.failure);
    };
    this.clock.after(20, end);
    this.clock.after(80, () => answer(target, time));
    return end;
  }

  timesOf(target: number): number[] {
    return this.asked.filter((other) => other.target === target).map(({ at }) => at);
  }
}

describe('the step helper', () => {
  it('ends at once when there is nobody to ask, but not before the constructor has returned', () => {
    const bench = new Bench([]);
    expect(bench.ended).toBeUndefined();
    bench.clock.advance(0);
    expect(bench.ended).toBe(0);
  });

  it('asks a hundred targets that answer in seconds, a few at a time, each once', () => {
    const targets = Array.from({ length: 100 }, (_, i) => i + 1);
    const bench = new Bench(targets, (target) => bench.step.settle(target));
    bench.clock.advance(60_000);
    expect(bench.asked.map(({ target }) => target)).toEqual(targets);
    expect(bench.mostAtOnce).toBeLessThanOrEqual(4);
    expect(bench.ended).toBeLessThan(3000);
  });

  it('repeats after growing pauses and gives up when the time is over', () => {
    const bench = new Bench([5]);
    bench.clock.advance(100_000);
    const times = bench.timesOf(5);
    const pauses = times.slice(1).map((at, i) => at - times[i]!);
    expect(times.length).toBeGreaterThanOrEqual(5);
    expect(pauses[0]).toBeLessThan(1200);
    for (const [i, pause] of pauses.entries()) if (i > 0) expect(pause).toBeGreaterThan(1.2 * pauses[i - 1]!);
    expect(bench.gaveUp).toEqual([[5, 'silent', 20_000]]);
    expect(bench.ended).toBe(20_000);
  });

  it('does not let many dead targets eat the time of a live one', () => {
    const targets = Array.from({ length: 60 }, (_, i) => i + 1);
    const bench = new Bench(targets, (target, time) => {
      if (target === 60 && time === 2) bench.step.settle(target);
    });
    bench.clock.advance(120_000);
    expect(bench.gaveUp).toHaveLength(59);
    expect(bench.gaveUp.some(([target]) => target === 60)).toBe(false);
    for (const [target, why, at] of bench.gaveUp) {
      expect([why, at - bench.timesOf(target)[0]!]).toEqual(['silent', 20_000]);
    }
  });

  it('gives up nobody who waits for his turn longer than the silence that is allowed', () => {
    const targets = Array.from({ length: 100 }, (_, i) => i + 1);
    // 100 requests take 11 s.
    const bench = new Bench(targets, (target, time) => time === 2 && bench.step.settle(target), { silenceMs: 10_000 });
    bench.clock.advance(60_000);
    expect(bench.gaveUp).toEqual([]);
    expect(bench.ended).toBeLessThan(30_000);
  });

  it('asks one that wants patience again and again, and calls it slow in the end', () => {
    const bench = new Bench([5], (target) => bench.step.again(target), { silenceMs: 10_000, totalMs: 60_000 });
    bench.clock.advance(100_000);
    expect(bench.gaveUp).toEqual([[5, 'slow', 60_000]]);
    const times = bench.timesOf(5);
    for (const [i, at] of times.entries()) if (i > 0) expect(at - times[i - 1]!).toBeLessThan(6000);
  });

  it('calls one silent that answered first and then no more', () => {
    const bench = new Bench([5], (target, time) => time === 1 && bench.step.again(target), {
      silenceMs: 60_000,
      totalMs: 60_000,
    });
    bench.clock.advance(100_000);
    expect(bench.gaveUp).toEqual([[5, 'silent', 60_000]]);
  });

  it('counts silence from the last answer', () => {
    const bench = new Bench([5], (target, time) => time <= 3 && bench.step.again(target), { silenceMs: 10_000 });
    bench.clock.advance(100_000);
    const last = bench.timesOf(5)[2]! + 80;
    expect(bench.gaveUp).toEqual([[5, 'silent', last + 10_000]]);
  });

  it('asks for the next part at once', () => {
    const bench = new Bench([5], (target, time) =>
      time < 5 ? bench.step.again(target, true) : bench.step.settle(target),
    );
    bench.clock.advance(10_000);
    expect(bench.timesOf(5)).toEqual([0, 80, 160, 240, 320]);
    expect(bench.ended).toBe(400);
  });

  it('expects answers only of those that were asked and are not done', () => {
    const bench = new Bench([5]);
    expect(bench.step.expects(5)).toBe(false);
    bench.clock.advance(0);
    expect([bench.step.expects(5), bench.step.expects(6)]).toEqual([true, false]);
    bench.step.settle(5);
    expect(bench.step.expects(5)).toBe(false);
    bench.step.again(5);
    bench.step.settle(5);
    bench.clock.advance(60_000);
    expect(bench.asked).toHaveLength(1);
  });

  it('blames no target when it was this node that could not send, and does not hurry', () => {
    const bench = new Bench([5, 6, 7], (target) => bench.step.settle(target));
    bench.failure = new MeshError('bearer-closed', 'the node has no network interface');
    bench.clock.advance(100_000);
    expect(bench.failures).toEqual([]);
    expect(bench.ended).toBeDefined();
    const mute = new Bench([5, 6]);
    mute.failure = bench.failure;
    mute.clock.advance(15_000);
    expect(mute.failures).toEqual([]);
    mute.clock.advance(100_000);
    expect(mute.failures).toEqual([['bearer-closed', 20_000]]);
    expect([mute.gaveUp, mute.ended]).toEqual([[], undefined]);
  });

  it('blames the target when the trouble has passed by the end, or was not of this node', () => {
    const bench = new Bench([5]);
    bench.failure = new MeshError('bearer-closed', 'the node has no network interface');
    bench.clock.advance(8000);
    bench.failure = new MeshError('segmented-timeout', 'not acknowledged');
    bench.clock.advance(100_000);
    expect(bench.failures).toEqual([]);
    expect(bench.gaveUp).toEqual([[5, 'silent', 20_000]]);
  });

  it('awaits an answer until there is one, and again once it has asked again', () => {
    const bench = new Bench([5], (target, time) => time === 1 && bench.step.again(target));
    bench.clock.advance(10);
    expect([bench.step.awaits(5), bench.step.awaits(6)]).toEqual([true, false]);
    bench.clock.advance(100);
    expect(bench.step.awaits(5)).toBe(false);
    bench.clock.advance(2000);
    expect(bench.step.awaits(5)).toBe(true);
  });

  it('sends nothing and ends nothing after it was stopped', () => {
    const bench = new Bench([5, 6, 7]);
    bench.clock.advance(10);
    bench.step.stop();
    bench.clock.advance(60_000);
    expect(bench.asked).toHaveLength(3);
    expect([bench.gaveUp, bench.ended]).toEqual([[], undefined]);
  });
});
