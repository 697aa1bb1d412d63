/** Chunks that must arrive before a larger window is tried, at first and at most. */
const PATIENCE = 8;
const MOST_PATIENCE = 256;
/** With fewer that arrive before the next loss, so often in a row, the window is too large. */
const FEW = 3;
const OFTEN = 4;

/**
 * How many chunks may be under way: one less when some get lost time and again, one more after some that arrived. What
 * happens again with the larger window makes the next try later; what happens with one chunk at a time is not the window's fault.
 */
export class WindowSize {
  #most: number;
  #now: number;
  #arrived = 0;
  #losses = 0;
  #patience = PATIENCE;

  constructor(most: number) {
    this.#most = most;
    this.#now = most;
  }

  get now(): number {
    return this.#now;
  }

  /** One, for good. */
  fixToOne(): void {
    this.#most = 1;
    this.#now = 1;
  }

  /** A chunk has arrived. */
  arrived(): void {
    this.#arrived++;
    if (this.#now === this.#most || this.#arrived < this.#patience) return;
    this.#arrived = 0;
    this.#now++;
  }

  /** A chunk was lost; `isSilence`: no later one told so. */
  lost(isSilence: boolean): void {
    this.#losses = this.#arrived < FEW ? this.#losses + 1 : 1;
    this.#arrived = 0;
    if (this.#losses < OFTEN) return;
    this.#losses = 0;
    if (this.#now === 1) {
      this.#now = this.#most;
      this.#patience = PATIENCE;
    } else if (isSilence || this.#now > 2) {
      this.#now--;
      this.#patience = Math.min(2 * this.#patience, MOST_PATIENCE);
    }
  }
}
