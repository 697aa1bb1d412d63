import type { Clock } from '@meshferry/core';

/** A late answer to a number that was given up is not taken for one to its next use within this time, ms. */
const QUIET_MS = 60_000;
const NUMBERS = 256;

/** The 8-bit sequence numbers of a connection: one after the other, leaving out those in use or given up lately. */
export class SequenceNumbers {
  readonly #clock: Clock;
  /** Clock time until which a number rests; Infinity: in use. */
  readonly #restsUntil = new Float64Array(NUMBERS).fill(Number.NEGATIVE_INFINITY);
  #next: number;

  constructor(clock: Clock, first: number) {
    this.#clock = clock;
    this.#next = first & 0xff;
  }

  /** The next one. When all rest it is the one that has done so longest; there must be one that is not in use. */
  take(): number {
    const { now } = this.#clock;
    let taken = this.#next;
    for (let i = 0; i < NUMBERS; i++) {
      const number = (this.#next + i) & 0xff;
      if (this.#restsUntil[number]! <= now) {
        taken = number;
        break;
      }
      if (this.#restsUntil[number]! < this.#restsUntil[taken]!) taken = number;
    }
    this.#restsUntil[taken] = Number.POSITIVE_INFINITY;
    this.#next = (taken + 1) & 0xff;
    return taken;
  }

  /** Answered, or never sent: it may be used again. */
  release(number: number): void {
    this.#restsUntil[number] = Number.NEGATIVE_INFINITY;
  }

  /** An answer may still come. */
  giveUp(number: number): void {
    this.#restsUntil[number] = this.#clock.now + QUIET_MS;
  }

  /** Whether an answer with this number would be a late one. */
  rests(number: number): boolean {
    const until = this.#restsUntil[number]!;
    return until > this.#clock.now && until !== Number.POSITIVE_INFINITY;
  }
}
