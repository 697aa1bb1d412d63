/** Lines that a receiver holds while it works, as those of Zephyr do [spec: smp section 7]. */
const RECEIVER_LINES = 2;
/** The pause after a first loss, and how it grows with the next ones: each costs seconds until it is noticed. */
const FIRST_PAUSE_MS = 2;
const GROWTH = 3;
/** What is tried of a pause with which all went well: when that is too little, the pause before is the right one. */
const LESS = 0.75;
const LONGEST_PAUSE_MS = 20;
/** Below this a pause is none. */
const SHORTEST_PAUSE_MS = 0.3;
/** Packets without a loss after which less of a pause is tried, at first and at most. */
const PATIENCE = 32;
const MOST_PATIENCE = 4096;

/**
 * How fast lines may follow one another: as if the receiver had two buffers of a line, and emptied each within the pause after the
 * line had come. So a packet of two lines after a rest never waits. The pause grows when lines got lost, and shrinks again, ever more
 * carefully when that was too early.
 */
export class LinePacer {
  readonly #least: number;
  #pauseMs: number;
  #patience = PATIENCE;
  #good = 0;
  /** The pause is less than one with which all went well. */
  #isTrying = false;
  /** When each of the receiver's buffers is empty again, the earlier one first. */
  readonly #emptyAt: number[] = new Array<number>(RECEIVER_LINES).fill(Number.NEGATIVE_INFINITY);

  /** `leastMs`: the pause of a line without any loss, ms; 0: none. */
  constructor(leastMs: number) {
    this.#least = leastMs;
    this.#pauseMs = leastMs;
  }

  /** The pause now, ms. */
  get pauseMs(): number {
    return this.#pauseMs;
  }

  /** ms until the next line may begin; with both buffers full until both are empty, as timers are few and coarse. */
  wait(now: number): number {
    if (this.#pauseMs === 0 || now >= (this.#emptyAt[0] as number)) return 0;
    return (this.#emptyAt[RECEIVER_LINES - 1] as number) - now;
  }

  /** A line has left. */
  sent(now: number): void {
    const last = this.#emptyAt[RECEIVER_LINES - 1] as number;
    this.#emptyAt.shift();
    this.#emptyAt.push(Math.max(now, last) + this.#pauseMs);
  }

  /** A packet had to be sent again. */
  lost(): void {
    const growth = this.#isTrying ? 1 / LESS : GROWTH;
    if (this.#isTrying) this.#patience = Math.min(MOST_PATIENCE, 2 * this.#patience);
    this.#isTrying = false;
    this.#good = 0;
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, growth * this.#pauseMs));
  }

  /** A packet was sent that is none that got lost. */
  good(): void {
    if (this.#pauseMs === this.#least || ++this.#good < this.#patience) return;
    this.#good = 0;
    this.#isTrying = true;
    const less = LESS * this.#pauseMs;
    this.#pauseMs = Math.max(this.#least, less < SHORTEST_PAUSE_MS ? 0 : less);
  }
}
