import {
  AD_MESH_BEACON,
  AD_MESH_MESSAGE,
  AD_SERVICE_DATA,
  type AdStructure,
  type Advertising,
  type Heard,
  type Sent,
  type Transmit,
} from '@meshferry/bearer';
import { type Address, type Cancel, type Clock, MeshError, type Unicast, type Unsubscribe } from '@meshferry/core';
import { type AirBudget, airMs } from './air-budget.ts';
import { ignore } from './cancellable.ts';
import { ADVERTISING_JITTER_MS, ProxyPace } from './proxy-pace.ts';
import type { Pace } from './sar-transmission.ts';

const AD_TYPES = [AD_MESH_MESSAGE, AD_MESH_BEACON, AD_SERVICE_DATA];
const NO_GATT: readonly GattInterface[] = [];
const BEACON_TRANSMIT: Transmit = { count: 1, intervalMs: 20 };

/** A network interface over one GATT connection, on either side of it. */
export interface GattInterface {
  /** The other end is a Proxy Server, which advertises what it is given and takes its time for it. Default false. */
  readonly isToProxy?: boolean;
  /** The output filter. */
  passes(dst: Address): boolean;
  /** `done` is called once, never before this returned, when the link has taken the Network PDU. */
  send(pdu: Uint8Array, done: (error?: MeshError) => void): Cancel;
  /** An authentic Network PDU from this address came over it. */
  heard(src: Unicast): void;
}

/** Takes what the interfaces receive. */
export interface InterfacesListener {
  /** A Network PDU; `from`: the GATT interface, undefined for an advertising one. */
  pdu(octets: Uint8Array, rssi: number | undefined, from: GattInterface | undefined): void;
  /** A beacon over an advertising interface. */
  beacon(octets: Uint8Array): void;
  /** An AD structure with service data over an advertising interface. */
  serviceData(ad: AdStructure): void;
}

/** The network interfaces of a node, one for each bearer; a PDU goes to all of them [Mesh Protocol 1.1, 3.4.5]. */
export class Interfaces {
  /** Takes account of the air, if bulk transfers are to leave some of it; own Network PDUs do not count here. */
  air: AirBudget | undefined;
  readonly #clock: Clock;
  readonly #listener: InterfacesListener;
  readonly #advertising = new Map<Advertising, Unsubscribe>();
  readonly #gatt = new Set<GattInterface>();
  /** Ways to a proxy that are kept open. */
  readonly #uplinks = new Set<object>();
  readonly #proxyPace: ProxyPace;
  #listening = true;

  constructor(clock: Clock, listener: InterfacesListener) {
    this.#clock = clock;
    this.#listener = listener;
    this.#proxyPace = new ProxyPace(clock);
  }

  attach(advertising: Advertising): Unsubscribe {
    this.#advertising.get(advertising)?.(); // attached already: once is enough
    this.#advertising.set(advertising, this.#listening ? this.#receive(advertising) : ignore);
    return () => {
      this.#advertising.get(advertising)?.();
      this.#advertising.delete(advertising);
    };
  }

