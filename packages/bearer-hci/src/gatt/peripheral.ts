import {
  encodeOffer,
  type GattLink,
  type GattOffer,
  type GattPeripheral,
  type GattService,
  printGattUuid,
} from '@meshferry/bearer';
import type { Cancel, Timer, Unsubscribe } from '@meshferry/core';
import { OPCODE, STATUS } from '../codes.ts';
import type { HciHost } from '../host.ts';
import type { Radio } from '../radio.ts';
import { ATT } from './att.ts';
import { AttLink } from './att-link.ts';
import { AttServer } from './att-server.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import { AttributeDatabase, type ServedService } from './database.ts';

/** Centrals at a time at most; a controller may take fewer. */
const MOST_CONNECTIONS = 4;
/** A bit of LE_States: connectable advertising while there is a connection as the peripheral. */
const ADVERTISES_WHILE_CONNECTED = { octet: 4, bit: 6 };
/** A client that subscribes to nothing only takes the place of another, ms. */
const IDLE_MS = 60_000;
/** A refusal passes, ms; beside connections it may mean that the controller has no other one, and lasts. */
const RETRY_MS = 1000;
const RETRY_CONNECTED_MS = 10_000;

interface Subscribed {
  readonly served: ServedService;
  readonly link: AttLink;
}

/** GATT peripheral on a controller: serves services of two pipes to several centrals at a time. */
export class HciPeripheral implements GattPeripheral {
  readonly #host: HciHost;
  readonly #radio: Pick<Radio, 'advertising' | 'renewAddress'>;
  readonly #connections: Connections;
  readonly #database = new AttributeDatabase();
  readonly #served = new Map<string, (link: GattLink) => void>();
  #limit = MOST_CONNECTIONS;
  #offer: GattOffer | undefined;
  /** Ends what is advertised at present. */
  #withdraw: Cancel | undefined;
  #again: Timer | undefined;
  /** Whether the offer still needs an address of its own. */
  #address: 'any' | 'old' | 'changing' | 'new' = 'any';

  constructor(host: HciHost, radio: Pick<Radio, 'advertising' | 'renewAddress'>, connections: Connections) {
    this.#host = host;
    this.#radio = radio;
    this.#connections = connections;
    connections.acceptor = (connection) => this.#accept(connection);
    host.onUp(() => this.#askForStates());
  }

  get connections(): number {
    return this.#limit;
  }

  advertise(offer: GattOffer): Cancel {
    this.#stop();
    this.#offer = offer;
    this.#address = offer.privateAddress ? 'old' : 'any';
    this.#update();
    return () => {
      if (this.#offer !== offer) return;
      this.#offer = undefined;
      this.#stop();
    };
  }

  serve(service: GattService, connected: (link: GattLink) => void): Unsubscribe {
    const key = printGattUuid(service.uuid);
    this.#served.set(key, connected);
    this.#database.add(service);
    return () => {
      if (this.#served.get(key) !== connected) return;
      this.#served.delete(key);
      this.#database.remove(service);
    };
  }

  /** Advertises and accepts no more. */
  close(): void {
    this.#offer = undefined;
    this.#served.clear();
    this.#stop();
    this.#again?.cancel();
  }

  #askForStates(): void {
    const { octet, bit } = ADVERTISES_WHILE_CONNECTED;
    this.#host.command(OPCODE.LE_READ_SUPPORTED_STATES, new Uint8Array(), (status, states) => {
      const cannot = status !== STATUS.SUCCESS || ((states[octet] ?? 0) & (1 << bit)) === 0;
      this.#limit = cannot ? 1 : MOST_CONNECTIONS;
    });
  }

  /** Advertises while something is offered and a connection is free. */
  #update(): void {
    const offer = this.#offer;
    const isFree = this.#connections.of('peripheral').length < this.#limit;
    if (offer === undefined || !isFree) this.#stop();
    else if (this.#address === 'old') this.#renewAddress(offer);
    else if (this.#withdraw === undefined && this.#address !== 'changing') this.#run(offer);
  }

  /** With the legacy commands the address is that of the whole radio; an advertising set gets its own when it goes on air. */
  #renewAddress(offer: GattOffer): void {
    this.#address = 'changing';
    this.#radio.renewAddress(() => {
      if (this.#offer !== offer) return;
      this.#address = 'new';
      this.#update();
    });
  }

  #run(offer: GattOffer): void {
    const again = (ms: number) => {
      this.#withdraw = undefined;
      this.#updateAfter(ms);
    };
    const newAddress = this.#address === 'new';
    this.#address = 'any';
    const { advertisement, scanResponse } = encodeOffer(offer);
    this.#withdraw = this.#radio.advertising.offer({
      data: advertisement,
      scanResponse,
      intervalMs: offer.intervalMs,
      newAddress,
      connected: () => again(0),
      refused: () => again(this.#connections.size === 0 ? RETRY_MS : RETRY_CONNECTED_MS),
    });
  }

  #updateAfter(ms: number): void {
    this.#again?.cancel();
    this.#again = this.#host.clock.after(ms, () => this.#update());
  }

  #stop(): void {
    this.#withdraw?.();
    this.#withdraw = undefined;
  }

  #accept(connection: Connection): void {
    const subscribed = new Map<number, Subscribed>();
    connection.server = new AttServer(connection, this.#database, {
      written: (handle, value) => {
        for (const { served, link } of subscribed.values()) if (served.dataIn === handle) link.deliver(value);
      },
      subscribed: (ccc, isOn) => {
        subscribed.get(ccc)?.link.end();
        subscribed.delete(ccc);
        if (isOn) this.#subscribe(connection, ccc, subscribed);
      },
    });
    const idle = this.#host.clock.after(IDLE_MS, () => {
      if (subscribed.size === 0) connection.fail('timeout', 'it did not subscribe to anything');
    });
    connection.onEnded(() => {
      idle.cancel();
      // Not before the other handlers of this event.
      this.#updateAfter(0);
    });
    if (this.#served.size === 0) connection.disconnect();
  }

  #subscribe(connection: Connection, ccc: number, subscribed: Map<number, Subscribed>): void {
    const served = this.#database.serviceAt(ccc);
    const connected = served && this.#served.get(printGattUuid(served.service.uuid));
    if (served === undefined || connected === undefined) return;
    const link = new AttLink(connection, ATT.NOTIFICATION, served.dataOut);
    subscribed.set(ccc, { served, link });
    connected(link);
  }
}
