import type { AdStructure } from '@meshferry/bearer';
import { type Clock, Emitter, MeshError, type Random, type SeededRandom, type Unsubscribe } from '@meshferry/core';
import {
  Advertiser,
  type AirEvent,
  type ControllerSettings,
  DEFAULT_CONTROLLER,
  type Hear,
  type Medium,
  type RadioPort,
} from './advertiser.ts';
import { ADVERTISING_CHANNELS, airTimeMicroseconds } from './radio-airtime.ts';
import { HONEST_RADIO, within } from './radio-parameters.ts';
import { mix, type Scanner, scannedChannels } from './radio-scan.ts';
import type { Topology } from './topology.ts';

export interface RadioOptions {
  readonly clock: Clock;
  /** Every chance of the radio comes from it: the same seed, the same air. */
  readonly random: SeededRandom;
  /** Who hears whom, by the index a node is attached at. */
  readonly topology: Topology;
  /** `honest` (default): scan hopping, half-duplex, collisions [design/airtime.md]. `ideal`: only air time and order. */
  readonly model?: 'honest' | 'ideal';
  /** Chance, 0 to 1, that one receiver misses one event, on top of the model's own misses. Default 0. */
  readonly loss?: number;
}

/** What happened on the air since the start. A reception is one event heard by one node that listens for its type. */
export interface RadioStats {
  /** Advertising events sent. */
  events: number;
  receptions: number;
  /** Events not heard by a node in range that listens, by cause. */
  missed: {
    /** The receiver scanned no channel during a whole packet. */
    scan: number;
    /** The receiver was transmitting. */
    halfDuplex: number;
    /** Another packet was on the same channel at the receiver. */
    collision: number;
    /** The `loss` of the link. */
    loss: number;
  };
  /** How long each of the three channels was occupied by a packet, overlaps counted twice, ms. */
  airtimePerChannelMs: number;
}

/** No event lasts longer, ms: three packets of 376 µs and two gaps. Ended events are remembered as long. */
const EVENT_MAX = 2;
const RSSI_BEST = -57;
const NOBODY: readonly undefined[] = [];

/**
 * One shared 2.4 GHz medium in virtual time. Each advertising event costs one clock event at its end, at which all
 * listeners in range receive it; scanning, collisions and half-duplex are found there by arithmetic, so cost grows with
 * receptions and not with nodes × time.
 */
export class Radio {
  readonly stats: RadioStats = {
    events: 0,
    receptions: 0,
    missed: { scan: 0, halfDuplex: 0, collision: 0, loss: 0 },
    airtimePerChannelMs: 0,
  };
  readonly #topology: Topology;
  readonly #random: SeededRandom;
  readonly #loss: number;
  readonly #medium: Medium;
  readonly #ports: (Advertiser | undefined)[] = [];
  readonly #scanners: Scanner[] = [];
  /** By AD type, then by node: an event is heard by many, and what it needs of each stands side by side. */
  readonly #hearers: (Hear | undefined)[][] = [];
  readonly #taps = new Emitter<AirEvent>();
  readonly #rssiSalt: number;
  /** Events on the air or planned for the next moment, and those that ended a moment ago. Honest radio only. */
  readonly #recent: AirEvent[] = [];
  /** Those of them that overlap the event being delivered: one array, filled anew for each. */
  readonly #rivals: AirEvent[] = [];

