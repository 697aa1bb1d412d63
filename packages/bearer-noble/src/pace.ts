import type { Clock } from '@meshferry/core';

/** ACL packets in the host: enough that the controller always has something to send, and that little waits. */
const MOST_QUEUED = 16;
/** How often it is looked whether there is room, ms: no event tells of it. */
const LOOK_MS = 1;
/** Where the queue cannot be seen: two values each shortest connection interval, which any controller keeps up with. */
const BLIND_VALUES = 2;
const BLIND_MS = 7.5;

/**
 * The flow control that the libraries lack: a write command is "done" when it is in a queue without bound. Values are let through
 * while fewer than 16 ACL packets wait in that queue, or at a slow pace where it cannot be seen.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #queued: () => number | undefined;
  #credit = 0;
  #lookAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, queued: () => number | undefined) {
    this.#clock = clock;
    this.#queued = queued;
  }

  /** 0: one value may be written now; else ms until it is to be asked again. */
  take(): number {
    const { now } = this.#clock;
    if (this.#credit === 0 && now >= this.#lookAt) {
      // What was let through is not in the queue at once: no second look at the same time.
      const queued = this.#queued();
      this.#credit = queued === undefined ? BLIND_VALUES : Math.max(0, MOST_QUEUED - queued);
      this.#lookAt = now + (queued === undefined ? BLIND_MS : LOOK_MS);
    }
    if (this.#credit === 0) return Math.max(LOOK_MS, this.#lookAt - now);
    this.#credit--;
    return 0;
  }
}
