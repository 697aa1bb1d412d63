import { type Cancel, type Clock, MeshError, type Timer, type Unsubscribe } from '@meshferry/core';
import type { Bearer } from './contract.ts';
import {
  GATT_MTU_MIN,
  GATT_VALUE_OVERHEAD,
  type GattAdvertisement,
  type GattCentral,
  type GattLink,
  type GattLinkListener,
  type GattOffer,
  type GattPeripheral,
  type GattService,
} from './gatt.ts';
import { type ClosableGatt, closableGatt } from './gatt-closable.ts';

/** What kind of links {@link memoryGatt} and {@link memoryGattLinks} make. */
export interface MemoryGattOptions {
  /** ATT_MTU of both ends. Default 23, the least. */
  readonly mtu?: number;
  /** How long a value takes, ms: one follows the other. Default 7.5, the shortest connection interval. */
  readonly valueMs?: number;
  /** How long connecting takes, ms. Default 100. */
  readonly connectMs?: number;
}

/** Both ends of an open link, for tests and examples. */
export function memoryGattLinks(
  clock: Clock,
  options: MemoryGattOptions = {},
): { readonly client: GattLink; readonly server: GattLink } {
  return makeLinks(clock, options);
}

/** Centrals and peripherals that are all in reach of each other. */
export interface MemoryGatt {
  central(): GattCentral;
  /** `connections`: at a time, default 1. */
  peripheral(options?: { readonly connections?: number }): GattPeripheral;
  /** A bearer that is both, and ends with its `close` what they began. */
  join(options?: { readonly connections?: number }): Bearer & Omit<ClosableGatt, 'close'>;
}

/**
 * A small deterministic GATT world in memory for tests and examples: advertisements are heard by every central that
 * discovers, connecting always works, nothing is lost.
 *
 * ```ts
 * const gatt = memoryGatt(clock, { mtu: 69 });
 * const peripheral = gatt.peripheral();
 * peripheral.serve(MESH_PROXY_SERVICE, (link) => link.listen(listener));
 * peripheral.advertise({ service: 0x1828, data, intervalMs: 1000, privateAddress: false });
 * gatt.central().discover([0x1828], (advertisement) => console.log(advertisement.peer));
 * ```
 */
export function memoryGatt(clock: Clock, options: MemoryGattOptions = {}): MemoryGatt {
  const world = new World(clock, options);
  const central = () => new MemoryCentral(world);
  const peripheral = ({ connections = 1 } = {}) => new MemoryPeripheral(world, connections);
  const join = (own = {}) => closableGatt(clock, { central: central(), peripheral: peripheral(own) });
  return { central, peripheral, join };
}

function makeLinks(
  clock: Clock,
  options: MemoryGattOptions,
): { readonly client: MemoryLink; readonly server: MemoryLink } {
  const { mtu = GATT_MTU_MIN, valueMs = 7.5 } = options;
  const client = new MemoryLink(clock, mtu, valueMs);
  const server = new MemoryLink(clock, mtu, valueMs);
  client.peer = server;
  server.peer = client;
  return { client, server };
}

class World {
  readonly clock: Clock;
  readonly options: MemoryGattOptions;
  readonly listeners = new Set<{ services: readonly number[]; found: (advertisement: GattAdvertisement) => void }>();
  readonly byAddress = new Map<string, MemoryPeripheral>();
  #addresses = 0;

  constructor(clock: Clock, options: MemoryGattOptions) {
    this.clock = clock;
    this.options = options;
  }

  newAddress(): string {
    return `memory-${this.#addresses++}`;
  }
}

class MemoryCentral implements GattCentral {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  discover(services: readonly number[], found: (advertisement: GattAdvertisement) => void): Unsubscribe {
    const listener = { services, found };
    this.#world.listeners.add(listener);
    return () => {
      this.#world.listeners.delete(listener);
    };
  }

  connect(peer: string, service: GattService, done: (outcome: GattLink | MeshError) => void): Cancel {
    const { clock, options, byAddress } = this.#world;
    const timer = clock.after(options.connectMs ?? 100, () => {
      const server = byAddress.get(peer);
      if (server?.accepts(service) !== true) return done(connectFailed(peer));
      const links = makeLinks(clock, options);
      done(links.client);
      server.connected(service, links.server);
    });
    return () => timer.cancel();
  }
}

