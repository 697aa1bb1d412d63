import type { Cancel, Clock, MeshError, Result, Timer } from '@meshferry/core';

/**
 * What an Initiator and a Distributor have to say to each other in one procedure: one question after the other until it ends,
 * which is told once. Answers that come after that change nothing.
 */
export class Conversation<T> {
  readonly #clock: Clock;
  readonly #ended: (outcome: Result<T, MeshError>) => void;
  #state: 'running' | 'leaving' | 'ended' = 'running';
  #cancelRequest: Cancel = () => {};
  #timer: Timer | undefined;

  constructor(clock: Clock, ended: (outcome: Result<T, MeshError>) => void) {
    this.#clock = clock;
    this.#ended = ended;
  }

  /** Neither over nor on the way to its end. */
  get isRunning(): boolean {
    return this.#state === 'running';
  }

  /** Asks, and goes on with what came of it. */
  request<R>(
    send: (done: (outcome: Result<R, MeshError>) => void) => Cancel,
    then: (outcome: Result<R, MeshError>) => void,
  ): void {
    this.#cancelRequest = send((outcome) => {
      if (this.isRunning) then(outcome);
    });
  }

  /** Asks, and goes on with the answer; an error is the end. */
  ask<R>(send: (done: (outcome: Result<R, MeshError>) => void) => Cancel, then: (answer: R) => void): void {
    this.request(send, (outcome) => {
      if (outcome.ok) then(outcome.value);
      else this.end(outcome);
    });
  }

  /** Goes on after so many ms. */
  pause(ms: number, then: () => void): void {
    this.#timer = this.#clock.after(ms, then);
  }

  end(outcome: Result<T, MeshError>): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#ended(outcome);
  }

  /** Asks nothing more; `farewell` tells whom it concerns, then calls {@link end}. Nothing when it does not run any more. */
  leave(farewell: () => void): void {
    if (!this.isRunning) return;
    this.#state = 'leaving';
    this.#timer?.cancel();
    this.#cancelRequest();
    farewell();
  }
}
