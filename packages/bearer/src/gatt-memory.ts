import { type Cancel, type Clock, MeshError, type Timer, type Unsubscribe } from '@meshferry/core';
import type { Bearer } from './contract.ts';
import type {
  GattAdvertisement,
  GattCentral,
  GattDevice,
  GattLink,
  GattOffer,
  GattPeripheral,
  GattService,
  GattUuid,
} from './gatt.ts';
import { type ClosableGatt, closableGatt } from './gatt-closable.ts';
import { type MemoryLinkOptions, type MemoryLinks, makeLinks } from './gatt-memory-link.ts';
import { printGattUuid } from './gatt-uuid.ts';
import { HeardDevices } from './heard-devices.ts';

/** What kind of links {@link memoryGatt} and {@link memoryGattLinks} make. */
export interface MemoryGattOptions extends MemoryLinkOptions {
  /** How long connecting takes, ms. Default 100. */
  readonly connectMs?: number;
  /** The first of the addresses of its peripherals, as a number; the others follow. Default 0. */
  readonly firstAddress?: number;
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

class World {
  readonly clock: Clock;
  readonly options: MemoryGattOptions;
  readonly listeners = new Set<(heard: Shown) => void>();
  readonly byAddress = new Map<string, MemoryPeripheral>();
  #addresses = 0;

  constructor(clock: Clock, options: MemoryGattOptions) {
    this.clock = clock;
    this.options = options;
  }

  listen(heard: (shown: Shown) => void): Unsubscribe {
    const listener = (shown: Shown) => heard(shown);
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  newAddress(isPrivate: boolean): string {
    return `${isPrivate ? 'private' : 'memory'}-${this.#addresses++}`;
  }

  /** As other radios print one: static random, or resolvable private. */
  printed(peer: string): string {
    const number = (this.options.firstAddress ?? 0) + Number(peer.slice(peer.indexOf('-') + 1));
    const digits = number.toString(16).toUpperCase().padStart(10, '0');
    return `${peer.startsWith('private') ? '40' : 'C0'}:${digits.match(/../g)!.join(':')}`;
  }

  /** Who has a handle, or an address. */
  find(peer: string): MemoryPeripheral | undefined {
    const named = () => [...this.byAddress].find(([each]) => this.printed(each) === peer.toUpperCase())?.[1];
    return this.byAddress.get(peer) ?? named();
  }
}

/** One advertising event. */
interface Shown {
  readonly offer: GattOffer;
  readonly peer: string;
}

const RSSI = -60;
/** As HCI has it. */
const RSSI_UNKNOWN = 127;

class MemoryCentral implements GattCentral {
  readonly #world: World;
  /** By peripheral; each ends with its last link. */
  readonly #connections = new Map<MemoryPeripheral, MemoryConnection>();
  /** Under which handle each of them was connected to: it is good as long as the connection. */
  readonly #connected = new Map<string, MemoryPeripheral>();

  constructor(world: World) {
    this.#world = world;
  }

  discover(services: readonly number[], found: (advertisement: GattAdvertisement) => void): Unsubscribe {
    const { clock } = this.#world;
    return this.#world.listen(({ offer: { service, data }, peer }) => {
      if (typeof service === 'number' && services.includes(service))
        found({ service, data, peer, rssi: RSSI, at: clock.now });
    });
  }

