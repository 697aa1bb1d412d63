import type { Clock } from '@meshferry/core';

/**
 * What `ask` gives, or a rejection after `ms`: packages of others are asked, and need not answer. The time also keeps the
 * process, which would else end without a word. `late` gets what comes afterwards.
 */
export async function askWithin<T>(
  ask: () => Promise<T>,
  ms: number,
  clock: Clock,
  late: (value: T) => void = () => {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const timer = clock.after(ms, () => {
      isOver = true;
      reject(new Error(`no answer within ${ms / 1000} s`));
    });
    // From within a promise, so that what is thrown at once is a rejection too.
    Promise.resolve()
      .then(ask)
      .finally(() => timer.cancel())
      .then((value) => (isOver ? late(value) : resolve(value)), reject);
  });
}
