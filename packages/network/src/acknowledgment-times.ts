import type { Address } from '@meshferry/core';

/** Destinations that are remembered; the one longest unheard of makes room. */
const MAX_DESTINATIONS = 256;
/** Share of a new time in the mean. */
const GAIN = 0.25;
/** A wait of so many means is long enough. */
const MEANS = 1.5;
const MAX_WAIT_MS = 3000;

/**
 * How long destinations take to acknowledge a message of several segments. Over relays that are busy it takes longer than
 * the SAR Unicast Retransmissions Interval allows for: segments sent again before the acknowledgment can have come keep the
 * relays busier still. So the interval is the least, not the most, that is waited.
 */
export class AcknowledgmentTimes {
  readonly #meanMs = new Map<Address, number>();

  /** A message was acknowledged in whole so long after its first round of segments had left, ms. */
  observe(dst: Address, ms: number): void {
    const before = this.#meanMs.get(dst) ?? ms;
    this.#meanMs.delete(dst);
    this.#meanMs.set(dst, before + GAIN * (ms - before));
    if (this.#meanMs.size <= MAX_DESTINATIONS) return;
    const [oldest] = this.#meanMs.keys();
    this.#meanMs.delete(oldest as Address);
  }

  /** How long to wait at least for an acknowledgment before segments are sent again, ms; 0 while nothing is known. */
  waitMs(dst: Address): number {
    return Math.min(MAX_WAIT_MS, MEANS * (this.#meanMs.get(dst) ?? 0));
  }
}