  /** Throws `bad-loss` when `loss` is not between 0 and 1. */
  constructor(options: RadioOptions) {
    const { clock, topology, model = 'honest', loss = 0 } = options;
    if (!(loss >= 0 && loss <= 1)) {
      throw new MeshError('bad-loss', `loss ${loss} is not a chance`, { hint: 'Give a number from 0 to 1.' });
    }
    this.#topology = topology;
    this.#loss = loss;
    this.#random = options.random.fork('radio');
    this.#rssiSalt = this.#random.uint32();
    for (let index = 0; index < topology.nodes; index++) {
      const phase = clock.now - this.#random.uniform() * ADVERTISING_CHANNELS * HONEST_RADIO.scanWindowMs;
      this.#scanners.push({ phase, salt: this.#random.uint32() });
    }
    this.#medium = {
      clock,
      honest: model === 'honest',
      begin: (node, ad, at, random) => this.#begin(node, ad, at, random),
      listen: (node, byType) => this.#listen(node, byType),
      finish: (event) => this.#finish(event),
      detach: (port) => this.#detach(port),
    };
  }

  /**
   * Switches on the radio of node `index`; `controller` defaults to one set at 20 ms. Throws `radio-occupied` when the
   * place is taken, `bad-node-index` when the topology has no such place.
   */
  attach(options: { index: number; controller?: Partial<ControllerSettings> }): RadioPort {
    const { index } = options;
    if (!Number.isInteger(index) || index < 0 || index >= this.#topology.nodes) {
      throw new MeshError('bad-node-index', `the topology has no node ${index}`, {
        hint: `Attach at an index from 0 to ${this.#topology.nodes - 1}.`,
      });
    }
    if (this.#ports[index] !== undefined) {
      throw new MeshError('radio-occupied', `node ${index} is attached already`, { hint: 'Close its port first.' });
    }
    const settings = { ...DEFAULT_CONTROLLER, ...options.controller };
    const port = new Advertiser(index, settings, this.#medium, this.#random.fork(`node ${index}`));
    this.#ports[index] = port;
    return port;
  }

  /** Whether the node at `receiver` is in reach of the one at `transmitter`. */
  hears(receiver: number, transmitter: number): boolean {
    return this.#topology.hears(receiver, transmitter);
  }

  /** Every advertising event, when it has ended, before anyone hears it. */
  tap(listener: (event: AirEvent) => void): Unsubscribe {
    return this.#taps.subscribe(listener);
  }

  #listen(node: number, byType: readonly (Hear | undefined)[]): void {
    const nobody = (): undefined => undefined;
    while (this.#hearers.length < byType.length) {
      this.#hearers.push(Array.from({ length: this.#topology.nodes }, nobody));
    }
    for (const [type, hearers] of this.#hearers.entries()) hearers[node] = byType[type];
  }

  #detach(port: Advertiser): void {
    if (this.#ports[port.index] === port) this.#ports[port.index] = undefined;
  }

  #begin(node: number, ad: AdStructure, at: number, random: Random): AirEvent {
    const air = airTimeMicroseconds(ad.data.length) / 1000;
    const honest = this.#medium.honest;
    const gap = honest ? within(HONEST_RADIO.packetGapMs, random.uniform()) : 0;
    const event: AirEvent = {
      node,
      type: ad.type,
      data: ad.data,
      at,
      air,
      gap,
      end: at + ADVERTISING_CHANNELS * air + (ADVERTISING_CHANNELS - 1) * gap,
    };
    if (honest) this.#recent.push(event);
    return event;
  }

  #finish(event: AirEvent): void {
    this.stats.events++;
    this.stats.airtimePerChannelMs += event.air;
    this.#taps.emit(event);
    if (this.#medium.honest) this.#findRivals(event);
    const number = this.stats.events;
    const hearers = this.#hearers[event.type] ?? NOBODY;
    const neighbours = this.#topology.neighbours(event.node);
    for (let i = 0; i < neighbours.length; i++) {
      const receiver = neighbours[i] as number;
      const hear = hearers[receiver];
      if (hear === undefined) continue;
      if (this.#medium.honest && !this.#receives(receiver, event)) continue;
      if (this.#loss > 0 && this.#random.uniform() < this.#loss) {
        this.stats.missed.loss++;
        continue;
      }
      this.stats.receptions++;
      const rssi = RSSI_BEST - (mix(this.#rssiSalt ^ receiver, number) & 7);
      hear({ type: event.type, data: event.data, rssi, at: event.end });
    }
  }

  /** Fills `rivals` with the events that overlap this one in time, and forgets those too old to overlap any. */
  #findRivals(event: AirEvent): void {
    const recent = this.#recent;
    const rivals = this.#rivals;
    rivals.length = 0;
    let kept = 0;
    for (let i = 0; i < recent.length; i++) {
      const other = recent[i] as AirEvent;
      if (other.end < event.end - EVENT_MAX) continue;
      recent[kept++] = other;
      if (other !== event && other.at < event.end && other.end > event.at) rivals.push(other);
    }
    recent.length = kept;
  }

  /** The honest radio: whether the receiver gets the event on some channel; counts the cause when it does not. */
  #receives(receiver: number, event: AirEvent): boolean {
    const scanned = scannedChannels(this.#scanners[receiver] as Scanner, event);
    const { missed } = this.stats;
    if (scanned === 0) {
      missed.scan++;
      return false;
    }
    if (this.#rivals.length === 0) return true;
    let clear = scanned;
    let halfDuplex = false;
    for (const rival of this.#rivals) {
      const own = rival.node === receiver;
      if (!own && !this.#topology.hears(receiver, rival.node)) continue;
      for (let channel = 0; channel < ADVERTISING_CHANNELS; channel++) {
        if ((clear & (1 << channel)) === 0) continue;
        const start = event.at + channel * (event.air + event.gap);
        const lost = own ? overlaps(start, event.air, rival.at, rival.end) : collides(start, event.air, rival, channel);
        if (!lost) continue;
        clear &= ~(1 << channel);
        halfDuplex ||= own;
      }
    }
    if (clear !== 0) return true;
    if (halfDuplex) missed.halfDuplex++;
    else missed.collision++;
    return false;
  }
}

/** Two packets that overlap on a channel destroy each other at whoever hears both: no capture effect. */
function collides(start: number, air: number, rival: AirEvent, channel: number): boolean {
  const rivalStart = rival.at + channel * (rival.air + rival.gap);
  return overlaps(start, air, rivalStart, rivalStart + rival.air);
}

function overlaps(start: number, length: number, otherStart: number, otherEnd: number): boolean {
  return start < otherEnd && start + length > otherStart;
}
