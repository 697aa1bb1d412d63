import type { Clock } from '@meshferry/core';

/** Time as the network outside has it. */
export const systemClock: Clock = {
  get now(): number {
    return performance.now();
  },
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};
