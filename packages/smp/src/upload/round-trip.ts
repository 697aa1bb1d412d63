/** How much of the longest time is kept with each answer. */
const FADING = 0.95;
const LONGER = 2;
/** A device may write and erase flash between two answers. */
const MARGIN_MS = 500;

/** How long an answer is to be waited for, by how long the last ones took. */
export class RoundTrip {
  readonly #mostMs: number;
  /** The longest lately; undefined before the first. */
  #longestMs: number | undefined;

  /** `mostMs`: also the time while nothing is known. */
  constructor(mostMs: number) {
    this.#mostMs = mostMs;
  }

  /** After so many ms a request, or its answer, will be lost. */
  get patienceMs(): number {
    if (this.#longestMs === undefined) return this.#mostMs;
    return Math.min(LONGER * this.#longestMs + MARGIN_MS, this.#mostMs);
  }

  /** An answer took so many ms. */
  took(ms: number): void {
    this.#longestMs = Math.max(ms, FADING * (this.#longestMs ?? 0));
  }
}
