import type { Clock, Timer } from '@meshferry/core';

/** A clock that knows which of its timers have not run yet. */
export interface CountingClock extends Clock {
  /** Timers that wait: `timer`, once for each. */
  readonly waiting: readonly string[];
}

/** A clock for bearers, on top of that of the rig, so that the suite learns of timers that are left when they are closed. */
export function countingClock(inner: Clock): CountingClock {
  const timers = new Set<Timer>();
  return {
    get now(): number {
      return inner.now;
    },
    get waiting(): readonly string[] {
      return [...timers].map(() => 'timer');
    },
    after: (ms, run) => {
      const timer = inner.after(ms, () => {
        timers.delete(counted);
        run();
      });
      const counted = {
        cancel: () => {
          timers.delete(counted);
          timer.cancel();
        },
      };
      timers.add(counted);
      return counted;
    },
  };
}
