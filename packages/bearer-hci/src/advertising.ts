import {
  AD_MESH_BEACON,
  AD_SERVICE_DATA,
  type AdStructure,
  type Advertising,
  decodeServiceData,
  encodeAdStructures,
  encodeServiceAdvertisement,
  type Heard,
  type Sent,
  type Transmit,
} from '@meshferry/bearer';
import type { Cancel, MeshError, Unsubscribe } from '@meshferry/core';
import { receiveStructures } from './advertising-reports.ts';
import type { Advertisement, AdvertisingSet, Manners } from './advertising-set.ts';
import { hexCode, LE_EVENT, STATUS } from './codes.ts';
import { ExtendedSet } from './extended-set.ts';
import { closedError, refusedError, tooLongError } from './failure.ts';
import type { HciHost } from './host.ts';
import type { Capabilities } from './initialise.ts';
import { LegacySet } from './legacy-set.ts';
import type { Scanner } from './scanner.ts';

/** A connectable advertisement for GATT: it is on air whenever that takes nothing from the mesh. */
export interface Connectable {
  /** Whole advertising data, at most 31 octets. */
  readonly data: Uint8Array;
  readonly scanResponse: Uint8Array;
  readonly intervalMs: number;
  /** A new address when it goes on air for the first time, where that is possible without a pause in scanning. */
  readonly newAddress: boolean;
  /** The controller does not take it, and it is not offered any more. */
  readonly refused?: () => void;
  /** Somebody has connected to it, and it is not on air any more: offer it again if there shall be more. */
  readonly connected: () => void;
}

/** More sets than this send no more: there is one antenna, and it is deaf while it sends. */
const MOST_SETS = 4;
/** Octets of advertising data, and of one AD structure in them. */
const MOST_DATA = 31;
const MOST_AD = 29;
/** A beacon lets everything else go first for so long, ms. */
const BEACON_PATIENCE_MS = 500;
/** In Connection Complete: this controller was the advertiser. */
const ROLE_PERIPHERAL = 1;

interface Job {
  readonly type: number;
  readonly advertisement: Advertisement;
  readonly askedAt: number;
  done: ((outcome: Sent | MeshError) => void) | undefined;
}

interface Slot {
  /** Advertising_Handle; any number with legacy advertising. */
  readonly handle: number;
  readonly set: AdvertisingSet;
  job: Job | undefined;
  /** Sends the connectable advertisement. */
  offer: Connectable | undefined;
}

/**
 * Mesh advertising over a controller: the queue, and who of the sets sends what. A reset of the controller costs nothing but time: what
 * was on air then is sent again.
 */
export class HciAdvertising implements Advertising {
  readonly #host: HciHost;
  readonly #scanner: Scanner;
  readonly #queue: Job[] = [];
  #slots: Slot[] = [];
  #manners: Manners;
  #offer: Connectable | undefined;
  /** The offer that was on air last. */
  #aired: Connectable | undefined;
  #sets = 1;
  #ready = false;
  #closed = false;

