import type { GattLink } from '@meshferry/bearer';
import {
  type Address,
  type Cancel,
  type Clock,
  Deadline,
  MeshError,
  type NetIndex,
  type Unicast,
  type Unsubscribe,
} from '@meshferry/core';
import type { Beacons } from './beacons.ts';
import { FilterWishes } from './filter-wishes.ts';
import type { GattInterface, Interfaces } from './interfaces.ts';
import { ProxyChannel } from './proxy-channel.ts';
import type { ProxyConfiguration, ProxyFilterType } from './proxy-configuration.ts';
import type { ConfigurationReceived, ProxyConfigurator } from './proxy-configurator.ts';
import { PROXY_SERVICE_LIMITS, ProxyMessageType } from './proxy-pdu.ts';

/** What happens on the connection to a Proxy Server. */
export type ProxyClientEvent =
  /** The filter is as wanted and messages flow. `node`: primary address of the proxy. Comes again after changes. */
  | { readonly type: 'ready'; readonly node: Unicast; readonly filterType: ProxyFilterType; readonly listSize: number }
  /** The connection has ended; `error`: why this end ended it (`no-beacon`, `proxy-silent`, `proxy-protocol` …). */
  | { readonly type: 'closed'; readonly error: MeshError | undefined };

/** How a node uses a Proxy Server. */
export interface ProxyClientOptions {
  /** Destinations to hear besides the own elements and all-nodes: groups, and virtual addresses in their 16 bits. */
  readonly addresses?: Iterable<Address>;
  /** Hear all destinations. Default false. */
  readonly everything?: boolean;
  readonly listener?: (event: ProxyClientEvent) => void;
}

export interface ProxyClientParts {
  readonly clock: Clock;
  readonly interfaces: Interfaces;
  readonly beacons: Pick<Beacons, 'receive'>;
  readonly configurator: ProxyConfigurator;
  /** What is to be heard in any case. */
  readonly ownAddresses: readonly Address[];
  closed(connection: ProxyClientConnection): void;
}

export type ProxyClientState = 'waiting-for-beacon' | 'configuring' | 'ready' | 'closed';

/** Without a beacon the IV Index is not known: another proxy may do better, ms. */
const BEACON_TIMEOUT_MS = 10_000;
/** A configuration message without an answer is repeated, ms. */
const ANSWER_TIMEOUT_MS = 3000;
const ATTEMPTS = 4;
/** Network PDUs that wait until the connection is ready. */
const MAX_WAITING = 64;

interface WaitingPdu {
  readonly pdu: Uint8Array;
  readonly done: (error?: MeshError) => void;
  cancel: Cancel;
}

type FilterStatus = ProxyConfiguration & { readonly type: 'filter-status' };

/**
 * The connection of a node to its Proxy Server [Mesh Protocol 1.1, 6.5, 6.7]: waits for a beacon, which tells the IV
 * Index, configures the filter, then carries Network PDUs. Until then they wait.
 */
export class ProxyClientConnection implements GattInterface {
  readonly isToProxy: boolean = true;
  readonly #parts: ProxyClientParts;
  readonly #wishes: FilterWishes;
  readonly #listener: (event: ProxyClientEvent) => void;
  readonly #channel: ProxyChannel;
  readonly #detach: Unsubscribe;
  readonly #timer: Deadline;
  readonly #waiting = new Set<WaitingPdu>();
  #state: ProxyClientState = 'waiting-for-beacon';
  /** The subnet of the first beacon: the server has its key. */
  #netIndex: NetIndex = 0;
  /** The configuration message that waits for its answer, and how often it was sent. */
  #asked: { readonly message: ProxyConfiguration; readonly attempt: number } | undefined;

