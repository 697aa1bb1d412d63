import { type Clock, fail, type MeshError, type Result, type Timer } from '@meshferry/core';
import type { SmpCommand } from '../message.ts';
import type { SmpVersion } from '../packet.ts';
import { noAnswer } from './errors.ts';

/** Sums of fractions of milliseconds are not exact. */
const EPSILON_MS = 1e-6;
/** How often a request whose answer cannot be read is sent in all. */
const MALFORMED_MAX = 3;

/** A packet with one sequence number, on its way or waiting for its answer. */
export interface Attempt {
  readonly exchange: Exchange;
  readonly sequence: number;
  readonly version: SmpVersion;
  readonly packet: Uint8Array;
}

/** How long an {@link Exchange} takes at most, and how often its request is repeated. */
export interface ExchangeTimes {
  readonly timeoutMs: number;
  /** To the first repetition; doubles with each. Infinity: never. */
  readonly repeatMs: number;
}

/** What an {@link Exchange} has its client do. */
export interface ExchangeClient {
  /** Sends the request with a new sequence number; false when there is none. */
  transmit(exchange: Exchange): boolean;
  /** Nothing of it is waited for any more. */
  forget(exchange: Exchange): void;
}

/** A request and its repetitions, until one of them is answered or time is up. */
export class Exchange {
  readonly command: SmpCommand<unknown, unknown>;
  readonly params: unknown;
  readonly timeoutMs: number;
  /** Each has a sequence number of its own; any may be answered. */
  readonly attempts: Attempt[] = [];
  /** What v2 was refused with, while v1 is tried. */
  refusal: MeshError | undefined;
  readonly #clock: Clock;
  readonly #client: ExchangeClient;
  #repeatMs: number;
  #deadline: number | undefined;
  #timer: Timer | undefined;
  #malformed = 0;
  #done: ((outcome: Result<unknown, MeshError>) => void) | undefined;

  constructor(
    command: SmpCommand<unknown, unknown>,
    params: unknown,
    { timeoutMs, repeatMs }: ExchangeTimes,
    done: (outcome: Result<unknown, MeshError>) => void,
    clock: Clock,
    client: ExchangeClient,
  ) {
    this.command = command;
    this.params = params;
    this.timeoutMs = timeoutMs;
    this.#repeatMs = repeatMs;
    this.#done = done;
    this.#clock = clock;
    this.#client = client;
  }

  /** Whether half of the time has gone by. */
  get isLate(): boolean {
    return this.#deadline !== undefined && this.#deadline - this.#clock.now <= this.timeoutMs / 2;
  }

  /** An attempt has left: time runs from the first on. */
  sent(): void {
    if (this.#done === undefined) return;
    this.#deadline ??= this.#clock.now + this.timeoutMs;
    this.#arm(Math.min(this.#deadline - this.#clock.now, this.#repeatMs));
  }

  /** The answer to an attempt could not be read; true when the request goes out again. */
  repeatsAfterMalformed(): boolean {
    const isRepeatable = this.#repeatMs !== Number.POSITIVE_INFINITY;
    return isRepeatable && ++this.#malformed < MALFORMED_MAX && this.#client.transmit(this);
  }

  /** Ends it, once. */
  end(outcome: Result<unknown, MeshError>): void {
    const done = this.#done;
    if (done === undefined) return;
    this.#done = undefined;
    this.#timer?.cancel();
    this.#client.forget(this);
    done(outcome);
  }

  #arm(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(ms, () => this.#due());
  }

  #due(): void {
    const left = this.#deadline! - this.#clock.now;
    if (left <= EPSILON_MS) {
      this.end(fail(this.refusal ?? noAnswer(this.command.name, this.timeoutMs)));
      return;
    }
    this.#repeatMs *= 2;
    // The timer runs on while the repetition waits for its turn, or where no number is free for it.
    this.#arm(left);
    this.#client.transmit(this);
  }
}
