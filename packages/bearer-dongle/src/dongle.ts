import {
  AD_MESH_BEACON,
  AD_MESH_MESSAGE,
  AD_PB_ADV,
  AD_SERVICE_DATA,
  type AdStructure,
  type Advertising,
  type Bearer,
  type BearerGround,
  decodeServiceData,
  encodeAdStructures,
  encodeServiceAdvertisement,
  type Sent,
  type Transmit,
} from '@meshferry/bearer';
import type { ByteStream } from '@meshferry/byte-streams';
import { type Cancel, Emitter, MeshError, type Unsubscribe } from '@meshferry/core';
import { Ears } from './ears.ts';
import { closedError, lostError, openingError, powerError, tooLong } from './errors.ts';
import {
  ALL_CHANNELS,
  type DongleInfo,
  encodeSubscribe,
  HEARD,
  INTERVAL_MAX_US,
  POWER_DEFAULT,
  REPORT,
  STATE,
} from './messages.ts';
import { type Job, Outbox } from './outbox.ts';
import { Session, type SessionListener, type SessionMessage } from './session.ts';

/** How a dongle is opened. */
export interface DongleOptions {
  /** How people know it, for messages: `/dev/ttyACM1`. */
  readonly name: string;
  /** Transmit power in dBm. Default: the dongle's. */
  readonly power?: number;
}

/** PDUs in parallel that keep the radio busy over a round trip to the host. */
const SETS = 4;
/** advDelay: random delay of each copy after the first, at most, µs [Core Specification 5.4, Vol 6, Part B, 4.4.2.2.1]. */
const ADVERTISING_DELAY_US = 10_000;
const COUNT_MAX = 255;
/** The dongle passes these on from the beginning, so that who asks for one hears it from that moment on. */
const USUAL_TYPES = [AD_SERVICE_DATA, AD_PB_ADV, AD_MESH_MESSAGE, AD_MESH_BEACON];

/**
 * Opens the dongle at the other end of a stream, and closes the stream when that fails. Rejects with `bearer-failed`: silent,
 * another device, another version of the protocol, a transmit power that it does not have.
 */
export function openDongle(stream: ByteStream, ground: BearerGround, options: DongleOptions): Promise<Dongle> {
  return new Promise((resolve, reject) => {
    new OpenDongle(stream, ground, options, (outcome) => {
      if (outcome instanceof MeshError) reject(outcome);
      else resolve(outcome);
    });
  });
}

/** A dongle that was found: a whole bearer. */
export interface Dongle extends Bearer {
  /** What it hears comes as {@link DongleHeard}. */
  readonly advertising: Advertising;
  readonly info: DongleInfo;
  /** Packets that the dongle received and had no room for on the line, in this session. */
  readonly heardLost: number;
  lost(listener: (reason: MeshError) => void): Unsubscribe;
}

class OpenDongle implements Dongle {
  readonly advertising: Advertising;
  heardLost = 0;
  readonly #ground: BearerGround;
  readonly #options: DongleOptions;
  readonly #opened: (outcome: Dongle | MeshError) => void;
  readonly #lost = new Emitter<MeshError>();
  readonly #session: Session;
  readonly #outbox: Outbox;
  readonly #ears: Ears = new Ears(() => this.#subscribeMore());
  #isOpened = false;
  #info: DongleInfo | undefined;
  #over: MeshError | undefined;
  #subscription = 0;
  #types: readonly number[] = USUAL_TYPES;
  /** The newest SYNC when that subscription was said. */
  #subscriptionToken = 0;

