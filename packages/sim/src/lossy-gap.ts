import type { AdStructure, Advertising, Sent, Transmit } from '@meshferry/bearer';
import type { Cancel, Clock, MeshError, Unsubscribe } from '@meshferry/core';

/** What the proxy's controller adds to each advertising interval in the mean: 0 to 10 ms at random. */
const ADVERTISING_DELAY_MS = 5;

/**
 * What stands in for the radio of a node that is attached by a proxy alone: nobody hears it, and it hears nobody. Without it
 * every message would fail for good as soon as the node has no proxy for a moment; with it the message is lost, as on the
 * air, and sent again. One PDU after the other takes the time that the proxy needs to advertise it: a node that sends as
 * fast as its link takes overruns the proxy.
 */
export class LossyGap implements Advertising {
  readonly sets: number = 1;
  readonly minIntervalMs: number = 20;
  readonly #clock: Clock;
  /** When what was given so far has left. */
  #free = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  send(_ad: AdStructure, { count, intervalMs }: Transmit, done: (sent: Sent | MeshError) => void): Cancel {
    const start = Math.max(this.#clock.now, this.#free);
    const end = start + count * (Math.max(intervalMs, this.minIntervalMs) + ADVERTISING_DELAY_MS);
    this.#free = end;
    const timer = this.#clock.after(end - this.#clock.now, () => done({ start, end }));
    return () => timer.cancel();
  }

  receive(): Unsubscribe {
    return () => {};
  }
}
