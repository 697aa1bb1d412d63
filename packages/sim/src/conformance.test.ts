import { type Bearer, withFaults } from '@meshferry/bearer';
import { countingClock, describeBearer } from '@meshferry/bearer-testkit';
import { SeededRandom, VirtualClock } from '@meshferry/core';
import { describe, it } from 'vitest';
import { type ControllerSettings, DEFAULT_CONTROLLER, ZEPHYR_CONTROLLER } from './advertiser.ts';
import { GattAir } from './gatt-air.ts';
import { Radio } from './radio.ts';
import { layOut } from './topology.ts';

const PLACES = 24;
const WRAPS = { '': false, ', wrapped by withFaults with nothing injected': true };

const single = (sets: number): ControllerSettings => ({ ...DEFAULT_CONTROLLER, kind: 'single', sets });
const AIRS: Readonly<Record<string, readonly ['ideal' | 'honest', ControllerSettings, number]>> = {
  'ideal, one set by interval': ['ideal', DEFAULT_CONTROLLER, 0],
  'ideal, four sets by interval': ['ideal', { ...DEFAULT_CONTROLLER, sets: 4 }, 0],
  'ideal, four sets of single events': ['ideal', single(4), 0],
  'honest, as Zephyr': ['honest', ZEPHYR_CONTROLLER, 0],
  'honest, three sets of single events, losing a tenth': ['honest', single(3), 0.1],
};

for (const [wrap, isWrapped] of Object.entries(WRAPS)) {
  for (const [name, [model, controller, loss]] of Object.entries(AIRS)) {
    describeBearer({ describe, it }, `the simulated radio: ${name}${wrap}`, {
      advertising: { isLossy: model === 'honest', flood: 500 },
      make: () => {
        const { clock, random, bearers, ...rig } = setUp(isWrapped);
        const radio = new Radio({ clock: bearers, random, topology: layOut('full', PLACES, random), model, loss });
        const attach = (index: number) => {
          const port = radio.attach({ index, controller });
          return { advertising: port, close: () => port.close() };
        };
        return { ...rig, clock, open: async () => rig.wrapped(attach(rig.place())) };
      },
      leftovers: ({ leftovers }) => leftovers(),
    });
  }

  describeBearer({ describe, it }, `GATT of the simulator${wrap}`, {
    gatt: { links: 3 },
    make: () => {
      const { random, bearers, ...rig } = setUp(isWrapped);
      const air = new GattAir(bearers, layOut('full', PLACES, random));
      return { ...rig, open: async () => rig.wrapped(air.attach(rig.place())) };
    },
    leftovers: ({ leftovers }) => leftovers(),
  });
}

function setUp(isWrapped: boolean) {
  const clock = new VirtualClock();
  const bearers = countingClock(clock);
  const random = new SeededRandom('conformance');
  let places = 0;
  return {
    clock,
    bearers,
    random,
    place: () => places++,
    pass: async (ms: number) => clock.advance(ms),
    wrapped: (bearer: Bearer) => (isWrapped ? withFaults(bearer, bearers, random, {}) : bearer),
    leftovers: () => bearers.waiting,
  };
}
