/** Shortest time in either state before a transition [Mesh Protocol 1.1, 3.11.5]. */
export const HOURS_IN_STATE = 96;
/** Shortest time between two updates that one node begins, and between two recoveries [3.11.5, 3.11.6]. */
export const HOURS_BETWEEN_STARTS = 192;
/** Steps of the IV Index that a recovery can make up for: about 48 weeks [3.11.6]. */
export const IV_RECOVERY_STEPS = 42;
export const HOUR_MS = 3_600_000;

/** What a node knows of the IV Index when it hears of it. */
export interface OwnIvState {
  readonly ivIndex: number;
  readonly updating: boolean;
  /** Infinite when the 96 h limits do not apply. */
  readonly hoursInState: number;
  /** Undefined: never, or unknown, which allows one. */
  readonly hoursSinceRecovery: number | undefined;
}

/** Begin an update; end the one in progress; take what was heard by recovery; nothing. */
export type IvDecision = 'start' | 'end' | 'recover' | 'ignore';

/**
 * What an authentic beacon or Friend Update means [Mesh Protocol 1.1, 3.11.5, 3.11.6].
 *
 * An update that begins is never taken by recovery, though the table of 3.11.6 lists it: before its 96 h the node goes on
 * with the index that all others still transmit with, and loses nothing. Zephyr and the iOS library read it so, too.
 */
export function decideIvUpdate(own: OwnIvState, seen: { ivIndex: number; updating: boolean }): IvDecision {
  const steps = seen.ivIndex - own.ivIndex;
  const longEnough = own.hoursInState >= HOURS_IN_STATE;
  if (steps < 0 || steps > IV_RECOVERY_STEPS) return 'ignore';
  if (steps === 0) return own.updating && !seen.updating && longEnough ? 'end' : 'ignore';
  if (steps === 1 && !own.updating && seen.updating) return longEnough ? 'start' : 'ignore';
  const { hoursSinceRecovery = Number.POSITIVE_INFINITY } = own;
  return hoursSinceRecovery >= HOURS_BETWEEN_STARTS ? 'recover' : 'ignore';
}
