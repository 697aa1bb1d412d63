import type { AdStructure, Advertising, Heard, Sent, Transmit } from '@meshferry/bearer';
import { type Cancel, type Clock, MeshError, type Random, type Unsubscribe } from '@meshferry/core';
import { eventAirTimeMicroseconds } from './radio-airtime.ts';
import { HONEST_RADIO, type MsRange, within } from './radio-parameters.ts';
import type { Packets } from './radio-scan.ts';

/**
 * How a node's Bluetooth controller advertises [design/interfaces.md, Simulator URI].
 * - `interval`: a PDU holds one advertising set for count × (interval + 0…10 ms).
 * - `single`: one event per command; the set is free again `rearmMs` after it, further copies of a PDU come when due.
 */
export interface ControllerSettings {
  readonly kind: 'interval' | 'single';
  /** Shortest advertising interval in ms; a PDU's own transmit interval may be longer. */
  readonly intervalMs: number;
  /** Advertising sets that work in parallel, 1 or more; the radio still sends one packet at a time. */
  readonly sets: number;
  /** From the end of a single event until the set can send the next, ms. */
  readonly rearmMs: number;
  /**
   * `interval`: from the start of a PDU's last event until the set can send the next PDU, ms. Default: the interval and the
   * random delay, as if another event followed.
   */
  readonly holdMs?: number;
  /** `interval`: host round trip to enable an idle set, ms; none on the ideal radio. Default: that of {@link HONEST_RADIO}. */
  readonly hostMs?: MsRange;
}

export const DEFAULT_CONTROLLER: ControllerSettings = { kind: 'interval', intervalMs: 20, sets: 1, rearmMs: 1 };

/**
 * Zephyr 3.4.99 and its controller, as recorded traffic shows them: the next PDU starts 23.65 ms after the last event of
 * one, so that three copies take 73.7 ms; nodes that answer one PDU start within 0.9 ms of each other.
 */
export const ZEPHYR_CONTROLLER: ControllerSettings = { ...DEFAULT_CONTROLLER, holdMs: 23.65, hostMs: [0.5, 1.35] };

/** One node's end of the simulated radio. */
export interface RadioPort extends Advertising {
  /** Place in the topology. */
  readonly index: number;
  /** Advertising events this port has sent. */
  readonly events: number;
  /** For how long the receiver has been on since the start, ms. */
  readonly listeningMs: number;
  /** Power off: hears and sends nothing more; what waits ends with `bearer-closed`. The place can be attached again. */
  close(): void;
}

/** One advertising event: the same packet on channels 37, 38 and 39. */
export interface AirEvent extends AdStructure, Packets {
  /** Index of the transmitting node. */
  readonly node: number;
  /** Clock time at which the first packet starts, ms. */
  readonly at: number;
  /** Clock time at which the last packet ends, ms. */
  readonly end: number;
}

/** What an advertiser needs of the air. */
export interface Medium {
  readonly clock: Clock;
  /** Whether hosts take their time and packets have gaps between channels, as on real radios. */
  readonly honest: boolean;
  /** Puts an event on the air at `at`, now or a little later. */
  begin(node: number, ad: AdStructure, at: number, random: Random): AirEvent;
  /** Who at this node hears structures of each type (8 bits) from now on. */
  listen(node: number, byType: readonly (Hear | undefined)[]): void;
  /** Delivers it; called at its end. */
  finish(event: AirEvent): void;
  detach(port: Advertiser): void;
}

/** Octets of AD data that a legacy advertising PDU holds: 31 less length and type. */
const AD_DATA_MAX = 29;

/** One PDU to send. */
interface Job {
  readonly ad: AdStructure;
  readonly spacing: number;
  readonly done: (outcome: Sent | MeshError) => void;
  left: number;
  /** Start of the first event, NaN before it. */
  start: number;
  /** When the next copy is due (single events). */
  due: number;
  ended: boolean;
}

/** Takes what was heard. */
export type Hear = (ad: Heard) => void;

interface Listener {
  readonly types: readonly number[];
  readonly heard: Hear;
}

/** A node's controller: its queue, its advertising sets and its listeners. Structures start in the order of `send`. */
export class Advertiser implements RadioPort {
  readonly index: number;
  readonly sets: number;
  readonly minIntervalMs: number;
  events = 0;
  closed = false;

