import type { AdStructure, Advertising, Sent, Transmit } from '@meshferry/bearer';
import type { Cancel, Clock, MeshError, Unsubscribe } from '@meshferry/core';

/**
 * What stands in for the radio of a node that is attached by a proxy alone: nobody hears it, and it hears nobody. Without it
 * every message would fail for good as soon as the node has no proxy for a moment; with it the message is lost, as on the
 * air, and sent again. It takes the time that the proxy's own advertising takes, so that the node does not outrun that.
 */
export class LossyGap implements Advertising {
  readonly sets: number = 1;
  readonly minIntervalMs: number = 20;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  send(_ad: AdStructure, transmit: Transmit, done: (sent: Sent | MeshError) => void): Cancel {
    const start = this.#clock.now;
    const ms = (transmit.count - 1) * Math.max(transmit.intervalMs, this.minIntervalMs);
    const timer = this.#clock.after(ms, () => done({ start, end: start + ms }));
    return () => timer.cancel();
  }

  receive(): Unsubscribe {
    return () => {};
  }
}
