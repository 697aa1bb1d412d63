import type { Clock } from '@meshferry/core';
import type { DayClock } from '@meshferry/smp';

/** What a new device takes for the time: 2026-01-01T00:00:00. */
const EPOCH = Date.UTC(2026, 0, 1);

/** The clock of the day of a simulated device, with a battery of its own: it goes on over resets, in simulated time. */
export class SimDayClock implements DayClock {
  readonly #clock: Clock;
  /** At the zero of the clock. */
  #offset: number;

  /** `time`: what it showed when the device was looked at last. */
  constructor(clock: Clock, time: number = EPOCH) {
    this.#clock = clock;
    this.#offset = time - clock.now;
  }

  read(): number {
    return Math.round(this.#offset + this.#clock.now);
  }

  set(time: number): void {
    this.#offset = time - this.#clock.now;
  }
}
