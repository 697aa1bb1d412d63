import type { Clock } from '@meshferry/core';
import { Deadline } from '@meshferry/core';

/** The receiver is on so much longer than a window, at both ends: clocks and radios are not exact. */
const GUARD_MS = 10;

/** The one timer of a Low Power node, and its receiver: off but in windows [Mesh Protocol 1.1, 3.6.6.2]. */
export class LowPowerWindow {
  readonly #listen: (on: boolean) => void;
  readonly #deadline: Deadline;
  #due: () => void = () => {};
  #isOpen = false;

  constructor(clock: Clock, listen: (on: boolean) => void) {
    this.#listen = listen;
    this.#deadline = new Deadline(clock, () => this.#due());
  }

  /** Whether the receiver is on for an answer. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Does this after `ms`, instead of what was planned before. */
  plan(ms: number, due: () => void): void {
    this.#due = due;
    this.#deadline.set(ms);
  }

  /** Listens from so many ms from now on, until the window is closed or nothing came in time. */
  open(from: number, to: number, nothing: () => void): void {
    this.plan(Math.max(from - GUARD_MS, 0), () => {
      this.#isOpen = true;
      this.#listen(true);
      this.plan(to - from + 2 * GUARD_MS, () => {
        this.close();
        nothing();
      });
    });
  }

  /** The receiver goes off; what was planned stays. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#listen(false);
  }

  /** The receiver goes off, and nothing is planned any more. */
  stop(): void {
    this.#deadline.clear();
    this.close();
  }
}
