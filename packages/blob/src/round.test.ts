import { VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { AutoStrategy } from './auto-strategy.ts';
import { Estimates } from './estimates.ts';
import { Receiver } from './receiver.ts';
import { ALWAYS_LONG, Round, type RoundGround, type Step } from './round.ts';

/** Asks so many, a request a millisecond, and gives the most that owed an answer at a time while each took 35 ms. */
function mostAtATime(count: number, step: Partial<Step>): { most: number; isOver: boolean } {
  const clock = new VirtualClock();
  const estimates = new Estimates();
  const strategy = new AutoStrategy(estimates, 50_000);
  const receivers = Array.from({ length: count }, (_, i) => new Receiver({ address: 0x0100 + i }));
  let owing = 0;
  let most = 0;
  let isOver = false;
  const round: Round = new Round(
    {
      clock,
      strategy,
      estimates,
      clientTimeoutMs: 50_000,
      groupSize: 0,
      ask: (receiver, _toGroup, done) => {
        most = Math.max(most, ++owing);
        clock.after(1, () => done());
        clock.after(35, () => {
          owing--;
          round.answered(receiver);
        });
        return () => {};
      },
      waitMs: () => 1000,
      silent: () => {},
    },
    receivers,
    {
      ...step,
      ended: () => {
        isOver = true;
      },
    },
  );
  round.begin();
  clock.advance(5000);
  return { most, isOver };
}

describe('a round of many', () => {
  it('has no more short answers on their way at a time than the air takes', () => {
    expect(mostAtATime(100, {})).toEqual({ most: 10, isOver: true });
  });

  it('has fewer long ones', () => {
    expect(mostAtATime(100, { longAnswers: { ...ALWAYS_LONG, segments: 7 } })).toEqual({ most: 6, isOver: true });
  });

  it('takes who did not answer once for lost, not for in the middle of a list that hardly anybody has to give', () => {
    const kinds = (chance: number): readonly boolean[] => {
      const clock = new VirtualClock();
      const estimates = new Estimates();
      const asked: boolean[] = [];
      const round = new Round(
        {
          clock,
          strategy: new AutoStrategy(estimates, 50_000),
          estimates,
          clientTimeoutMs: 50_000,
          groupSize: 0,
          ask: (_receiver, _toGroup, done) => {
            clock.after(1, () => done());
            return () => {};
          },
          waitMs: (_receiver, long) => {
            asked.push(long);
            return 100;
          },
          silent: () => {},
        },
        [new Receiver({ address: 0x0100 })],
        { longAnswers: { chance: () => chance, came: () => false, segments: 7 }, ended: () => {} },
      );
      round.begin();
      clock.advance(450);
      round.stop();
      return asked;
    };
    expect(kinds(0.05)).toEqual([false, false, true, true, true]);
    expect(kinds(0.3)).toEqual([false, true, true, true, true]);
    expect(kinds(0.6)).toEqual([true, true, true, true, true]);
  });
});

describe('a round with patience', () => {
  /**
   * When a round ends of four, of whom all but the last answer two seconds after one another; `enough`: answers that give
   * something to do.
   */
  function endOf(step: Partial<Step>, enough = 0): number {
    let answers = 0;
    const clock = new VirtualClock();
    const estimates = new Estimates();
    const receivers = Array.from({ length: 4 }, (_, i) => new Receiver({ address: 0x0100 + i }));
    let endedAt = Number.NaN;
    const ended = (): void => {
      endedAt = clock.now;
    };
    const ground: RoundGround = {
      clock,
      strategy: new AutoStrategy(estimates, 50_000),
      estimates,
      clientTimeoutMs: 50_000,
      groupSize: 0,
      ask: (_receiver, _toGroup, done) => {
        clock.after(1, () => done());
        return () => {};
      },
      waitMs: () => 1000,
      silent: () => {},
    };
    const round = new Round(ground, receivers, { ...step, mayLeave: () => answers >= enough, ended });
    round.begin();
    for (const [i, receiver] of receivers.slice(0, 3).entries()) {
      clock.after(2000 * (i + 1), () => {
        answers++;
        round.answered(receiver);
      });
    }
    clock.advance(20_000);
    return endedAt;
  }

  it('waits for those who are silent as long as others answer, and so long after the last of them', () => {
    expect(endOf({ patienceMs: 3000 })).toBe(9000);
  });

  it('does not wait longer than it may, though others still answer', () => {
    expect(endOf({ patienceMs: 3000, longestMs: 5000 })).toBe(5000);
  });

  it('waits longer than that until the answers give something to do', () => {
    expect(endOf({ patienceMs: 3000, longestMs: 3000 }, 3)).toBe(6000);
  });
});
