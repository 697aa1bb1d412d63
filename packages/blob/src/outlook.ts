import type { Unicast } from '@meshferry/core';

/**
 * What is known of the radio before a transfer begins, by whoever has asked the receivers something. All of it is a first
 * guess: what the transfer itself shows soon outweighs it.
 */
export interface RadioOutlook {
  /** Time for which the bearer is taken by one advertising event, ms; with several sets their common pace. */
  readonly eventMs?: number;
  /** From a request to one receiver to its short answer, ms. */
  readonly roundTripMs?: number;
  readonly receivers: ReadonlyMap<Unicast, ReceiverOutlook>;
}

/** What is known of the way to one receiver. */
export interface ReceiverOutlook {
  /** Chance that it misses an advertising event of this node, 0 to 1. */
  readonly loss: number;
  /** How many events that was found from. */
  readonly events: number;
  /** Its messages come over relays. */
  readonly isRemote: boolean;
}