  constructor(host: HciHost, scanner: Scanner) {
    this.#host = host;
    this.#scanner = scanner;
    this.#manners = { minIntervalMs: 20, takesMaxEvents: true, missedTerminations: 0, ownType: 1 };
    host.onLeEvent(LE_EVENT.ADVERTISING_SET_TERMINATED, (parameters) => this.#terminated(parameters));
    for (const event of [LE_EVENT.CONNECTION_COMPLETE, LE_EVENT.ENHANCED_CONNECTION_COMPLETE])
      host.onLeEvent(event, (parameters) => {
        if (parameters[0] === STATUS.SUCCESS && parameters[3] === ROLE_PERIPHERAL) this.#connected();
      });
    host.onDown(() => this.#down());
  }

  get sets(): number {
    return this.#offer !== undefined && this.#sets > 1 ? this.#sets - 1 : this.#sets;
  }

  get minIntervalMs(): number {
    return this.#manners.minIntervalMs;
  }

  /** The controller is up; what waits goes out. */
  start({ extended, sets, minIntervalMs }: Capabilities, ownType: number): void {
    const manners = { ...this.#manners, minIntervalMs, missedTerminations: 0, ownType };
    this.#manners = manners;
    this.#sets = Math.min(MOST_SETS, sets);
    const make = (handle: number) =>
      extended ? new ExtendedSet(this.#host, handle, manners) : new LegacySet(this.#host, manners);
    this.#slots = Array.from({ length: this.#sets }, (_, handle) => ({
      handle,
      set: make(handle),
      job: undefined,
      offer: undefined,
    }));
    this.#ready = true;
    this.#next();
  }

  send(ad: AdStructure, transmit: Transmit, done: (outcome: Sent | MeshError) => void): Cancel {
    const data = advertisingData(ad);
    const { count, intervalMs } = transmit;
    const advertisement = { data, scanResponse: undefined, count: Math.max(1, count), intervalMs, newAddress: false };
    const job: Job = { type: ad.type, advertisement, askedAt: this.#host.clock.now, done };
    const error = this.#closed ? closedError() : tooLong(ad, data) ? tooLongError(ad) : undefined;
    if (error !== undefined) this.#host.clock.after(0, () => finish(job, error));
    else {
      this.#queue.push(job);
      this.#next();
    }
    return () => this.#cancel(job);
  }

  receive(types: readonly number[], heard: (ad: Heard) => void): Unsubscribe {
    if (this.#closed) return () => {};
    return this.#scanner.listen(receiveStructures(this.#host.clock, types, heard));
  }

  /** Advertises this instead of what was offered before: in a set of its own, or else while no PDU waits. */
  offer(connectable: Connectable): Cancel {
    this.#withdraw();
    this.#offer = connectable;
    this.#next();
    return () => {
      if (this.#offer === connectable) this.#withdraw();
    };
  }

  /** Ends all sending with `reason`. */
  close(reason: MeshError = closedError()): void {
    this.#closed = true;
    this.#ready = false;
    this.#offer = undefined;
    const ended = [...this.#slots.flatMap(({ job }) => job ?? []), ...this.#queue.splice(0)];
    for (const { set } of this.#slots) set.forget();
    this.#slots = [];
    for (const job of ended) finish(job, reason);
  }

  #next(): void {
    if (!this.#ready) return;
    const shared = this.#slots.at(-1);
    for (const slot of this.#slots) {
      const forOffer = slot === shared && this.#offer !== undefined && this.#slots.length > 1;
      if (slot.job !== undefined || forOffer) continue;
      if (slot.offer !== undefined) {
        if (this.#queue.length > 0) slot.set.stop();
        continue;
      }
      const job = this.#take();
      if (job === undefined) break;
      this.#run(slot, job);
    }
    if (shared !== undefined && shared.job === undefined && shared.offer === undefined && this.#offer !== undefined)
      this.#runOffer(shared, this.#offer);
  }

  /** The next job: in the order of asking, but a beacon only when there is nothing else, or it has waited for long. */
  #take(): Job | undefined {
    const patient = (job: Job) =>
      job.type === AD_MESH_BEACON && this.#host.clock.now - job.askedAt < BEACON_PATIENCE_MS;
    const at = this.#queue.findIndex((job) => !patient(job));
    return at > 0 ? this.#queue.splice(at, 1)[0] : this.#queue.shift();
  }

  #run(slot: Slot, job: Job): void {
    slot.job = job;
    slot.set.send(job.advertisement, (outcome) => {
      slot.job = undefined;
      if ('start' in outcome) finish(job, outcome);
      else if (this.#refused(slot, outcome.refused)) this.#queue.unshift(job);
      else finish(job, refusedError(hexCode(outcome.refused, 2)));
      this.#next();
    });
  }

  #runOffer(slot: Slot, offer: Connectable): void {
    const { data, scanResponse, intervalMs } = offer;
    const newAddress = offer.newAddress && this.#aired !== offer;
    this.#aired = offer;
    slot.offer = offer;
    slot.set.send({ data, scanResponse, count: 0, intervalMs, newAddress }, (outcome) => {
      slot.offer = undefined;
      if ('refused' in outcome && this.#offer === offer) {
        this.#offer = undefined;
        const status = hexCode(outcome.refused, 2);
        this.#host.log('warn', 'the controller refused to advertise connectably', { status });
        offer.refused?.();
      }
      this.#next();
    });
  }

  /** Whether the job can go to another set: there are fewer of them than the controller said. */
  #refused(slot: Slot, status: number): boolean {
    this.#host.log('warn', 'the controller refused to advertise', { status: hexCode(status, 2) });
    const fewer = status === STATUS.MEMORY_EXCEEDED || status === STATUS.LIMITED_RESOURCES;
    if (!fewer || this.#slots.length < 2) return false;
    this.#slots.splice(this.#slots.indexOf(slot), 1);
    this.#sets = this.#slots.length;
    return true;
  }

  #cancel(job: Job): void {
    job.done = undefined;
    const at = this.#queue.indexOf(job);
    if (at >= 0) this.#queue.splice(at, 1);
    this.#slots.find((slot) => slot.job === job)?.set.stop();
  }

  #withdraw(): void {
    this.#offer = undefined;
    for (const { set, offer } of this.#slots) if (offer !== undefined) set.stop();
  }

  #terminated(parameters: Uint8Array): void {
    // By a connection: Connection Complete comes as well, before or after this, and says so.
    if (parameters[0] === STATUS.SUCCESS) return;
    const handle = parameters[1] ?? -1;
    this.#slots.find(({ handle: own }) => own === handle)?.set.terminated();
  }

  #connected(): void {
    const offer = this.#offer;
    this.#offer = undefined;
    const slot = this.#slots.find((one) => one.offer !== undefined);
    slot?.set.terminated();
    if (slot?.offer !== undefined) slot.set.stop();
    offer?.connected();
  }

  #down(): void {
    this.#ready = false;
    const unsent = this.#slots.flatMap(({ job }) => (job?.done === undefined ? [] : job));
    for (const { set } of this.#slots) set.forget();
    this.#slots = [];
    this.#queue.unshift(...unsent.sort((a, b) => a.askedAt - b.askedAt));
  }
}

function advertisingData(ad: AdStructure): Uint8Array {
  const serviceData = ad.type === AD_SERVICE_DATA ? decodeServiceData(ad) : undefined;
  return serviceData === undefined ? encodeAdStructures([ad]) : encodeServiceAdvertisement(serviceData);
}

function tooLong(ad: AdStructure, data: Uint8Array): boolean {
  return ad.data.length > MOST_AD || data.length > MOST_DATA;
}

function finish(job: Job, outcome: Sent | MeshError): void {
  const done = job.done;
  job.done = undefined;
  done?.(outcome);
}
