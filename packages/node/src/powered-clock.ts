import type { Clock, Timer } from '@meshferry/core';

/** The clock of a node that can lose its power: with it go all timers that anything on the node has asked for. */
export class PoweredClock implements Clock {
  readonly #clock: Clock;
  #powered = true;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get now(): number {
    return this.#clock.now;
  }

  after(ms: number, run: () => void): Timer {
    return this.#clock.after(ms, () => {
      if (this.#powered) run();
    });
  }

  /** No timer of this clock rings any more. */
  cut(): void {
    this.#powered = false;
  }
}
