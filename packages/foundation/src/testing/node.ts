import { AccessLayer, Feature, Model } from '@meshferry/access';
import { type MemoryAir, memoryAir } from '@meshferry/bearer';
import { type Clock, MemoryStore, SeededRandom, type Store, storeView, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { NetworkLayer, type NetworkLayerOptions } from '@meshferry/network';
import { ConfigurationClient } from '../config-client.ts';
import { ConfigurationServer, type ConfigurationServerOptions } from '../config-server.ts';
import { HealthClient } from '../health-client.ts';
import { HealthServer, type HealthServerOptions } from '../health-server.ts';
import type { FoundationHost } from '../host.ts';

export const NET_KEY: Uint8Array = new Uint8Array(16).fill(0x11);
export const APP_KEY: Uint8Array = new Uint8Array(16).fill(0x22);
export const COMPANY = 0x0059;
/** Models on the primary element of the server, besides its servers: a SIG and a vendor's one that publish, one that does not. */
export const LAMP = 0x1000;
export const VENDOR = 0x0059_0001;
export const MUTE = 0x1300;

export interface FoundationNodeOptions {
  readonly store?: Store;
  readonly network?: Partial<NetworkLayerOptions>;
  /** Default: Relay, Proxy and Friend. */
  readonly features?: number;
  readonly limits?: ConfigurationServerOptions['limits'];
  readonly health?: Partial<HealthServerOptions>;
  readonly subscriptionListSize?: number;
  /** Models besides those of foundation. Default: {@link LAMP}, {@link VENDOR}, {@link MUTE}. */
  readonly models?: readonly Model[];
  /** Models of a second element. */
  readonly second?: readonly Model[];
}

/** A whole node of the real stack: both servers and both clients of this package, on the primary element. */
export class FoundationNode implements FoundationHost {
  readonly address: number;
  readonly store: Store;
  readonly access: AccessLayer;
  readonly network: NetworkLayer;
  readonly configuration: ConfigurationServer;
  readonly health: HealthServer;
  readonly configurationClient = new ConfigurationClient();
  readonly healthClient = new HealthClient();
  resets = 0;

  constructor(clock: Clock, address: number, options: FoundationNodeOptions = {}) {
    const { store = new MemoryStore(), features = Feature.relay | Feature.proxy | Feature.friend } = options;
    this.address = address;
    this.store = store;
    this.configuration = new ConfigurationServer({
      host: () => this,
      ...(options.limits && { limits: options.limits }),
    });
    this.health = new HealthServer({ companies: [COMPANY], store: storeView(store, 'health/'), ...options.health });
    this.access = new AccessLayer({
      clock,
      random: new SeededRandom(`access ${address}`),
      store: storeView(store, 'access/'),
      crypto: portableCrypto,
      address,
      identity: { cid: COMPANY, pid: 1, vid: 2, crpl: 32, features },
      subscriptionListSize: options.subscriptionListSize ?? 8,
      deviceKeyOf,
    });
    this.access.addElement(0x0100, [
      this.configuration.model,
      this.health.model,
      this.configurationClient.model,
      this.healthClient.model,
      ...(options.models ?? sampleModels()),
    ]);
    if (options.second !== undefined) this.access.addElement(0x0101, options.second);
    this.network = new NetworkLayer({
      clock,
      random: new SeededRandom(`network ${address}`),
      store: storeView(store, 'network/'),
      crypto: portableCrypto,
      host: this.access,
      address,
      elements: this.access.elementCount,
      deviceKey: deviceKeyOf(address),
      netKeys: [{ index: 0, key: NET_KEY }],
      friend: (features & Feature.friend) !== 0,
      ...options.network,
    });
    this.access.connect(this.network);
  }

  reset(): void {
    this.resets++;
  }

  close(): void {
    this.health.close();
    this.access.close();
    this.network.close();
  }
}

/** A client at 1 and a server at 0x100 in one air. */
export class FoundationPair {
  readonly clock = new VirtualClock(1000);
  readonly air: MemoryAir;
  readonly client: FoundationNode;
  server: FoundationNode;
  /** Nothing reaches the other node while it is true. */
  deaf = false;
  readonly #options: FoundationNodeOptions;

  constructor(options: FoundationNodeOptions = {}) {
    this.#options = { store: new MemoryStore(), ...options };
    this.air = memoryAir(this.clock, new SeededRandom('air'), { loss: () => (this.deaf ? 1 : 0) });
    this.client = this.join(1, { features: Feature.relay });
    this.server = this.join(SERVER_ADDRESS, this.#options);
  }

  /** The server loses power and comes up again with what its store has. */
  restart(): void {
    this.server.close();
    this.server = this.join(SERVER_ADDRESS, this.#options);
  }

  /** Lets time pass until the promise is settled: 30 simulated minutes at most. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const end = (): void => {
      settled = true;
    };
    promise.then(end, end);
    const limit = this.clock.now + 1_800_000;
    while (!settled) {
      if (this.clock.now > limit) throw new Error('still waiting after 30 minutes');
      this.clock.advance(10);
      await Promise.resolve();
    }
    return promise;
  }

  close(): void {
    this.client.close();
    this.server.close();
  }

  /** Another node in the same air. */
  join(address: number, options: FoundationNodeOptions = {}): FoundationNode {
    const node = new FoundationNode(this.clock, address, options);
    node.network.attach(this.air.join().advertising);
    return node;
  }
}

export const SERVER_ADDRESS = 0x0100;

export function deviceKeyOf(address: number): Uint8Array {
  return new Uint8Array(16).fill(address & 0xff).fill(address >> 8, 8);
}

/** See {@link LAMP}, {@link VENDOR} and {@link MUTE}. */
export function sampleModels(): Model[] {
  const lamp = new Model({ id: LAMP, name: 'Lamp' });
  lamp.publishes(() => {});
  const vendor = new Model({ id: VENDOR, name: 'Vendor' });
  vendor.publishes();
  return [lamp, vendor, new Model({ id: MUTE, name: 'Mute' })];
}
