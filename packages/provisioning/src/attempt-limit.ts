import type { Clock } from '@meshferry/core';

/** Failed attempts before the first pause. */
const FREE_ATTEMPTS = 3;
const FIRST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = 3_600_000;

/**
 * Slows down who guesses OOB values: after three failed confirmations every further one costs a pause that doubles, from
 * 30 s to an hour. One for each device, kept over its links; a restart of the device forgets it.
 */
export class AttemptLimit {
  readonly #clock: Clock;
  #failures = 0;
  #closedUntil = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether an attempt may begin now. */
  get isOpen(): boolean {
    return this.#clock.now >= this.#closedUntil;
  }

  /** A confirmation was wrong. */
  failed(): void {
    this.#failures++;
    if (this.#failures < FREE_ATTEMPTS) return;
    const pause = FIRST_PAUSE_MS * 2 ** (this.#failures - FREE_ATTEMPTS);
    this.#closedUntil = this.#clock.now + Math.min(pause, LONGEST_PAUSE_MS);
  }

  /** Somebody who knew the value came through. */
  succeeded(): void {
    this.#failures = 0;
  }
}
