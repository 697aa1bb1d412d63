import type { Clock, Timer } from './clock.ts';

/** Sums of fractions of milliseconds are not exact: what is this near is now. */
const EPSILON_MS = 1e-6;

/**
 * A timer that is set again and again, such as one restarted at each segment: moving it later costs no new timer of the
 * clock, the one that runs looks when it fires whether its time has come.
 */
export class Deadline {
  readonly #clock: Clock;
  readonly #run: () => void;
  #at: number | undefined;
  #timer: Timer | undefined;
  #timerAt = 0;

  constructor(clock: Clock, run: () => void) {
    this.#clock = clock;
    this.#run = run;
  }

  /** Whether it will run. */
  get isSet(): boolean {
    return this.#at !== undefined;
  }

  /** Runs once, `ms` from now, instead of when it was set to before. */
  set(ms: number): void {
    const at = this.#clock.now + Math.max(ms, 0);
    this.#at = at;
    if (this.#timer !== undefined && this.#timerAt <= at) return;
    this.#timer?.cancel();
    this.#arm(at);
  }

  /** It will not run. */
  clear(): void {
    this.#at = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(at: number): void {
    this.#timerAt = at;
    this.#timer = this.#clock.after(at - this.#clock.now, () => this.#fired());
  }

  #fired(): void {
    this.#timer = undefined;
    const at = this.#at;
    if (at === undefined) return;
    if (at - this.#clock.now > EPSILON_MS) {
      this.#arm(at);
      return;
    }
    this.#at = undefined;
    this.#run();
  }
}