  constructor(link: GattLink, options: ProxyClientOptions, parts: ProxyClientParts) {
    this.#parts = parts;
    this.#wishes = new FilterWishes(parts.ownAddresses, options.everything ?? false);
    this.#wishes.add(options.addresses ?? []);
    this.#listener = options.listener ?? (() => {});
    this.#timer = new Deadline(parts.clock, () => this.#timeout());
    this.#channel = new ProxyChannel(parts.clock, link, PROXY_SERVICE_LIMITS, {
      message: (type, message) => this.#received(type, message),
      closed: (error) => this.#closed(error),
    });
    this.#detach = parts.interfaces.attachGatt(this);
    this.#timer.set(BEACON_TIMEOUT_MS);
  }

  get state(): ProxyClientState {
    return this.#state;
  }

  /** Hears these destinations, too. */
  addAddresses(addresses: Iterable<Address>): void {
    this.#wishes.add(addresses);
    this.#wishesChanged();
  }

  /** Hears these destinations no more. */
  removeAddresses(addresses: Iterable<Address>): void {
    this.#wishes.remove(addresses);
    this.#wishesChanged();
  }

  /** Gives the server a beacon, for instance of an IV Index heard of over another path. */
  sendBeacon(beacon: Uint8Array): void {
    this.#channel.send(ProxyMessageType.meshBeacon, beacon);
  }

  /** The server filters; this end sends all. */
  passes(): boolean {
    return true;
  }

  send(pdu: Uint8Array, done: (error?: MeshError) => void): Cancel {
    if (this.#state === 'ready') return this.#channel.send(ProxyMessageType.networkPdu, pdu, done);
    if (this.#state === 'closed' || this.#waiting.size >= MAX_WAITING) {
      const timer = this.#parts.clock.after(0, () => done(notReady('it has ended, or too much waits for it')));
      return () => timer.cancel();
    }
    const waiting: WaitingPdu = { pdu, done, cancel: () => void this.#waiting.delete(waiting) };
    this.#waiting.add(waiting);
    return () => waiting.cancel();
  }

  heard(): void {}

  /** What waits was encrypted for an IV Index that is over. Segmented messages are given time to take theirs back. */
  ivIndexChanged(): void {
    const stale = [...this.#waiting];
    if (stale.length === 0) return;
    this.#parts.clock.after(0, () => this.#failWaiting(stale, notReady('the IV Index has changed meanwhile')));
  }

  close(): void {
    this.#channel.close();
  }

  #received(type: ProxyMessageType, message: Uint8Array): void {
    const { interfaces, beacons, configurator } = this.#parts;
    if (type === ProxyMessageType.networkPdu) interfaces.receivedOverGatt(message, this);
    else if (type === ProxyMessageType.meshBeacon) {
      const netIndex = beacons.receive(message);
      if (netIndex !== undefined && this.#state === 'waiting-for-beacon') this.#begin(netIndex);
    } else {
      const received = configurator.open(message);
      if (received?.message.type === 'filter-status') this.#answered(received, received.message);
    }
  }

  #begin(netIndex: NetIndex): void {
    this.#state = 'configuring';
    this.#netIndex = netIndex;
    this.#timer.clear();
    this.#ask();
  }

  #wishesChanged(): void {
    if (this.#state === 'ready' && this.#asked === undefined) this.#ask();
  }

  /** Asks for what is missing; false when nothing is. */
  #ask(): boolean {
    const message = this.#wishes.next();
    if (message === undefined) return false;
    this.#asked = { message, attempt: 1 };
    this.#sendAsked();
    return true;
  }

  #sendAsked(): void {
    const sealed = this.#parts.configurator.seal(this.#asked!.message, this.#netIndex);
    if (sealed instanceof MeshError) this.#channel.close(sealed);
    else {
      this.#channel.send(ProxyMessageType.configuration, sealed);
      this.#timer.set(ANSWER_TIMEOUT_MS);
    }
  }

  #answered({ src }: ConfigurationReceived, status: FilterStatus): void {
    if (this.#asked === undefined) return;
    this.#wishes.answered(this.#asked.message, status);
    this.#asked = undefined;
    this.#timer.clear();
    if (this.#ask()) return;
    this.#state = 'ready';
    for (const waiting of this.#waiting) {
      waiting.cancel = this.#channel.send(ProxyMessageType.networkPdu, waiting.pdu, waiting.done);
    }
    this.#waiting.clear();
    const { filterType, listSize } = status;
    this.#listener({ type: 'ready', node: src, filterType, listSize });
  }

  #timeout(): void {
    if (this.#asked === undefined) this.#channel.close(noBeacon());
    else if (this.#asked.attempt >= ATTEMPTS) this.#channel.close(silent());
    else {
      this.#asked = { message: this.#asked.message, attempt: this.#asked.attempt + 1 };
      this.#sendAsked();
    }
  }

  #closed(error: MeshError | undefined): void {
    this.#state = 'closed';
    this.#timer.clear();
    this.#detach();
    this.#failWaiting([...this.#waiting], notReady('it has ended'));
    this.#parts.closed(this);
    this.#listener({ type: 'closed', error });
  }

  #failWaiting(pdus: readonly WaitingPdu[], error: MeshError): void {
    for (const waiting of pdus) if (this.#waiting.delete(waiting)) waiting.done(error);
  }
}

function notReady(why: string): MeshError {
  return new MeshError('bearer-closed', `the message waited for the proxy connection: ${why}`, {
    hint: 'Send it again when the connection is ready.',
  });
}

function noBeacon(): MeshError {
  return new MeshError('no-beacon', `the proxy sent no beacon of a known subnet in ${BEACON_TIMEOUT_MS / 1000} s`, {
    hint: 'Connect to another proxy, or check the NetKey.',
  });
}

function silent(): MeshError {
  return new MeshError('proxy-silent', `the proxy did not answer ${ATTEMPTS} configuration messages`, {
    hint: 'Connect to another proxy. If all are silent the IV Index or the sequence numbers of this node may be too old.',
  });
}
