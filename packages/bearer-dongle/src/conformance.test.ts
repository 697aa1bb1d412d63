import { type Bearer, withFaults } from '@meshferry/bearer';
import { type BearerRig, type CountingClock, countingClock, describeBearer, waiting } from '@meshferry/bearer-testkit';
import { hostClock, hostRandom, MeshError, SeededRandom, silent, VirtualClock } from '@meshferry/core';
import { describe, it } from 'vitest';
import { openDongle } from './dongle.ts';
import { bearer } from './plugin.ts';
import { FakeDongle } from './testing/fake-dongle.ts';
import { freshAir, type Harness, noCompiler, startHarness } from './testing/firmware.ts';

interface MemoryRig extends BearerRig {
  readonly clock: VirtualClock;
  readonly counting: CountingClock;
  readonly random: SeededRandom;
  readonly fakes: Map<Bearer, FakeDongle>;
}

function memoryRig(): MemoryRig {
  const clock = new VirtualClock();
  const counting = countingClock(clock);
  const random = new SeededRandom(`${process.env.MESHFERRY_SEED}/conformance`);
  const air = new Set<FakeDongle>();
  const fakes = new Map<Bearer, FakeDongle>();
  const open = async () => {
    const fake = new FakeDongle(clock, random, air);
    const opening = openDongle(fake.stream, { clock: counting, random, log: silent }, { name: 'memory' });
    clock.advance(10);
    const dongle = await opening;
    fakes.set(dongle, fake);
    return dongle;
  };
  return { clock, counting, random, fakes, open, pass: async (ms) => clock.advance(ms) };
}

const inMemory = {
  advertising: {},
  make: memoryRig,
  leftovers: ({ counting }: MemoryRig) => counting.waiting,
  garble: ({ fakes, random }: MemoryRig) => {
    for (const fake of fakes.values()) {
      fake.write(random.bytes(100));
      fake.hear(random.bytes(31));
    }
  },
  lose: ({ fakes }: MemoryRig, lost: Bearer) => fakes.get(lost)?.unplug(new MeshError('bearer-lost', 'pulled')),
};

describeBearer({ describe, it }, 'the driver, with a dongle in memory', inMemory);

/** The same bearer behind the wrapper for faults. */
function withoutFaults(rig: MemoryRig): MemoryRig {
  const open = async () => {
    const dongle = await rig.open('advertising');
    const wrapped = withFaults(dongle, rig.counting, rig.random, {});
    rig.fakes.set(wrapped, rig.fakes.get(dongle)!);
    return wrapped;
  };
  return { ...rig, open };
}

describeBearer({ describe, it }, 'the driver, in the wrapper for faults without any', {
  ...inMemory,
  make: () => withoutFaults(memoryRig()),
});

interface ProcessRig extends BearerRig {
  readonly counting: CountingClock;
  readonly harnesses: Map<Bearer, Harness>;
}

const clock = hostClock(globalThis);

function processRig(): ProcessRig {
  const counting = countingClock(clock);
  const air = freshAir();
  const harnesses = new Map<Bearer, Harness>();
  return {
    clock,
    counting,
    harnesses,
    pass: waiting(clock),
    open: async () => {
      const harness = await startHarness('--air', air);
      const ground = { clock: counting, random: hostRandom(globalThis.crypto), log: silent };
      const opened = await bearer.open(`dongle:${harness.path}`, ground);
      harnesses.set(opened, harness);
      return opened;
    },
    close: async () => {
      for (const harness of harnesses.values()) await harness.unplug();
    },
  };
}

const overTerminals = {
  // A busy computer lets processes wait at any place.
  advertising: { latencyMs: 2000, jitterMs: 50, flood: 400 },
  make: processRig,
  leftovers: ({ counting }: ProcessRig) => counting.waiting,
  lose: ({ harnesses }: ProcessRig, lost: Bearer) => harnesses.get(lost)?.unplug(),
};

describe.skipIf(noCompiler)('the firmware, each in a process of its own on a pseudo-terminal', () => {
  describeBearer({ describe, it }, 'on one air', overTerminals);
});
