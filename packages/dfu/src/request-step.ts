import type { Cancel, Clock, MeshError, Random, Timer, Unicast } from '@meshferry/core';

/** How one step asks all of its targets. */
export interface RequestStepOptions {
  readonly clock: Clock;
  /** For the pauses, so that two clients do not keep step. */
  readonly random: Random;
  readonly targets: readonly Unicast[];
  /** A target that has not answered for so long, ms, and to several requests, is given up. */
  readonly silenceMs: number;
  /** A target that is still not done after so long, ms, is given up although it answers. Default: no such end. */
  readonly totalMs?: number;
  /** Sends the request to one target; `done` as of the access layer. */
  send(target: Unicast, done: (error?: MeshError) => void): Cancel;
  /** `silent`: the latest requests were not answered; `slow`: they were, but the target is not done within `totalMs`. */
  gaveUp(target: Unicast, why: 'silent' | 'slow'): void;
  /** The time of a target is over, but it was this node that could not send: the step has ended without {@link ended}. */
  failed(error: MeshError): void;
  /** All are done or given up. Called once, never before the constructor has returned. */
  ended(): void;
}

/** Requests under way at a time. */
const WINDOW = 4;
/** How long after a request has left its place in the window is kept for the answer, ms. */
const GRACE_MS = 400;
const FIRST_WAIT_MS = 1000;
const WAIT_FACTOR = 1.5;
/** Requests that must have been made before a target is silent: where many are asked over relays, one may wait long for its turn. */
const MIN_ASKS = 3;
/** So many times the silence is the end even so. */
const LONGEST_SILENCE = 3;
/** Share of a pause that chance adds at most. */
const JITTER = 0.1;
const LONGEST_WAIT_MS = 10_000;
/** A target that asks for patience is asked at least so often, ms. */
const LONGEST_PATIENCE_MS = 5000;
/** Errors of sending that are this node's own: no target is silent because of them. */
const OWN_ERRORS: ReadonlySet<string> = new Set(['key-not-bound', 'no-key', 'bearer-closed', 'sequence-exhausted']);

interface Target {
  readonly address: Unicast;
  /** Of the first request: the deadlines count from it, so that nobody is given up unasked. */
  firstAsked: number | undefined;
  asks: number;
  lastHeard: number;
  /** Whether its latest request was answered. */
  answered: boolean;
  /** Why its latest request did not leave this node. */
  ownError: MeshError | undefined;
  queued: boolean;
  waitMs: number;
  /** Next request or end. */
  timer: Timer | undefined;
  /** While its request is in the window. */
  release: (() => void) | undefined;
}

/**
 * The step helper of an update: asks each target by unicast, a few at a time, and repeats after growing pauses until it
 * is done or its time is over. (The other stacks wait a fifth of the time-out instead: minutes when it is generous.)
 */
export class RequestStep {
  readonly #options: RequestStepOptions;
  readonly #pending = new Map<Unicast, Target>();
  readonly #queue: Target[] = [];
  #busy = 0;
  #stopped = false;
  #pumping: Timer | undefined;

  constructor(options: RequestStepOptions) {
    this.#options = options;
    for (const address of options.targets) {
      const target: Target = {
        address,
        firstAsked: undefined,
        asks: 0,
        lastHeard: 0,
        answered: false,
        ownError: undefined,
        queued: true,
        waitMs: FIRST_WAIT_MS,
        timer: undefined,
        release: undefined,
      };
      this.#pending.set(address, target);
      this.#queue.push(target);
    }
    this.#pumping = options.clock.after(0, () => this.#pump());
  }

  /** Whether the target has been asked in this step and is not done: only then an answer of it counts. */
  expects(address: Unicast): boolean {
    return this.#pending.get(address)?.firstAsked !== undefined;
  }

  /** Whether the latest request to the target is still without an answer. */
  awaits(address: Unicast): boolean {
    return this.#pending.get(address)?.answered === false;
  }

  /** The target is done with this step, for good or ill. */
  settle(address: Unicast): void {
    const target = this.#pending.get(address);
    if (target === undefined) return;
    this.#remove(target);
    this.#pump();
  }

  /** The target has answered but is not done: it is asked again after a pause, or at once (`now`). */
  again(address: Unicast, now = false): void {
    const target = this.#pending.get(address);
    if (target?.firstAsked === undefined) return;
    target.lastHeard = this.#options.clock.now;
    target.answered = true;
    target.release?.();
    target.timer?.cancel();
    if (now && !target.queued) this.#enqueue(target);
    else if (!target.queued) this.#wait(target, LONGEST_PATIENCE_MS);
    this.#pump();
  }

  /** Ends the step without a call of `ended`. */
  stop(): void {
    this.#stopped = true;
    this.#pumping?.cancel();
    for (const target of [...this.#pending.values()]) this.#remove(target);
  }

  #pump(): void {
    while (!this.#stopped && this.#busy < WINDOW) {
      const target = this.#queue.shift();
      if (target === undefined) break;
      target.queued = false;
      if (this.#pending.has(target.address)) this.#ask(target);
    }
    if (!this.#stopped && this.#pending.size === 0) {
      this.#stopped = true;
      this.#options.ended();
    }
  }

  #ask(target: Target): void {
    const { clock } = this.#options;
    if (target.firstAsked === undefined) {
      target.firstAsked = clock.now;
      target.lastHeard = clock.now;
    }
    target.asks++;
    target.answered = false;
    target.ownError = undefined;
    this.#busy++;
    let grace: Timer | undefined;
    let left = false;
    const cancel = this.#options.send(target.address, (error) => {
      left = true;
      if (target.release !== release) return;
      if (error !== undefined && OWN_ERRORS.has(error.code)) target.ownError = error;
      grace = clock.after(GRACE_MS, () => {
        release();
        this.#pump();
      });
      this.#wait(target, LONGEST_WAIT_MS);
    });
    const release = (): void => {
      if (target.release !== release) return;
      target.release = undefined;
      this.#busy--;
      grace?.cancel();
      if (!left) cancel();
    };
    target.release = release;
  }

  /** Asks again after the target's pause, unless its time is over by then. */
  #wait(target: Target, longest: number): void {
    const { clock } = this.#options;
    const pause = Math.min(target.waitMs, longest) * (1 + JITTER * this.#options.random.uniform());
    target.waitMs = Math.min(target.waitMs * WAIT_FACTOR, LONGEST_WAIT_MS);
    target.timer?.cancel();
    const rest = this.#deadline(target, target.asks <= MIN_ASKS) - clock.now;
    target.timer = clock.after(Math.max(0, Math.min(pause, rest)), () => {
      if (clock.now >= this.#deadline(target, target.asks < MIN_ASKS)) return this.#giveUp(target);
      this.#enqueue(target);
      this.#pump();
    });
  }

  #enqueue(target: Target): void {
    target.queued = true;
    this.#queue.push(target);
  }

  #giveUp(target: Target): void {
    if (target.ownError !== undefined) {
      this.stop();
      this.#options.failed(target.ownError);
      return;
    }
    this.#remove(target);
    this.#options.gaveUp(target.address, target.answered ? 'slow' : 'silent');
    this.#pump();
  }

  #deadline(target: Target, isAskedRarely: boolean): number {
    const { silenceMs, totalMs = Number.POSITIVE_INFINITY } = this.#options;
    const silence = isAskedRarely ? LONGEST_SILENCE * silenceMs : silenceMs;
    return Math.min(target.lastHeard + silence, (target.firstAsked as number) + totalMs);
  }

  #remove(target: Target): void {
    this.#pending.delete(target.address);
    target.timer?.cancel();
    target.release?.();
  }
}
