import type { Cancel, Clock, MeshError, Timer } from '@meshferry/core';
import type { Estimates } from './estimates.ts';
import type { Receiver } from './receiver.ts';
import type { Strategy } from './strategy.ts';

/** What a {@link Round} needs of the transfer. */
export interface RoundGround {
  readonly clock: Clock;
  readonly strategy: Strategy;
  readonly estimates: Estimates;
  readonly clientTimeoutMs: number;
  /** Receivers that a message to the group reaches; 0 when there is no group to use. */
  readonly groupSize: number;
  /** Sends what the receiver's stage asks for, to it alone or to the group. */
  ask(receiver: Receiver, toGroup: boolean, done: (error?: MeshError) => void): Cancel;
  /** How long a receiver that was asked by itself may take to answer, by several PDUs if `long`. */
  waitMs(receiver: Receiver, long: boolean): number;
  /** The receiver has been silent for the client timeout. */
  silent(receiver: Receiver): void;
}

/** What the step of the procedure says that a {@link Round} serves. */
export interface Step {
  /** How long those who have answered wait for the others after the latest answer, ms; absent: until nobody is pending. */
  readonly patienceMs?: number;
  /** How long, ms, they wait in all while answers still come; absent: as long as they do. */
  readonly longestMs?: number;
  /** Who is silent for the client timeout is passed over, not lost. */
  readonly isOptional?: boolean;
  /** Answers may take more than one PDU: too many at a time would jam the air. Default: one PDU each. */
  readonly longAnswers?: LongAnswers;
  /** Whether, after that time, those who have answered give enough to do. Default: they do. */
  mayLeave?(): boolean;
  /** Called from time to time while the round waits. */
  waiting?(): void;
  /** Nobody is pending any more, or the patience is over. Those who are still silent keep their deadline. */
  ended(): void;
}

/** Which answers of a step take more than one PDU. */
export interface LongAnswers {
  /** The chance that this receiver gives one, 0 to 1. */
  chance(receiver: Receiver): number;
  /** Whether the one that it gave was one. */
  came(receiver: Receiver): boolean;
  /** PDUs of each, where the pace of such answers is to be learnt. */
  readonly segments?: number;
}

interface Asking {
  cancel: Cancel | undefined;
  over: boolean;
}

/** Of steps whose answers hold what does not fit one PDU. */
export const ALWAYS_LONG: LongAnswers = { chance: () => 1, came: () => true };

/** Requests to one receiver each that are on their way at a time, over relays fewer: the next one follows when the last has left. */
const WINDOW = 4;
const RELAYED_WINDOW = 2;
/** Requests that must have been made before somebody is lost: where many are asked, one may wait long for its turn. */
const MIN_ASKS = 5;
/** Answers that may be on their way to us at a time are six long ones, or ten short ones: more would jam the air. */
const CAPACITY = 30;
const LONG_SHARE = 5;
const SHORT_SHARE = 3;
export const SHORT_AT_A_TIME: number = CAPACITY / SHORT_SHARE;
/** Share of short answers that do not come in time: they, or the request, were lost. */
const UNANSWERED = 0.2;

/**
 * One acknowledged step [MBT 6.2]: everybody pending is asked, the group first and the few that stay silent one by one,
 * until all have answered or have been silent for the client timeout. The wait follows the measured round trip.
 */
export class Round {
  readonly #ground: RoundGround;
  readonly #step: Step;
  readonly #pending: Set<Receiver>;
  readonly #queue: Receiver[] = [];
  readonly #askings = new Map<Receiver | 'group', Asking>();
  #leaveAt: number;
  readonly #leaveBy: number;
  /** Receivers whose answer may be on its way, until when it counts, and what it takes of the capacity. */
  readonly #answering = new Map<Receiver, { readonly until: number; readonly share: number }>();
  #timer: Timer | undefined;
  #over = false;
  /** When the last single request left while another one waited behind it: the next one follows at the bearer's pace. */
  #leftAt: number | undefined;

  constructor(ground: RoundGround, pending: readonly Receiver[], step: Step) {
    this.#ground = ground;
    this.#step = step;
    this.#pending = new Set(pending);
    this.#leaveBy = ground.clock.now + (step.longestMs ?? Number.POSITIVE_INFINITY);
    this.#leaveAt = this.#patienceEnd;
  }