  scan(found: (device: GattDevice) => void): Unsubscribe {
    const { clock } = this.#world;
    const devices = new HeardDevices();
    const hear = (peer: string, name: string | undefined, services: readonly GattUuid[], rssi: number) => {
      const address = this.#world.printed(peer);
      found(devices.hear({ peer, address, name, services, rssi, at: clock.now, connectable: true }));
    };
    const timer = clock.after(0, () => {
      for (const peer of this.#connected.keys()) hear(peer, undefined, [], RSSI_UNKNOWN);
    });
    const stop = this.#world.listen(({ offer: { service, name }, peer }) => hear(peer, name, [service], RSSI));
    return () => {
      timer.cancel();
      stop();
    };
  }

  connect(peer: string, service: GattService, done: (outcome: GattLink | MeshError) => void): Cancel {
    const { clock, options } = this.#world;
    const timer = clock.after(options.connectMs ?? 100, () => {
      const server = this.#connected.get(peer) ?? this.#world.find(peer);
      const connection = server && this.#connections.get(server);
      if (server === undefined || !server.accepts(service, connection)) return done(connectFailed(peer));
      const { client, server: served } = (connection ?? this.#open(peer, server)).add(service);
      done(client);
      server.connected(service, served);
    });
    return () => timer.cancel();
  }

  #open(peer: string, server: MemoryPeripheral): MemoryConnection {
    const connection = new MemoryConnection(this.#world, () => {
      this.#connections.delete(server);
      this.#connected.delete(peer);
      server.open--;
    });
    this.#connections.set(server, connection);
    this.#connected.set(peer, server);
    server.open++;
    return connection;
  }
}

/** The links of several services between one central and one peripheral. */
class MemoryConnection {
  readonly #world: World;
  readonly #links = new Map<string, MemoryLinks>();
  readonly #ended: () => void;

  constructor(world: World, ended: () => void) {
    this.#world = world;
    this.#ended = ended;
  }

  has({ uuid }: GattService): boolean {
    return this.#links.has(printGattUuid(uuid));
  }

  add({ uuid }: GattService): MemoryLinks {
    const key = printGattUuid(uuid);
    const links = makeLinks(this.#world.clock, this.#world.options);
    this.#links.set(key, links);
    const all = this.#links;
    links.server.together = {
      *[Symbol.iterator]() {
        for (const { server } of all.values()) yield server;
      },
    };
    links.server.onDisconnected = () => {
      this.#links.delete(key);
      if (this.#links.size === 0) this.#ended();
    };
    return links;
  }
}

class MemoryPeripheral implements GattPeripheral {
  readonly connections: number;
  /** Connections at present. */
  open = 0;
  readonly #world: World;
  readonly #services = new Map<string, (link: GattLink) => void>();
  #offer: GattOffer | undefined;
  #address: string;
  #timer: Timer | undefined;

  constructor(world: World, connections: number) {
    this.#world = world;
    this.connections = connections;
    this.#address = this.#changeAddress(false);
  }

  advertise(offer: GattOffer): Cancel {
    this.#offer = offer;
    if (offer.privateAddress) this.#address = this.#changeAddress(true);
    this.#timer?.cancel();
    this.#event(offer);
    return () => {
      if (this.#offer !== offer) return;
      this.#offer = undefined;
      this.#timer?.cancel();
    };
  }

  serve({ uuid }: GattService, connected: (link: GattLink) => void): Unsubscribe {
    const key = printGattUuid(uuid);
    this.#services.set(key, connected);
    return () => {
      if (this.#services.get(key) === connected) this.#services.delete(key);
    };
  }

  /** Whether a link of the service can be had, by the connection that there is or a new one. */
  accepts(service: GattService, connection: MemoryConnection | undefined): boolean {
    if (!this.#services.has(printGattUuid(service.uuid))) return false;
    if (connection !== undefined) return !connection.has(service);
    return this.#offer !== undefined && this.open < this.connections;
  }

  connected({ uuid }: GattService, link: GattLink): void {
    this.#services.get(printGattUuid(uuid))?.(link);
  }

  #event(offer: GattOffer): void {
    const { clock, listeners } = this.#world;
    this.#timer = clock.after(offer.intervalMs, () => {
      if (this.open < this.connections) for (const heard of listeners) heard({ offer, peer: this.#address });
      if (this.#offer === offer) this.#event(offer);
    });
  }

  #changeAddress(isPrivate: boolean): string {
    const { byAddress } = this.#world;
    byAddress.delete(this.#address);
    const address = this.#world.newAddress(isPrivate);
    byAddress.set(address, this);
    return address;
  }
}

function connectFailed(peer: string): MeshError {
  return new MeshError('connect-failed', `no connection to ${peer}`, {
    hint: 'Discover again: the device may have changed its address, or has no connection free.',
  });
}
