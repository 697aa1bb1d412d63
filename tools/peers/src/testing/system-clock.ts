import { randomBytes } from 'node:crypto';
import type { Clock, Random } from '@meshferry/core';

/** Real time: the peers are processes of their own. */
export const systemClock: Clock = {
  get now() {
    return performance.now();
  },
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

export const systemRandom: Random = {
  bytes: (n) => new Uint8Array(randomBytes(n)),
  uniform: () => Math.random(),
};

/** Lets real time pass. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until something is there. Throws when it is not in time; `what` says what was waited for. */
export async function until<T>(
  what: string | (() => string),
  look: () => T | undefined | false,
  timeoutMs = 20_000,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end)
      throw new Error(`${typeof what === 'string' ? what : what()}: not after ${timeoutMs / 1000} s`);
    await sleep(10);
  }
}
