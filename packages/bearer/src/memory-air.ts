import { type Cancel, type Clock, MeshError, type Random, type Unsubscribe } from '@meshferry/core';
import type { AdStructure, Advertising, Bearer, Heard, Sent, Transmit } from './contract.ts';

/** What kind of air {@link memoryAir} is. Everything is optional: by default everybody hears everything. */
export interface MemoryAirOptions {
  /** Whether the radio `to` is in reach of the radio `from` (numbers in the order of joining, from 0). Default: yes. */
  readonly hears?: (from: number, to: number) => boolean;
  /** Probability 0 to 1 that one advertising event is missed on a link, or a function giving it. Default 0. */
  readonly loss?: number | ((from: number, to: number) => number);
  /** Time on air of one advertising event, ms. Default 1.1: three channels, 31 octets. */
  readonly airtimeMs?: number;
  /** Advertising sets of each radio. Default 1. */
  readonly sets?: number;
  /** Shortest advertising interval of each radio, ms. Default 20. */
  readonly minIntervalMs?: number;
  /** Largest random delay added to each advertising interval, ms. Default 10, as the link layer does. */
  readonly jitterMs?: number;
}

/** The air that {@link memoryAir} makes. */
export interface MemoryAir {
  /** A new radio in this air; its number is the count of those before it. */
  join(): Bearer & { readonly advertising: Advertising; readonly number: number };
  /** Advertising events sent so far, by all. */
  readonly events: number;
}

/**
 * A small deterministic radio in memory for tests and examples: a broadcast medium with reach and loss, without
 * collisions, channels or half-duplex radios (the `sim` package has the honest one). A structure occupies its
 * advertising set for count × (interval + random 0 to 10 ms), as a controller advertising by interval does.
 *
 * ```ts
 * const air = memoryAir(clock, random, { loss: 0.1 });
 * const [a, b] = [air.join(), air.join()];
 * b.advertising.receive([AD_MESH_MESSAGE], (heard) => console.log(heard.data));
 * a.advertising.send({ type: AD_MESH_MESSAGE, data }, { count: 3, intervalMs: 20 }, () => {});
 * ```
 */
export function memoryAir(clock: Clock, random: Random, options: MemoryAirOptions = {}): MemoryAir {
  return new Air(clock, random, options);
}

class Air implements MemoryAir {
  readonly clock: Clock;
  readonly random: Random;
  readonly airtimeMs: number;
  readonly sets: number;
  readonly minIntervalMs: number;
  readonly jitterMs: number;
  events = 0;
  readonly #radios: Radio[] = [];
  readonly #hears: (from: number, to: number) => boolean;
  readonly #loss: (from: number, to: number) => number;

  constructor(clock: Clock, random: Random, options: MemoryAirOptions) {
    const { loss = 0 } = options;
    this.clock = clock;
    this.random = random;
    this.airtimeMs = options.airtimeMs ?? 1.1;
    this.sets = options.sets ?? 1;
    this.minIntervalMs = options.minIntervalMs ?? 20;
    this.jitterMs = options.jitterMs ?? 10;
    this.#hears = options.hears ?? (() => true);
    this.#loss = typeof loss === 'number' ? () => loss : loss;
  }

  join(): Radio {
    const radio = new Radio(this, this.#radios.length);
    this.#radios.push(radio);
    return radio;
  }

  /** One advertising event: whoever does not lose it hears it when it ends. */
  transmit(from: number, ad: AdStructure): void {
    this.events++;
    const hearers = this.#radios.filter((radio) => {
      const to = radio.number;
      return to !== from && this.#hears(from, to) && this.random.uniform() >= this.#loss(from, to);
    });
    this.clock.after(this.airtimeMs, () => {
      for (const radio of hearers) radio.advertising.hear(ad);
    });
  }
}

class Radio implements Bearer {
  readonly number: number;
  readonly advertising: MemoryAdvertising;

  constructor(air: Air, number: number) {
    this.number = number;
    this.advertising = new MemoryAdvertising(air, number);
  }

  close(): void {
    this.advertising.close();
  }
}

interface Job {
  readonly ad: AdStructure;
  readonly transmit: Transmit;
  done: ((outcome: Sent | MeshError) => void) | undefined;
  start: number;
}

class MemoryAdvertising implements Advertising {
  readonly sets: number;
  readonly minIntervalMs: number;
  readonly #air: Air;
  readonly #number: number;
  readonly #queue: Job[] = [];
  readonly #running = new Set<Job>();
  readonly #listeners = new Set<{ types: readonly number[]; heard: (ad: Heard) => void }>();
  #closed = false;

  constructor(air: Air, number: number) {
    this.#air = air;
    this.#number = number;
    this.sets = air.sets;
    this.minIntervalMs = air.minIntervalMs;
  }

  send(ad: AdStructure, transmit: Transmit, done: (outcome: Sent | MeshError) => void): Cancel {
    const job: Job = { ad, transmit, done, start: 0 };
    if (this.#closed || ad.data.length > 29) {
      const error = this.#closed ? closedError() : tooLongError(ad.data.length);
      this.#air.clock.after(0, () => finish(job, error));
    } else {
      this.#queue.push(job);
      this.#next();
    }
    return () => {
      job.done = undefined;
      const at = this.#queue.indexOf(job);
      if (at >= 0) this.#queue.splice(at, 1);
    };
  }

  receive(types: readonly number[], heard: (ad: Heard) => void): Unsubscribe {
    const listener = { types, heard };
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  hear(ad: AdStructure): void {
    if (this.#closed) return;
    const heard = { type: ad.type, data: ad.data, rssi: -60, at: this.#air.clock.now };
    for (const listener of this.#listeners) if (listener.types.includes(ad.type)) listener.heard(heard);
  }

  close(): void {
    this.#closed = true;
    for (const job of [...this.#running, ...this.#queue]) finish(job, closedError());
    this.#running.clear();
    this.#queue.length = 0;
  }

  #next(): void {
    while (this.#running.size < this.sets) {
      const job = this.#queue.shift();
      if (job === undefined) return;
      this.#running.add(job);
      job.start = this.#air.clock.now;
      this.#event(job, 1);
    }
  }

  /** One advertising event of a job, then the next one, then the set is free. A cancelled job stops after its event. */
  #event(job: Job, number: number): void {
    const { clock, random, airtimeMs, jitterMs } = this.#air;
    if (this.#closed) return;
    this.#air.transmit(this.#number, job.ad);
    const last = number >= job.transmit.count;
    if (last) {
      clock.after(airtimeMs, () => finish(job, { start: job.start, end: clock.now }));
    }
    const interval = Math.max(job.transmit.intervalMs, this.minIntervalMs) + random.uniform() * jitterMs;
    clock.after(interval, () => {
      if (!last && job.done !== undefined) return this.#event(job, number + 1);
      this.#running.delete(job);
      if (!this.#closed) this.#next();
    });
  }
}

function finish(job: Job, outcome: Sent | MeshError): void {
  const done = job.done;
  job.done = undefined;
  done?.(outcome);
}

function closedError(): MeshError {
  return new MeshError('bearer-closed', 'the bearer was closed', { hint: 'Open the bearer again.' });
}

function tooLongError(length: number): MeshError {
  return new MeshError('ad-too-long', `AD structure of ${length} octets, 29 fit into an advertisement`, {
    hint: 'Segment the message before it reaches the bearer.',
  });
}