class MemoryPeripheral implements GattPeripheral {
  readonly connections: number;
  readonly #world: World;
  readonly #services = new Map<GattService, (link: GattLink) => void>();
  #offer: GattOffer | undefined;
  #address: string;
  #timer: Timer | undefined;
  #open = 0;

  constructor(world: World, connections: number) {
    this.#world = world;
    this.connections = connections;
    this.#address = this.#changeAddress();
  }

  advertise(offer: GattOffer): Cancel {
    this.#offer = offer;
    if (offer.privateAddress) this.#address = this.#changeAddress();
    this.#timer?.cancel();
    this.#event(offer);
    return () => {
      if (this.#offer !== offer) return;
      this.#offer = undefined;
      this.#timer?.cancel();
    };
  }

  serve(service: GattService, connected: (link: GattLink) => void): Unsubscribe {
    this.#services.set(service, connected);
    return () => {
      if (this.#services.get(service) === connected) this.#services.delete(service);
    };
  }

  accepts(service: GattService): boolean {
    return this.#offer !== undefined && this.#open < this.connections && this.#services.has(service);
  }

  connected(service: GattService, link: MemoryLink): void {
    this.#open++;
    link.onDisconnected = () => {
      this.#open--;
    };
    this.#services.get(service)?.(link);
  }

  #event(offer: GattOffer): void {
    const { clock, listeners } = this.#world;
    this.#timer = clock.after(offer.intervalMs, () => {
      if (this.#open < this.connections) {
        const heard = { service: offer.service, data: offer.data, peer: this.#address, rssi: -60, at: clock.now };
        for (const { services, found } of listeners) if (services.includes(offer.service)) found(heard);
      }
      if (this.#offer === offer) this.#event(offer);
    });
  }

  #changeAddress(): string {
    const { byAddress } = this.#world;
    byAddress.delete(this.#address);
    const address = this.#world.newAddress();
    byAddress.set(address, this);
    return address;
  }
}

interface Waiting {
  readonly value: Uint8Array;
  readonly done: (error?: MeshError) => void;
}

class MemoryLink implements GattLink {
  readonly mtu: number;
  peer: MemoryLink | undefined;
  /** For who made the link. */
  onDisconnected: () => void = () => {};
  readonly #clock: Clock;
  readonly #valueMs: number;
  readonly #queue: Waiting[] = [];
  #timer: Timer | undefined;
  #listener: GattLinkListener | undefined;
  #open = true;

  constructor(clock: Clock, mtu: number, valueMs: number) {
    this.#clock = clock;
    this.mtu = mtu;
    this.#valueMs = valueMs;
  }

  send(value: Uint8Array, done: (error?: MeshError) => void): void {
    const most = this.mtu - GATT_VALUE_OVERHEAD;
    if (!this.#open || value.length > most) {
      const error = this.#open ? valueTooLong(value.length, most) : disconnectedError();
      this.#clock.after(0, () => done(error));
      return;
    }
    this.#queue.push({ value, done });
    if (this.#queue.length === 1) this.#next();
  }

  listen(listener: GattLinkListener): void {
    this.#listener = listener;
  }

  disconnect(): void {
    const { peer } = this;
    if (!this.#open || peer === undefined) return;
    const ends = [this, peer] as const;
    for (const end of ends) end.#open = false;
    this.#clock.after(0, () => {
      for (const end of ends) end.#end();
    });
  }

  hear(value: Uint8Array): void {
    if (this.#open) this.#listener?.received(value);
  }

  #next(): void {
    this.#timer = this.#clock.after(this.#valueMs, () => {
      if (!this.#open) return;
      const { value, done } = this.#queue.shift()!;
      if (this.#queue.length > 0) this.#next();
      done();
      this.peer?.hear(value);
    });
  }

  #end(): void {
    this.#timer?.cancel();
    for (const { done } of this.#queue.splice(0)) done(disconnectedError());
    this.onDisconnected();
    this.#listener?.disconnected();
  }
}

function disconnectedError(): MeshError {
  return new MeshError('bearer-closed', 'the GATT link is disconnected', { hint: 'Connect again.' });
}

function valueTooLong(length: number, most: number): MeshError {
  return new MeshError('value-too-long', `a value of ${length} octets, the link takes ${most}`, {
    hint: 'Segment the message for the MTU of the link.',
  });
}

function connectFailed(peer: string): MeshError {
  return new MeshError('connect-failed', `no connection to ${peer}`, {
    hint: 'Discover again: the device may have changed its address, or has no connection free.',
  });
}
