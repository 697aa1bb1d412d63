/**
 * What the honest radio is made of, all in ms, ranges uniform at random [design/airtime.md, "The honest radio"]. With these
 * alone, 1.6 to 2.2 % of single events are missed.
 */
export const HONEST_RADIO: {
  /** Between two packets of one event, on 37 and 38 and on 38 and 39. */
  readonly packetGapMs: MsRange;
  /** Scan window and interval: a receiver is on one channel for so long, then on the next. */
  readonly scanWindowMs: number;
  /** After each hop it is deaf for 0 to this. */
  readonly hopGapMs: number;
  /** advDelay: the controller delays each event of an interval by 0 to this [Core Specification 5.4, Vol 6, Part B, 4.4.2.2.1]. */
  readonly advertisingDelayMs: number;
  /** A host round trip to enable an idle set: without it nodes that answer one PDU would start in the same microsecond. */
  readonly hostMs: MsRange;
} = { packetGapMs: [0.15, 0.3], scanWindowMs: 30, hopGapMs: 0.3, advertisingDelayMs: 10, hostMs: [0.5, 2] };

/** From the least to the most, ms. */
export type MsRange = readonly [least: number, most: number];

/** A value of the range; `chance` is 0 to 1. */
export function within([least, most]: MsRange, chance: number): number {
  return least + chance * (most - least);
}
