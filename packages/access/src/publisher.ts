import { type Cancel, MeshError, type Timer, type Unicast } from '@meshferry/core';
import type { AccessSend } from '@meshferry/network';
import type { ModelGround } from './model-ground.ts';
import { fastPeriodMs, type Publication, publishPeriodMs, publishRetransmit } from './publication.ts';

/** The sender may add some time to the interval of retransmissions [4.2.3.6]: up to so many ms. */
const RETRANSMIT_JITTER_MS = 20;

/**
 * Publishes for one model [Mesh Protocol 1.1, 3.7.6.1 and 4.2.3]: periodically, at once when asked, each message as
 * often as Publish Retransmit says.
 *
 * A new message ends the retransmissions of the one before; another state ends all that was under way. A period is
 * counted from the start of one publication to the start of the next.
 */
export class Publisher {
  readonly #ground: ModelGround;
  readonly #element: Unicast;
  readonly #onPeriod: (() => void) | undefined;
  #state: Publication | undefined;
  #running = false;
  #divisor = 0;
  #periodStart = 0;
  #periodTimer: Timer | undefined;
  #round: Round | undefined;

  constructor(
    ground: ModelGround,
    element: Unicast,
    onPeriod: (() => void) | undefined,
    state: Publication | undefined,
  ) {
    this.#ground = ground;
    this.#element = element;
    this.#onPeriod = onPeriod;
    this.#state = state;
  }

  get state(): Publication | undefined {
    return this.#state;
  }

  /** Whether the model can publish periodically. */
  get periodic(): boolean {
    return this.#onPeriod !== undefined;
  }

  /** The node is up: the first periodic publication follows in 20 to 500 ms, so that nodes of one switch do not meet. */
  start(): void {
    this.#running = true;
    const period = this.#periodMs();
    if (period === 0) return;
    this.#periodStart = this.#ground.clock.now + 20 + 480 * this.#ground.random.uniform() - period;
    this.#schedule();
  }

  stop(): void {
    this.#running = false;
    this.#cancelAll();
  }

  /** Another state: nothing of the old one is sent any more; the first period begins now. */
  replace(state: Publication | undefined): void {
    this.#cancelAll();
    this.#state = state;
    this.#periodStart = this.#ground.clock.now;
    this.#schedule();
  }

  /** Divides the period by 2^`divisor`, from the publication before on. */
  setDivisor(divisor: number): void {
    if (divisor === this.#divisor) return;
    this.#divisor = divisor;
    this.#schedule();
  }

  /** Sends a message where the model publishes to. `done`: how its first transmission ended. */
  publish(payload: Uint8Array, done: (error?: MeshError) => void): Cancel {
    const state = this.#state;
    this.#endRetransmissions();
    if (state === undefined) {
      const timer = this.#ground.clock.after(0, () => done(notPublishing()));
      return () => timer.cancel();
    }
    const { transmissions, intervalMs } = publishRetransmit(state.retransmit);
    const round: Round = { message: toSend(state, this.#element, payload), intervalMs, left: transmissions };
    this.#round = round;
    this.#transmit(round, done);
    return () => {
      if (this.#round === round) this.#round = undefined;
      endRound(round);
    };
  }

  #transmit(round: Round, done: (error?: MeshError) => void): void {
    round.left--;
    round.cancelSend = this.#ground.transmit(round.message, (error) => {
      round.cancelSend = undefined;
      done(error);
      // A round that was cancelled, or followed by another, is not continued.
      if (this.#round === round && error?.code !== 'cancelled') this.#repeat(round);
    });
  }

  #repeat(round: Round): void {
    const gap = round.intervalMs + RETRANSMIT_JITTER_MS * this.#ground.random.uniform();
    if (round.left === 0 || this.#passesPeriod(gap)) return;
    round.timer = this.#ground.clock.after(gap, () => {
      this.#transmit(round, (error) => {
        if (error !== undefined) this.#ground.log('debug', 'publication not repeated', error.toJSON());
      });
    });
  }

  /** Retransmissions that would come after the next periodic publication are left out. */
  #passesPeriod(gap: number): boolean {
    const period = this.#periodMs();
    return period > 0 && this.#ground.clock.now + gap >= this.#periodStart + period;
  }

  #schedule(): void {
    this.#periodTimer?.cancel();
    this.#periodTimer = undefined;
    const period = this.#periodMs();
    if (!this.#running || period === 0) return;
    const due = Math.max(0, this.#periodStart + period - this.#ground.clock.now);
    this.#periodTimer = this.#ground.clock.after(due, () => {
      this.#periodStart = this.#ground.clock.now;
      this.#schedule();
      this.#onPeriod?.();
    });
  }

  #periodMs(): number {
    if (this.#state === undefined || this.#onPeriod === undefined) return 0;
    return fastPeriodMs(publishPeriodMs(this.#state.period), this.#divisor);
  }

  /** What is on its way may leave; it is not repeated. */
  #endRetransmissions(): void {
    this.#round?.timer?.cancel();
    this.#round = undefined;
  }

  #cancelAll(): void {
    this.#periodTimer?.cancel();
    this.#periodTimer = undefined;
    const round = this.#round;
    this.#round = undefined;
    if (round !== undefined) endRound(round);
  }
}

/** The transmissions of one message. */
interface Round {
  readonly message: AccessSend;
  readonly intervalMs: number;
  left: number;
  timer?: Timer;
  cancelSend?: Cancel | undefined;
}

function endRound(round: Round): void {
  round.timer?.cancel();
  round.cancelSend?.();
}

function toSend(state: Publication, src: Unicast, payload: Uint8Array): AccessSend {
  return {
    src,
    dst: state.address,
    key: { kind: 'app', index: state.appIndex },
    ttl: state.ttl,
    payload,
    ...(state.label === undefined ? {} : { label: state.label }),
    ...(state.credentialFlag ? { credentials: 'friendship' as const } : {}),
  };
}

function notPublishing(): MeshError {
  return new MeshError('not-publishing', 'the model has no publication', {
    hint: 'Set one with Model.setPublication, or from a configuration client.',
  });
}
