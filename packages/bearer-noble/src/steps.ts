import type { Clock } from '@meshferry/core';

/**
 * Starts something that calls back, or never does: many callbacks of the libraries never come when the connection ends or the
 * server refuses. Resolves with what it called back; rejects after `ms`, and with what it threw or called back as an error.
 */
export function step<T = unknown>(
  clock: Clock,
  what: string,
  ms: number,
  start: (done: (error?: unknown, value?: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => reject(new Error(`${what} took more than ${ms / 1000} s`)));
    const done = (error?: unknown, value?: T) => {
      timer.cancel();
      if (error == null) resolve(value as T);
      else reject(error instanceof Error ? error : new Error(String(error)));
    };
    try {
      start(done);
    } catch (thrown) {
      done(thrown);
    }
  });
}