  readonly #medium: Medium;
  readonly #random: Random;
  readonly #settings: ControllerSettings;
  readonly #sets: AdvertisingSet[];
  readonly #queue: Job[] = [];
  /** Copies not yet due (single events), earliest first. */
  readonly #copies: Job[] = [];
  #listeners: readonly Listener[] = [];
  /** How long the receiver was on before it was switched on last, and when that was. */
  #listenedMs = 0;
  #listeningSince = 0;
  /** Until when the one transmitter is taken. */
  #busyUntil = 0;
  readonly #copyDue = (): void => {
    if (this.#hasWork(this.#medium.clock.now)) this.#wake();
  };

  constructor(index: number, settings: ControllerSettings, medium: Medium, random: Random) {
    this.index = index;
    this.sets = settings.sets;
    const single = settings.rearmMs + eventAirTimeMicroseconds(AD_DATA_MAX) / 1000;
    this.minIntervalMs = settings.kind === 'interval' ? settings.intervalMs : single;
    this.#settings = settings;
    this.#medium = medium;
    this.#random = random;
    this.#sets = Array.from({ length: settings.sets }, () => {
      const set: AdvertisingSet = {
        idle: true,
        freeAt: 0,
        job: undefined,
        event: undefined,
        fire: () => this.#fire(set),
        end: () => this.#end(set),
      };
      return set;
    });
  }

  send(ad: AdStructure, transmit: Transmit, done: (outcome: Sent | MeshError) => void): Cancel {
    const refusal = this.#refusal(ad);
    if (refusal !== undefined) {
      const timer = this.#medium.clock.after(0, () => done(refusal));
      return () => timer.cancel();
    }
    const spacing = Math.max(transmit.intervalMs, this.#settings.kind === 'interval' ? this.#settings.intervalMs : 0);
    const left = Math.max(1, transmit.count);
    const job: Job = { ad, spacing, done, left, start: Number.NaN, due: 0, ended: false };
    this.#queue.push(job);
    this.#wake();
    return () => {
      job.ended = true;
    };
  }

  receive(types: readonly number[], heard: (ad: Heard) => void): Unsubscribe {
    const listener: Listener = { types: [...types], heard };
    this.#setListeners([...this.#listeners, listener]);
    return () => this.#setListeners(this.#listeners.filter((other) => other !== listener));
  }

  get listeningMs(): number {
    return this.#listenedMs + (this.#listeners.length > 0 ? this.#medium.clock.now - this.#listeningSince : 0);
  }

  #setListeners(listeners: readonly Listener[]): void {
    if (this.closed) return; // the place may have been taken by another
    this.#listenedMs = this.listeningMs;
    this.#listeningSince = this.#medium.clock.now;
    this.#listeners = listeners;
    const byType: Hear[][] = [];
    for (const { types, heard } of listeners) {
      for (const type of new Set(types)) byType[type] = [...(byType[type] ?? []), heard];
    }
    this.#medium.listen(this.index, byType.map(together));
  }

  close(): void {
    if (this.closed) return;
    this.#setListeners([]);
    this.closed = true;
    this.#medium.detach(this);
    const waiting = [...this.#sets.flatMap((set) => set.job ?? []), ...this.#copies, ...this.#queue];
    this.#queue.length = 0;
    this.#copies.length = 0;
    for (const job of waiting) this.#finishJob(job, closedError(this.index));
  }

  #refusal(ad: AdStructure): MeshError | undefined {
    if (this.closed) return closedError(this.index);
    if (ad.data.length <= AD_DATA_MAX) return undefined;
    return new MeshError('ad-too-long', `AD data of ${ad.data.length} octets exceeds ${AD_DATA_MAX}`, {
      hint: 'Segment the PDU: a legacy advertisement holds 29 octets of AD data.',
    });
  }

  /** Sets an idle advertising set to work, the one that is free first. */
  #wake(): void {
    let first: AdvertisingSet | undefined;
    for (const set of this.#sets) if (set.idle && (first === undefined || set.freeAt < first.freeAt)) first = set;
    if (first === undefined) return;
    this.#plan(first, Math.max(first.freeAt, this.#medium.clock.now + this.#hostDelay()));
  }

  /** Enabling an advertising set is a host round trip; for single events the re-arm time stands for it. */
  #hostDelay(): number {
    if (!this.#medium.honest || this.#settings.kind === 'single') return 0;
    return within(this.#settings.hostMs ?? HONEST_RADIO.hostMs, this.#random.uniform());
  }

  #plan(set: AdvertisingSet, at: number): void {
    set.idle = false;
    const { clock } = this.#medium;
    clock.after(at - clock.now, set.fire);
  }

  /** The set's time has come: the copy it holds, or the next of the queue, goes out as soon as the transmitter is free. */
  #fire(set: AdvertisingSet): void {
    if (this.closed) return;
    const { clock } = this.#medium;
    if (set.job?.ended === true) set.job = undefined;
    set.job ??= this.#next(clock.now);
    if (set.job === undefined) {
      set.idle = true;
      return;
    }
    const at = Math.max(clock.now, this.#busyUntil);
    set.event = this.#medium.begin(this.index, set.job.ad, at, this.#random);
    this.#busyUntil = set.event.end;
    clock.after(set.event.end - clock.now, set.end);
  }

  #end(set: AdvertisingSet): void {
    const { event, job } = set;
    if (this.closed || event === undefined || job === undefined) return;
    this.events++;
    if (Number.isNaN(job.start)) job.start = event.at;
    job.left--;
    this.#medium.finish(event);
    if (this.closed) return; // a receiver may have switched this node off
    if (this.#settings.kind === 'interval') this.#afterInterval(set, job, event);
    else this.#afterSingle(set, job, event);
    if (job.left === 0) this.#finishJob(job, { start: job.start, end: event.end });
  }

  /** A set that works by interval keeps its PDU until the last copy, and its interval after that. */
  #afterInterval(set: AdvertisingSet, job: Job, event: AirEvent): void {
    const delay = this.#random.uniform() * HONEST_RADIO.advertisingDelayMs;
    if (job.left > 0 && !job.ended) {
      this.#plan(set, event.at + job.spacing + delay);
      return;
    }
    this.#release(set, event.at + (this.#settings.holdMs ?? this.#settings.intervalMs + delay));
  }

  #afterSingle(set: AdvertisingSet, job: Job, event: AirEvent): void {
    if (job.left > 0 && !job.ended) this.#keepCopy(job, event.at + job.spacing);
    this.#release(set, event.end + this.#settings.rearmMs);
  }

  #release(set: AdvertisingSet, freeAt: number): void {
    set.job = undefined;
    set.event = undefined;
    set.freeAt = freeAt;
    set.idle = true;
    if (this.#hasWork(freeAt)) this.#plan(set, freeAt);
  }

  #keepCopy(job: Job, due: number): void {
    job.due = due;
    const copies = this.#copies;
    let i = copies.length;
    while (i > 0 && (copies[i - 1] as Job).due > due) i--;
    copies.splice(i, 0, job);
    const { clock } = this.#medium;
    clock.after(due - clock.now, this.#copyDue);
  }

  #hasWork(at: number): boolean {
    const copy = this.#copies[0];
    return this.#queue.length > 0 || (copy !== undefined && copy.due <= at);
  }

  /** A copy that is due goes before a new PDU; cancelled ones are dropped on the way. */
  #next(now: number): Job | undefined {
    while (this.#copies.length > 0 && (this.#copies[0] as Job).due <= now) {
      const copy = this.#copies.shift() as Job;
      if (!copy.ended) return copy;
    }
    for (;;) {
      const job = this.#queue.shift();
      if (job === undefined || !job.ended) return job;
    }
  }

  #finishJob(job: Job, outcome: Sent | MeshError): void {
    if (job.ended) return;
    job.ended = true;
    job.done(outcome);
  }
}

interface AdvertisingSet {
  /** Nothing planned and nothing on air; usable from `freeAt` on. */
  idle: boolean;
  freeAt: number;
  job: Job | undefined;
  event: AirEvent | undefined;
  /** Made once a set, so that an event costs no closure. */
  readonly fire: () => void;
  readonly end: () => void;
}

/** Several listeners as one, in the order in which they asked. */
function together(listeners: readonly Hear[]): Hear | undefined {
  if (listeners.length < 2) return listeners[0];
  return (ad) => {
    for (const hear of listeners) hear(ad);
  };
}

function closedError(index: number): MeshError {
  return new MeshError('bearer-closed', `the radio of node ${index} is switched off`, {
    hint: 'Attach the node to the radio again.',
  });
}
