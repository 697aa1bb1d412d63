import { memoryGatt } from '@meshferry/bearer';
import { VirtualClock } from '@meshferry/core';
import { describe, it } from 'vitest';
import { countingClock, describeBearer } from './index.ts';

for (const [mtu, connections] of [
  [23, 1],
  [69, 3],
] as const) {
  describeBearer({ describe, it }, `GATT in memory, MTU ${mtu}, ${connections} at a time`, {
    gatt: { links: 3 },
    make: () => {
      const clock = new VirtualClock();
      const counting = countingClock(clock);
      const world = memoryGatt(counting, { mtu });
      return { clock, counting, open: async () => world.join({ connections }), pass: async (ms) => clock.advance(ms) };
    },
    leftovers: ({ counting }) => counting.waiting,
  });
}
