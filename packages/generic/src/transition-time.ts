import { type Field, struct, uint } from '@meshferry/access';

/** How long a transition takes [Mesh Model 1.1, 3.1.3]: steps of 100 ms, 1 s, 10 s or 10 min; 63 steps: not known. */
export interface TransitionTime {
  steps: number;
  /** Index of the unit: 0 to 3. */
  resolution: number;
}

const UNITS_MS: readonly number[] = [100, 1000, 10_000, 600_000];

/** Steps that stand for a time that is not known. */
const UNKNOWN = 0x3f;

/** The field of a Transition Time with at most `max` steps (0x3E where the time must be known). */
export function transitionTime(range: { max: number }): Field<TransitionTime> {
  return struct({ steps: uint(6, range), resolution: uint(2) });
}

/** The transition time in ms, undefined when it is not known. */
export function transitionMs({ steps, resolution }: TransitionTime): number | undefined {
  return steps === UNKNOWN ? undefined : steps * (UNITS_MS[resolution] as number);
}

/** The smallest unit in which `ms` takes at most 62 steps, rounded up; 62 × 10 min when it is longer. */
export function transitionTimeOf(ms: number): TransitionTime {
  for (const [resolution, unit] of UNITS_MS.entries()) {
    const steps = Math.ceil(ms / unit);
    if (steps < UNKNOWN) return { steps, resolution };
  }
  return { steps: UNKNOWN - 1, resolution: UNITS_MS.length - 1 };
}
