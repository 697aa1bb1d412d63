import type { Clock, Unicast } from '@meshferry/core';
import { Deadline } from '@meshferry/core';

/** A Friend Clear is repeated after this, and then after twice as long each time [Mesh Protocol 1.1, 3.6.6.3.1]. */
const FIRST_REPEAT_MS = 1000;

/** Tells the former Friend of a Low Power node that it is one no more, until it confirms. */
export class FriendClearProcedure {
  readonly previous: Unicast;
  readonly lpn: Unicast;
  readonly lpnCounter: number;
  readonly #end: number;
  readonly #clock: Clock;
  readonly #send: () => void;
  readonly #deadline: Deadline;
  #repeatMs = FIRST_REPEAT_MS;

  /** `send` sends a Friend Clear; it is called at once, too. It ends after twice the PollTimeout in any case. */
  constructor(
    clock: Clock,
    {
      previous,
      lpn,
      lpnCounter,
      pollTimeoutMs,
    }: {
      readonly previous: Unicast;
      readonly lpn: Unicast;
      readonly lpnCounter: number;
      readonly pollTimeoutMs: number;
    },
    send: () => void,
  ) {
    this.previous = previous;
    this.lpn = lpn;
    this.lpnCounter = lpnCounter;
    this.#end = clock.now + 2 * pollTimeoutMs;
    this.#clock = clock;
    this.#send = send;
    this.#deadline = new Deadline(clock, () => this.#repeat());
    this.#repeat();
  }

  get isUnderWay(): boolean {
    return this.#deadline.isSet;
  }

  stop(): void {
    this.#deadline.clear();
  }

  #repeat(): void {
    this.#send();
    if (this.#clock.now + this.#repeatMs <= this.#end) this.#deadline.set(this.#repeatMs);
    this.#repeatMs *= 2;
  }
}
