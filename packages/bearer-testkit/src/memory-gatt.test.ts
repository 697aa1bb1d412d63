import { type Bearer, memoryGatt, reconnecting, withCapture, withFaults } from '@meshferry/bearer';
import { type Clock, SeededRandom, VirtualClock } from '@meshferry/core';
import { describe, it } from 'vitest';
import { countingClock, describeBearer } from './index.ts';

const WRAPS: Readonly<Record<string, (bearer: Bearer, clock: Clock) => Bearer | Promise<Bearer>>> = {
  'as it is': (bearer) => bearer,
  'wrapped by withFaults with nothing injected': (bearer, clock) =>
    withFaults(bearer, clock, new SeededRandom('faults'), {}),
  'with values that come late': (bearer, clock) => withFaults(bearer, clock, new SeededRandom('late'), { delayMs: 30 }),
  captured: (bearer, clock) => withCapture(bearer, () => {}, clock),
  'opened again when it is lost': (bearer, clock) => reconnecting(async () => bearer, clock),
};

for (const [how, wrap] of Object.entries(WRAPS)) {
  for (const [mtu, connections] of [
    [23, 1],
    [69, 3],
  ] as const) {
    describeBearer({ describe, it }, `GATT in memory, MTU ${mtu}, ${connections} at a time, ${how}`, {
      gatt: { links: 3 },
      make: () => {
        const clock = new VirtualClock();
        const bearers = countingClock(clock);
        const world = memoryGatt(bearers, { mtu });
        const pass = async (ms: number) => clock.advance(ms);
        return { clock, bearers, pass, open: async () => wrap(world.join({ connections }), bearers) };
      },
      leftovers: ({ bearers }) => bearers.waiting,
    });
  }
}
