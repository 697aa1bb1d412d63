import { type Bearer, memoryAir, reconnecting, withCapture, withFaults, withTrace } from '@meshferry/bearer';
import { type Clock, SeededRandom, VirtualClock } from '@meshferry/core';
import { describe, it } from 'vitest';
import { countingClock, describeBearer } from './index.ts';

const WRAPS: Readonly<Record<string, (bearer: Bearer, clock: Clock) => Bearer | Promise<Bearer>>> = {
  'as it is': (bearer) => bearer,
  'wrapped by withFaults with nothing injected': (bearer, clock) =>
    withFaults(bearer, clock, new SeededRandom('faults'), {}),
  'traced and captured': (bearer, clock) =>
    withCapture(
      withTrace(bearer, () => {}),
      () => {},
      clock,
    ),
  'opened again when it is lost': (bearer, clock) => reconnecting(async () => bearer, clock),
};

for (const [how, wrap] of Object.entries(WRAPS)) {
  for (const sets of [1, 3]) {
    describeBearer({ describe, it }, `the air in memory, ${sets} at a time, ${how}`, {
      advertising: { flood: 500 },
      make: () => {
        const clock = new VirtualClock();
        const bearers = countingClock(clock);
        const air = memoryAir(bearers, new SeededRandom(1), { sets });
        const pass = async (ms: number) => clock.advance(ms);
        return { clock, bearers, pass, open: async () => wrap(air.join(), bearers) };
      },
      leftovers: ({ bearers }) => bearers.waiting,
    });
  }
}

describeBearer({ describe, it }, 'the air in memory, losing a third and spoiling more', {
  advertising: { isLossy: true, flood: 500, latencyMs: 200 },
  make: () => {
    const clock = new VirtualClock();
    const bearers = countingClock(clock);
    const random = new SeededRandom(1);
    const air = memoryAir(bearers, random, { loss: 0.3 });
    const faults = { duplication: 0.1, delayMs: 10 };
    return {
      clock,
      bearers,
      pass: async (ms) => clock.advance(ms),
      open: async () => withFaults(air.join(), bearers, random, faults),
    };
  },
  leftovers: ({ bearers }) => bearers.waiting,
});