  /** Switches the receivers of the advertising bearers on and off, for a Low Power node. Sending does not need them. */
  listen(on: boolean): void {
    if (on === this.#listening) return;
    this.#listening = on;
    for (const [advertising, unsubscribe] of this.#advertising) {
      unsubscribe();
      this.#advertising.set(advertising, on ? this.#receive(advertising) : ignore);
    }
  }

  attachGatt(gatt: GattInterface): Unsubscribe {
    this.#gatt.add(gatt);
    return () => {
      this.#gatt.delete(gatt);
    };
  }

  /**
   * A way to a proxy is kept open from now on, until the function given back is called. While it has no connection, or
   * the connection ends, what is sent is lost, as on the air when nobody listens: that is no failure.
   */
  openUplink(): Unsubscribe {
    const uplink = {};
    this.#uplinks.add(uplink);
    return () => {
      this.#uplinks.delete(uplink);
    };
  }

  get hasGatt(): boolean {
    return this.#gatt.size > 0;
  }

  /** Whether what is sent goes to a proxy, or would if there were a connection. */
  get isToProxy(): boolean {
    if (this.#uplinks.size > 0) return true;
    for (const { isToProxy } of this.#gatt) if (isToProxy === true) return true;
    return false;
  }

  /** PDUs that can be on air in parallel, at the slowest interface. */
  get sets(): number {
    if (this.isToProxy) return 1;
    let sets = Number.POSITIVE_INFINITY;
    for (const advertising of this.#advertising.keys()) sets = Math.min(sets, advertising.sets);
    return Number.isFinite(sets) ? sets : 1;
  }

  /**
   * Advertising interval of the slowest interface, ms, for which a PDU takes its set at least; 0 where sets are free as
   * soon as a PDU has left: with single events, and with a proxy, whose pace counts the whole time as sending.
   */
  get intervalMs(): number {
    let intervalMs = 0;
    if (this.isToProxy) return intervalMs;
    for (const { minIntervalMs } of this.#advertising.keys()) {
      if (minIntervalMs >= ADVERTISING_JITTER_MS) intervalMs = Math.max(intervalMs, minIntervalMs);
    }
    return intervalMs;
  }

  /** A Network PDU came over a GATT interface. */
  receivedOverGatt(pdu: Uint8Array, from: GattInterface): void {
    if (this.#gatt.has(from)) this.#listener.pdu(pdu, undefined, from);
  }

  close(): void {
    for (const unsubscribe of this.#advertising.values()) unsubscribe();
    this.#advertising.clear();
    this.#gatt.clear();
    this.#uplinks.clear();
    this.#proxyPace.close();
  }

  /** Sends a beacon in one advertising event over each advertising interface. */
  sendBeacon(data: Uint8Array): void {
    this.air?.sent(this.airMs(data.length, 1), 1, this.#clock.now);
    for (const advertising of this.#advertising.keys()) {
      advertising.send({ type: AD_MESH_BEACON, data }, BEACON_TRANSMIT, () => {});
    }
  }

  /** Sends an AD structure that is no Network PDU over all advertising interfaces; `done` as with {@link send}. */
  sendAd(ad: AdStructure, transmit: Transmit, done: (outcome: Sent | MeshError) => void): Cancel {
    this.air?.sent(this.airMs(ad.data.length, transmit.count), transmit.count, this.#clock.now);
    return this.#send(ad, transmit, NO_GATT, done);
  }

  /** Sends a Network PDU over the GATT interfaces whose filters let its destination pass, but for one. */
  sendOverGatt(pdu: Uint8Array, dst: Address, except: GattInterface | undefined): void {
    for (const gatt of this.#gatt) if (gatt !== except && gatt.passes(dst)) gatt.send(pdu, ignore);
  }

  /** Air that a PDU of so many octets takes on one channel in so many copies, ms; a proxy takes as much as a bearer. */
  airMs(octets: number, copies: number): number {
    return airMs(octets, copies * Math.max(this.#advertising.size, this.isToProxy ? 1 : 0));
  }

  /** Mean time from one advertising event to the next when all sets of the slowest interface are kept busy, ms. */
  get eventMs(): number {
    const { sets, occupancyMs } = this.pace({ count: 1, intervalMs: 0 });
    if (occupancyMs > 0) return (occupancyMs - ADVERTISING_JITTER_MS / 2) / sets;
    let eventMs = 0;
    for (const { minIntervalMs } of this.#advertising.keys()) eventMs = Math.max(eventMs, minIntervalMs / sets);
    return eventMs;
  }

  /** How the slowest interface takes PDUs. */
  pace(transmit: Transmit): Pace {
    let occupancyMs = 0;
    for (const advertising of this.#advertising.keys()) {
      const interval = Math.max(transmit.intervalMs, advertising.minIntervalMs);
      // A controller told to send one event (minimum interval 0 or so) is free again at once; by interval it is not.
      const single = transmit.count === 1 && advertising.minIntervalMs < ADVERTISING_JITTER_MS;
      occupancyMs = Math.max(occupancyMs, single ? 0 : transmit.count * (interval + ADVERTISING_JITTER_MS));
    }
    if (this.isToProxy) occupancyMs = Math.max(occupancyMs, this.#proxyPace.occupancyMs(transmit));
    return { sets: this.sets, occupancyMs };
  }

  /**
   * Sends a Network PDU over all interfaces, over GATT ones only those whose filters let `dst` pass; without `dst` over
   * advertising ones alone. `done` comes when it has left over all, never before this returns: the latest start and end
   * of those that succeeded; the error if none did, `bearer-closed` if there is none. What goes to a proxy has left when
   * that has had time to advertise it; on a way that is kept open ({@link openUplink}) it may be lost, but does not fail.
   */
  send(pdu: Uint8Array, transmit: Transmit, done: (outcome: Sent | MeshError) => void, dst?: Address): Cancel {
    const ad = { type: AD_MESH_MESSAGE, data: pdu };
    if (dst === undefined) return this.#send(ad, transmit, NO_GATT, done);
    const { isToProxy } = this;
    if (this.#gatt.size === 0 && !isToProxy) return this.#send(ad, transmit, NO_GATT, done);
    const passing = [...this.#gatt].filter((gatt) => gatt.passes(dst));
    if (isToProxy) return this.#sendToProxy(ad, transmit, passing, done);
    if (passing.length > 0 || this.#advertising.size > 0) return this.#send(ad, transmit, passing, done);
    const { now } = this.#clock; // nobody behind a GATT connection wants it: that is no failure
    return this.#later(() => done({ start: now, end: now }));
  }

  /** Over all interfaces as well, but the end is not before that of the time which the proxy needs. */
  #sendToProxy(
    ad: AdStructure,
    transmit: Transmit,
    gatts: readonly GattInterface[],
    done: (outcome: Sent | MeshError) => void,
  ): Cancel {
    const paced = this.#proxyPace.take(transmit);
    const mayLose = this.#uplinks.size > 0;
    let cancel: Cancel = ignore;
    const ended = (outcome: Sent | MeshError) => {
      const isError = outcome instanceof MeshError;
      if (isError && !mayLose) return done(outcome);
      const sent = isError ? paced : latest(paced, outcome);
      cancel = this.#proxyPace.at(paced.end, () => done(sent));
    };
    if (mayLose && gatts.length === 0 && this.#advertising.size === 0) ended(paced);
    else cancel = this.#send(ad, transmit, gatts, ended);
    return () => cancel();
  }

  #receive(advertising: Advertising): Unsubscribe {
    return advertising.receive(AD_TYPES, (ad: Heard) => {
      this.air?.heard(airMs(ad.data.length, 1), ad.at);
      if (ad.type === AD_MESH_MESSAGE) this.#listener.pdu(ad.data, ad.rssi, undefined);
      else if (ad.type === AD_MESH_BEACON) this.#listener.beacon(ad.data);
      else this.#listener.serviceData(ad);
    });
  }

  #send(
    ad: AdStructure,
    transmit: Transmit,
    gatts: readonly GattInterface[],
    done: (outcome: Sent | MeshError) => void,
  ): Cancel {
    let waiting = this.#advertising.size + gatts.length;
    if (waiting === 0) return this.#later(() => done(noInterface()));
    if (waiting === 1 && gatts.length === 0) {
      const [advertising] = this.#advertising.keys();
      return advertising!.send(ad, transmit, done);
    }
    let best: Sent | MeshError | undefined;
    const ended = (outcome: Sent | MeshError) => {
      best = latest(best, outcome);
      if (--waiting === 0) done(best);
    };
    const cancels = [...this.#advertising.keys()].map((advertising) => advertising.send(ad, transmit, ended));
    for (const gatt of gatts) {
      cancels.push(gatt.send(ad.data, (error) => ended(error ?? { start: this.#clock.now, end: this.#clock.now })));
    }
    return () => {
      for (const cancel of cancels) cancel();
    };
  }

  #later(run: () => void): Cancel {
    const timer = this.#clock.after(0, run);
    return () => timer.cancel();
  }
}

/** The later of two ends; an error only when neither has succeeded. */
export function latest(a: Sent | MeshError | undefined, b: Sent | MeshError): Sent | MeshError {
  if (a === undefined || a instanceof MeshError) return a !== undefined && b instanceof MeshError ? a : b;
  if (b instanceof MeshError) return a;
  return { start: Math.max(a.start, b.start), end: Math.max(a.end, b.end) };
}

function noInterface(): MeshError {
  return new MeshError('bearer-closed', 'the node has no network interface', {
    hint: 'Attach a bearer before sending.',
  });
}
