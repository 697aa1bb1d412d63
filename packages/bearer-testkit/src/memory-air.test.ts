import { memoryAir } from '@meshferry/bearer';
import { SeededRandom, VirtualClock } from '@meshferry/core';
import { describe, it } from 'vitest';
import { countingClock, describeBearer } from './index.ts';

describeBearer({ describe, it }, 'the air in memory', {
  advertising: {},
  make: () => {
    const clock = new VirtualClock();
    const counting = countingClock(clock);
    const air = memoryAir(counting, new SeededRandom(1));
    return { clock, counting, open: async () => air.join(), pass: async (ms) => clock.advance(ms) };
  },
  leftovers: ({ counting }) => counting.waiting,
});