  constructor(
    stream: ByteStream,
    ground: BearerGround,
    options: DongleOptions,
    opened: (outcome: Dongle | MeshError) => void,
  ) {
    this.#ground = ground;
    this.#options = options;
    this.#opened = opened;
    const session = new Session(stream, ground, options.name, this.#listener());
    this.#session = session;
    this.#outbox = new Outbox(
      ground.clock,
      (message) => session.say(message),
      (us) => session.toHost(us),
    );
    const minIntervalMs = () => (SETS * this.info.eventUs) / 1000;
    this.advertising = {
      sets: SETS,
      get minIntervalMs(): number {
        return minIntervalMs();
      },
      send: (ad, transmit, done) => this.#send(ad, transmit, done),
      receive: (types, heard) => (this.#over === undefined ? this.#ears.listen(types, heard) : () => {}),
    };
    session.start();
  }

  get info(): DongleInfo {
    if (this.#info === undefined) throw closedError();
    return this.#info;
  }

  lost(listener: (reason: MeshError) => void): Unsubscribe {
    return this.#lost.subscribe(listener);
  }

  close(): void {
    this.#session.close();
    this.#finish(closedError());
  }

  #send(ad: AdStructure, transmit: Transmit, done: (outcome: Sent | MeshError) => void): Cancel {
    const { clock } = this.#ground;
    const refusal = this.#over ?? tooLong(ad);
    if (refusal !== undefined) {
      const timer = clock.after(0, () => done(refusal));
      return () => timer.cancel();
    }
    const intervalMs = Math.max(transmit.intervalMs, this.advertising.minIntervalMs);
    const shipment = {
      count: Math.min(Math.max(Math.trunc(transmit.count), 1), COUNT_MAX),
      intervalUs: Math.min(Math.round(intervalMs * 1000), INTERVAL_MAX_US),
      delayUs: ADVERTISING_DELAY_US,
      earliestUs: 0,
      channels: ALL_CHANNELS,
      power: this.#options.power ?? POWER_DEFAULT,
      data: advertisingData(ad),
    };
    const job: Job = { shipment, askedAt: clock.now, done, id: 0, token: 0, tries: 0 };
    this.#outbox.add(job);
    return () => this.#outbox.cancel(job);
  }

  #listener(): SessionListener {
    return {
      began: (info) => this.#began(info),
      paused: () => this.#outbox.pause(),
      synced: (token) => this.#outbox.synced(token),
      message: (message) => this.#take(message),
      ended: (reason) => this.#ended(reason),
    };
  }

  #began(info: DongleInfo): MeshError | undefined {
    const { name, power } = this.#options;
    const refusal = power === undefined ? undefined : powerError(name, power, info);
    if (refusal !== undefined) return refusal;
    this.#info = info;
    this.heardLost = 0;
    this.#subscribe();
    this.#outbox.begin(info.queue);
    return undefined;
  }

  #take(message: SessionMessage): void {
    if (message.type === REPORT) this.#outbox.report(message);
    else if (message.type === HEARD) this.#hear(message);
    else if (message.type === STATE) this.#reconcile(message);
    else this.#noteLost(message.heardLost);
  }

  #ended(reason: MeshError): void {
    const wasOpened = this.#isOpened;
    const error = wasOpened ? lostError(reason) : openingError(this.#options.name, reason);
    this.#finish(error);
    if (wasOpened) this.#lost.emit(error);
    else this.#opened(error);
  }

  #hear({ timeUs, rssi, channel, address, data }: SessionMessage & { type: typeof HEARD }): void {
    const at = Math.min(this.#session.toHost(timeUs), this.#ground.clock.now);
    this.#ears.hear(data, { rssi, at, channel, address });
  }

  #reconcile({ token, ids, heardLost, subscription }: SessionMessage & { type: typeof STATE }): void {
    this.#noteLost(heardLost);
    if (subscription !== this.#subscription && this.#subscriptionToken < token) this.#subscribe();
    this.#outbox.reconcile(token, ids);
    if (this.#isOpened || subscription !== this.#subscription) return;
    this.#isOpened = true;
    this.#opened(this);
  }

  #noteLost(heardLost: number): void {
    if (heardLost <= this.heardLost) return;
    const packets = heardLost - this.heardLost;
    this.heardLost = heardLost;
    this.#ground.log('warn', `the line from the dongle at ${this.#options.name} was full: ${packets} packets lost`);
  }

  /** Where somebody wants to hear a type that the dongle does not pass on yet. */
  #subscribeMore(): void {
    const types = this.#ears.types.filter((type) => !this.#types.includes(type));
    if (types.length === 0) return;
    this.#types = [...this.#types, ...types];
    if (this.#session.isOpen) this.#subscribe();
  }

  #subscribe(): void {
    const types = this.#types;
    this.#subscription = (this.#subscription % 255) + 1;
    this.#subscriptionToken = this.#session.token;
    this.#session.say(encodeSubscribe(this.#subscription, types.length > this.info.types ? undefined : types));
  }

  #finish(error: MeshError): void {
    if (this.#over !== undefined) return;
    this.#over = error;
    this.#ears.clear();
    this.#outbox.fail(error);
  }
}

function advertisingData(ad: AdStructure): Uint8Array {
  const serviceData = decodeServiceData(ad);
  return serviceData === undefined ? encodeAdStructures([ad]) : encodeServiceAdvertisement(serviceData);
}
