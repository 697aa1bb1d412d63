import type { Sent } from '@meshferry/bearer';
import { type Clock, MeshError } from '@meshferry/core';
import {
  encodeCancel,
  encodeSend,
  OUTCOME_CANCELLED,
  OUTCOME_QUEUE_FULL,
  OUTCOME_SENT,
  type Send,
} from './messages.ts';

/** What is to be on air, without what the outbox adds. */
export type Shipment = Omit<Send, 'id'>;

/** One SEND on its way. */
export interface Job {
  readonly shipment: Shipment;
  /** Clock time at which the bearer was asked, ms. */
  readonly askedAt: number;
  /** Undefined: cancelled, or told already. */
  done: ((outcome: Sent | MeshError) => void) | undefined;
  /** 0: not on the dongle. */
  id: number;
  /** The newest SYNC when it was handed to the dongle. */
  token: number;
  /** How often it was handed over. */
  tries: number;
}

/** What comes back from the dongle for a SEND. */
export interface Report {
  readonly id: number;
  readonly outcome: number;
  readonly startUs: number;
  readonly endUs: number;
}

/** A SEND that the line loses so often will never arrive. */
const TRIES_MAX = 5;
const ID_MAX = 0xffff;

/**
 * The SENDs of a session: those that wait for room on the dongle, and those under way there. Each one under way holds one of
 * the credits, which its REPORT gives back; STATE finds those whose SEND or REPORT was lost on the line.
 */
export class Outbox {
  readonly #clock: Clock;
  readonly #say: (message: Uint8Array) => void;
  readonly #toHost: (us: number) => number;
  readonly #waiting: Job[] = [];
  readonly #underWay = new Map<number, Job>();
  #credits = 0;
  #id = 0;
  #token = 0;

  constructor(clock: Clock, say: (message: Uint8Array) => void, toHost: (us: number) => number) {
    this.#clock = clock;
    this.#say = say;
    this.#toHost = toHost;
  }

  /** A session begins with an empty queue on the dongle; what was under way in the last one goes first. */
  begin(queue: number): void {
    this.pause();
    this.#credits = queue;
    this.#pump();
  }

  /** The session is over: what was under way waits for the next one. */
  pause(): void {
    this.#credits = 0;
    const again = [...this.#underWay.values()].filter((job) => job.done !== undefined);
    this.#underWay.clear();
    this.#waiting.unshift(...again);
  }

  /** A SYNC was said. */
  synced(token: number): void {
    this.#token = token;
  }

  add(job: Job): void {
    this.#waiting.push(job);
    this.#pump();
  }

  /** `done` is not called any more; on the dongle the event on air is the last. */
  cancel(job: Job): void {
    if (job.done === undefined) return;
    job.done = undefined;
    const at = this.#waiting.indexOf(job);
    if (at >= 0) this.#waiting.splice(at, 1);
    else if (this.#underWay.get(job.id) === job) this.#say(encodeCancel(job.id));
  }

  report({ id, outcome, startUs, endUs }: Report): void {
    const job = this.#underWay.get(id);
    if (job === undefined) return;
    this.#underWay.delete(id);
    if (outcome === OUTCOME_SENT) this.#sent(job, startUs, endUs);
    else if (outcome === OUTCOME_QUEUE_FULL || outcome === OUTCOME_CANCELLED) this.#again(job);
    else finish(job, refused());
    this.#pump();
  }

  /** What the dongle had under way when it answered the SYNC of this token. */
  reconcile(token: number, ids: readonly number[]): void {
    const there = new Set(ids);
    const lost: Job[] = [];
    for (const [id, job] of this.#underWay) {
      if (job.token >= token) continue; // handed over after that SYNC
      if (!there.has(id)) {
        this.#underWay.delete(id);
        lost.push(job);
      } else if (job.done === undefined) {
        this.#say(encodeCancel(id)); // the CANCEL may have been lost
      }
    }
    for (const job of lost.reverse()) this.#again(job);
    this.#pump();
  }

  /** Everything ends with this error. */
  fail(error: MeshError): void {
    this.#credits = 0;
    const jobs = [...this.#underWay.values(), ...this.#waiting];
    this.#underWay.clear();
    this.#waiting.length = 0;
    for (const job of jobs) finish(job, error);
  }

  /** Where the clocks are not known exactly: as long as it was, after it was asked for, and not in the future. */
  #sent(job: Job, startUs: number, endUs: number): void {
    const { now } = this.#clock;
    const mapped = this.#toHost(startUs);
    const duration = this.#toHost(endUs) - mapped;
    const start = Math.max(Math.min(mapped, now - duration), job.askedAt);
    finish(job, { start, end: Math.min(start + duration, now) });
  }

  /** Unless it was cancelled here. */
  #again(job: Job): void {
    if (job.done === undefined) return;
    if (job.tries < TRIES_MAX) this.#waiting.unshift(job);
    else finish(job, lostOnLine(job.tries));
  }

  #pump(): void {
    while (this.#underWay.size < this.#credits) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      job.id = this.#nextId();
      job.token = this.#token;
      job.tries++;
      this.#underWay.set(job.id, job);
      this.#say(encodeSend({ id: job.id, ...job.shipment }));
    }
  }

  #nextId(): number {
    do this.#id = (this.#id % ID_MAX) + 1;
    while (this.#underWay.has(this.#id));
    return this.#id;
  }
}

function finish(job: Job, outcome: Sent | MeshError): void {
  const { done } = job;
  job.done = undefined;
  done?.(outcome);
}

function refused(): MeshError {
  return new MeshError('bearer-failed', 'the dongle refused a transmission: it takes a value for out of range', {
    hint: 'Flash the firmware that belongs to this version of Meshferry.',
  });
}

function lostOnLine(tries: number): MeshError {
  return new MeshError('bearer-failed', `a transmission was lost on the line to the dongle ${tries} times`, {
    hint: 'The line loses octets: use USB, flow control or a lower rate.',
  });
}
