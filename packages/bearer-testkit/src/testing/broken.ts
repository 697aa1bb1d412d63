import type { Bearer } from '@meshferry/bearer';
import { type Clock, type MeshError, VirtualClock } from '@meshferry/core';
import { type BearerSubject, bearerSuite, type CountingClock, countingClock } from '../index.ts';

/** What the bearers of a rig stand on, and a rig of them. */
export interface BrokenRig {
  readonly clock: VirtualClock;
  readonly bearers: CountingClock;
  open(): Promise<Bearer>;
  pass(ms: number): Promise<void>;
}

/** A subject whose bearers `build` makes, one world for each rig. */
export function subjectOf(
  traits: Pick<BearerSubject<BrokenRig>, 'advertising' | 'gatt' | 'garble' | 'lose'>,
  build: (clock: Clock) => () => Bearer,
): BearerSubject<BrokenRig> {
  return {
    ...traits,
    make: () => {
      const clock = new VirtualClock();
      const bearers = countingClock(clock);
      const join = build(bearers);
      return { clock, bearers, open: async () => join(), pass: async (ms) => clock.advance(ms) };
    },
    leftovers: ({ bearers }) => bearers.waiting,
  };
}

/** What the suite finds: `name of the check: what happened`, for each check that fails. */
export async function findings(subject: BearerSubject<BrokenRig>): Promise<string[]> {
  const found: string[] = [];
  for (const { name, run } of bearerSuite(subject)) {
    await run().catch((error: MeshError) => found.push(`${name}: ${error.message}`));
  }
  return found;
}