  begin(): void {
    // Those who were silent before come last: the others' answers matter now.
    const order = [...this.#pending].sort((a, b) => a.asks - b.asks);
    for (const receiver of order) receiver.askAgainAt = Number.POSITIVE_INFINITY;
    this.#ask(order);
    this.#tick();
  }

  /** When patience ends, if nobody answers any more: over relays answers of many come for long, and a second sending takes longer. */
  get #patienceEnd(): number {
    return Math.min(this.#leaveBy, this.#ground.clock.now + (this.#step.patienceMs ?? Number.POSITIVE_INFINITY));
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** Asks one more, while the round runs. */
  include(receiver: Receiver): void {
    this.#pending.add(receiver);
    this.#enqueue(receiver);
    this.#tick();
  }

  isPending(receiver: Receiver): boolean {
    return this.#pending.has(receiver);
  }

  /** The receiver's turn is over: it has answered, or is lost. */
  answered(receiver: Receiver): void {
    if (!this.#pending.delete(receiver)) return;
    this.#measure(receiver, this.#step.longAnswers?.came(receiver) ?? false);
    receiver.answered();
    this.#drop(receiver);
    this.#answering.delete(receiver);
    this.#leaveAt = this.#patienceEnd;
    this.#pump();
    this.#tick();
  }

  #measure({ askedAt, asks, relays }: Receiver, wasLong: boolean): void {
    if (askedAt === undefined || asks > 1) return;
    const { clock, estimates } = this.#ground;
    const segments = this.#step.longAnswers?.segments;
    // What takes two PDUs tells nothing of lists.
    if (wasLong && segments === undefined) return;
    estimates.observeRoundTrip(clock.now - askedAt, wasLong, relays);
    if (wasLong && segments !== undefined) estimates.observeLongAnswer(clock.now - askedAt, segments);
  }

  /** The receiver has answered, and must now be asked for something else. */
  askAgain(receiver: Receiver): void {
    if (!this.#pending.has(receiver)) return;
    receiver.answered();
    this.#drop(receiver);
    this.#answering.delete(receiver);
    this.#enqueue(receiver);
  }

  /** Sends nothing more; what is on its way is cancelled. */
  stop(): void {
    this.#over = true;
    this.#timer?.cancel();
    for (const key of [...this.#askings.keys()]) this.#drop(key);
  }

  #end(): void {
    this.stop();
    this.#step.ended();
  }

  /** Looks who is lost, who is due, whether it is over, and when to look again. */
  #tick(): void {
    if (this.#over) return;
    const { clock, clientTimeoutMs } = this.#ground;
    const due: Receiver[] = [];
    let next = this.#leaveAt > clock.now ? this.#leaveAt : Number.POSITIVE_INFINITY;
    for (const receiver of this.#pending) {
      const lostAt = (receiver.silentSince ?? clock.now) + clientTimeoutMs * (receiver.asks < MIN_ASKS ? 3 : 1);
      if (lostAt <= clock.now) {
        this.#pending.delete(receiver);
        this.#answering.delete(receiver);
        this.#drop(receiver);
        if (this.#step.isOptional) receiver.answered();
        else this.#ground.silent(receiver);
        if (this.#over) return;
        continue;
      }
      if (receiver.askAgainAt <= clock.now) due.push(receiver);
      else next = Math.min(next, receiver.askAgainAt);
      next = Math.min(next, lostAt);
    }
    if (this.#pending.size === 0 || (clock.now >= this.#leaveAt && (this.#step.mayLeave?.() ?? true))) {
      this.#end();
      return;
    }
    this.#step.waiting?.();
    if (due.length > 0) this.#ask(due);
    next = Math.min(next, this.#prune());
    this.#timer?.cancel();
    this.#timer = next === Number.POSITIVE_INFINITY ? undefined : clock.after(next - clock.now, () => this.#tick());
  }

  /** Answers that are overdue make room for other requests; returns when the next one will be. */
  #prune(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const [receiver, { until }] of this.#answering) {
      if (until > this.#ground.clock.now) next = Math.min(next, until);
      else this.#answering.delete(receiver);
    }
    this.#pump();
    return next;
  }

  #ask(receivers: readonly Receiver[]): void {
    const first = receivers[0];
    if (first === undefined) return;
    const { strategy, groupSize } = this.#ground;
    const byGroup =
      groupSize > 0 &&
      first.stage !== 'locate' &&
      // Whoever did not answer the group twice may not hear it. (Stock settings ask the group alone.)
      receivers.every(({ stage, asks }) => stage === first.stage && (asks < 2 || strategy.asksGroupOnly)) &&
      strategy.asksGroup(
        receivers,
        groupSize,
        receivers.reduce((sum, receiver) => sum + this.#longChance(receiver), 0),
      );
    if (byGroup) this.#askGroup(receivers);
    else for (const receiver of receivers) this.#enqueue(receiver);
  }

  #askGroup(receivers: readonly Receiver[]): void {
    const { clock, strategy } = this.#ground;
    for (const receiver of receivers) {
      this.#count(receiver);
    }
    this.#send('group', receivers[0]!, () => {
      const again = clock.now + strategy.groupWaitMs(receivers);
      for (const receiver of receivers) if (this.#pending.has(receiver)) receiver.askAgainAt = again;
    });
  }

  #enqueue(receiver: Receiver): void {
    receiver.askAgainAt = Number.POSITIVE_INFINITY;
    if (!this.#queue.includes(receiver)) this.#queue.push(receiver);
    this.#pump();
  }

  #pump(): void {
    while (!this.#over && this.#askings.size < this.#window && this.#hasRoom()) {
      const receiver = this.#queue.shift();
      if (receiver === undefined) return;
      if (!this.#pending.has(receiver) || this.#askings.has(receiver)) continue;
      const { clock, estimates } = this.#ground;
      this.#count(receiver);
      const long = this.#expectsLong(receiver);
      if (long) receiver.asksForLong++;
      const until = clock.now + estimates.answerTimeoutMs(long);
      const isList = this.#step.longAnswers?.segments !== undefined || receiver.isRemote;
      const share = long && isList ? LONG_SHARE : SHORT_SHARE;
      this.#answering.set(receiver, { until, share });
      this.#send(receiver, receiver, () => {
        this.#measurePace(receiver);
        receiver.askedAt = clock.now;
        receiver.askAgainAt = clock.now + this.#ground.waitMs(receiver, long);
      });
    }
  }

  get #window(): number {
    return this.#queue[0]?.isRemote ? RELAYED_WINDOW : WINDOW;
  }

  /** The first request to one receiver in reach goes out in one event. */
  #measurePace({ asks, isRemote }: Receiver): void {
    const { clock, estimates } = this.#ground;
    const isSingle = asks === 1 && !isRemote;
    if (isSingle && this.#leftAt !== undefined) estimates.observeRequestPace(clock.now - this.#leftAt);
    this.#leftAt = isSingle && this.#askings.size > 0 ? clock.now : undefined;
  }

  /** The more often a receiver has not answered soon, the likelier it is in the middle of a long answer. */
  #expectsLong(receiver: Receiver): boolean {
    const chance = this.#longChance(receiver);
    return chance > (1 - chance) * UNANSWERED ** (receiver.asks - 1);
  }

  #longChance(receiver: Receiver): number {
    return this.#step.longAnswers?.chance(receiver) ?? 0;
  }

  #hasRoom(): boolean {
    let taken = 0;
    for (const { share } of this.#answering.values()) taken += share;
    return taken < CAPACITY;
  }

  #count(receiver: Receiver): void {
    receiver.asks++;
    receiver.askedAt = undefined;
    receiver.silentSince ??= this.#ground.clock.now;
    receiver.askAgainAt = Number.POSITIVE_INFINITY;
  }

  #send(key: Receiver | 'group', receiver: Receiver, left: () => void): void {
    const asking: Asking = { cancel: undefined, over: false };
    this.#askings.set(key, asking);
    asking.cancel = this.#ground.ask(receiver, key === 'group', () => {
      if (asking.over) return;
      asking.over = true;
      this.#askings.delete(key);
      if (this.#over) return;
      left();
      this.#pump();
      this.#tick();
    });
  }

  /** A request that was answered before its last copy left needs no more copies. */
  #drop(key: Receiver | 'group'): void {
    const asking = this.#askings.get(key);
    if (asking === undefined || asking.over) return;
    asking.over = true;
    this.#askings.delete(key);
    asking.cancel?.();
    this.#pump();
  }
}
