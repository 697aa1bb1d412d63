import type { Sent, Transmit } from '@meshferry/bearer';
import type { Cancel, Clock, Timer } from '@meshferry/core';

/** Mean of the random delay that a controller adds to each advertising interval, ms. */
export const ADVERTISING_JITTER_MS = 5;
/** The shortest advertising interval that every proxy is capable of, ms. */
const MIN_INTERVAL_MS = 20;

/**
 * The pace at which a Proxy Server advertises what a client gives it: one PDU after the other, at best as this node would
 * transmit it. The link takes PDUs several times as fast, and tells nothing of those that the proxy has no room for.
 */
export class ProxyPace {
  readonly #clock: Clock;
  /** When what was given so far has left the proxy. */
  #free = 0;
  readonly #timers = new Set<Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** For how long one PDU occupies the proxy, at least, ms. */
  occupancyMs({ count, intervalMs }: Transmit): number {
    return count * (Math.max(intervalMs, MIN_INTERVAL_MS) + ADVERTISING_JITTER_MS);
  }

  /** The time of one more PDU, behind those given before. */
  take(transmit: Transmit): Sent {
    const start = Math.max(this.#clock.now, this.#free);
    this.#free = start + this.occupancyMs(transmit);
    return { start, end: this.#free };
  }

  /** Calls this at that time, or after 0 ms if it is over. */
  at(time: number, run: () => void): Cancel {
    const timer = this.#clock.after(Math.max(time - this.#clock.now, 0), () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
    return () => {
      timer.cancel();
      this.#timers.delete(timer);
    };
  }

  /** Nothing more is called. */
  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }
}
