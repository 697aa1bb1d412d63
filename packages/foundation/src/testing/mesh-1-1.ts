import { AccessLayer, Feature, type Model, type ModelSpec } from '@meshferry/access';
import { type MemoryAir, memoryAir } from '@meshferry/bearer';
import { type Clock, MemoryStore, SeededRandom, type Store, storeView, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { NetworkLayer, type NetworkLayerOptions } from '@meshferry/network';
import { BridgeConfigurationClient } from '../bridge-configuration-client.ts';
import { BridgeConfigurationServer } from '../bridge-configuration-server.ts';
import { ConfigurationServer } from '../config-server.ts';
import { DirectedForwardingConfigurationClient } from '../directed-forwarding-configuration-client.ts';
import {
  DirectedForwardingConfigurationServer,
  type DirectedForwardingConfigurationServerOptions,
} from '../directed-forwarding-configuration-server.ts';
import type { FoundationHost } from '../host.ts';
import { LargeCompositionDataClient } from '../large-composition-data-client.ts';
import { LargeCompositionDataServer } from '../large-composition-data-server.ts';
import { OnDemandPrivateProxyClient } from '../on-demand-private-proxy-client.ts';
import { OnDemandPrivateProxyServer } from '../on-demand-private-proxy-server.ts';
import { OpcodesAggregatorClient } from '../opcodes-aggregator-client.ts';
import { OpcodesAggregatorServer } from '../opcodes-aggregator-server.ts';
import { PrivateBeaconClient } from '../private-beacon-client.ts';
import { PrivateBeaconServer } from '../private-beacon-server.ts';
import { SarConfigurationClient } from '../sar-configuration-client.ts';
import { SarConfigurationServer } from '../sar-configuration-server.ts';
import { SolicitationPduRplClient } from '../solicitation-pdu-rpl-client.ts';
import { SolicitationPduRplServer } from '../solicitation-pdu-rpl-server.ts';
import { deviceKeyOf } from './node.ts';

export const NET_KEYS: readonly Uint8Array[] = [0x10, 0x11, 0x12].map((octet) => new Uint8Array(16).fill(octet));
export const APP_KEY: Uint8Array = new Uint8Array(16).fill(0x22);
export const CLIENT = 0x0001;
export const SERVER = 0x0100;
export const TO: { readonly address: number } = { address: SERVER };

export interface ServerOptions {
  readonly store?: Store;
  /** Default: Proxy. */
  readonly features?: number;
  readonly network?: Partial<NetworkLayerOptions>;
  readonly directed?: Partial<DirectedForwardingConfigurationServerOptions>;
  /** Models besides the servers, on the primary element. */
  readonly models?: () => readonly Model[];
  /** Models of further elements. */
  readonly elements?: () => readonly (readonly Model[])[];
  readonly aggregator?: Partial<ModelSpec>;
}

/** A node with all servers of the configuration models that Mesh Protocol 1.1 added. */
export class ServerNode implements FoundationHost {
  readonly access: AccessLayer;
  readonly network: NetworkLayer;
  readonly store: Store;
  readonly rpl: SolicitationPduRplServer;
  resets = 0;

  constructor(clock: Clock, options: ServerOptions) {
    const { store = new MemoryStore(), features = Feature.proxy } = options;
    this.store = store;
    const host = () => this;
    const configuration = new ConfigurationServer({ host });
    const privateBeacon = new PrivateBeaconServer({ host });
    this.rpl = new SolicitationPduRplServer({ host });
    const servers = [
      configuration,
      privateBeacon,
      this.rpl,
      new OnDemandPrivateProxyServer({ host, privateBeacon, solicitationPduRpl: this.rpl }),
      new SarConfigurationServer({ host }),
      new OpcodesAggregatorServer({ host }),
      new LargeCompositionDataServer({ host, configuration }),
      new BridgeConfigurationServer({ host, configuration }),
      new DirectedForwardingConfigurationServer({ host, store: storeView(store, 'directed/'), ...options.directed }),
    ];
    this.access = new AccessLayer({
      clock,
      random: new SeededRandom('access'),
      store: storeView(store, 'access/'),
      crypto: portableCrypto,
      address: SERVER,
      identity: { cid: 0x0059, pid: 1, vid: 2, crpl: 32, features },
      deviceKeyOf,
    });
    this.access.addElement(0x0100, [...servers.map(({ model }) => model), ...(options.models?.() ?? [])]);
    for (const models of options.elements?.() ?? []) this.access.addElement(0x0101, models);
    this.network = new NetworkLayer({
      clock,
      random: new SeededRandom('network'),
      store: storeView(store, 'network/'),
      crypto: portableCrypto,
      host: this.access,
      address: SERVER,
      elements: this.access.elementCount,
      deviceKey: deviceKeyOf(SERVER),
      netKeys: NET_KEYS.map((key, index) => ({ index, key })),
      appKeys: [{ index: 0, netIndex: 0, key: APP_KEY }],
      ...options.network,
    });
    this.access.connect(this.network);
  }

  reset(): void {
    this.resets++;
  }

  close(): void {
    this.access.close();
    this.network.close();
  }
}

/** All clients of them. */
export class Clients {
  readonly sar = new SarConfigurationClient();
  readonly aggregator = new OpcodesAggregatorClient();
  readonly large = new LargeCompositionDataClient();
  readonly beacon = new PrivateBeaconClient();
  readonly onDemand = new OnDemandPrivateProxyClient();
  readonly rpl = new SolicitationPduRplClient();
  readonly bridge = new BridgeConfigurationClient();
  readonly directed = new DirectedForwardingConfigurationClient();
}

/** A {@link ServerNode} and a node with {@link Clients} in one air. */
export class Pair {
  readonly clock = new VirtualClock(1000);
  readonly air: MemoryAir;
  readonly clients = new Clients();
  readonly network: NetworkLayer;
  server: ServerNode;
  readonly #options: ServerOptions;
  #loss = 0;

  constructor(options: ServerOptions = {}) {
    this.#options = { store: new MemoryStore(), ...options };
    this.air = memoryAir(this.clock, new SeededRandom('air'), { loss: () => this.#loss });
    const access = new AccessLayer({
      clock: this.clock,
      random: new SeededRandom('client access'),
      store: new MemoryStore(),
      crypto: portableCrypto,
      address: CLIENT,
      identity: { cid: 0x0059, pid: 1, vid: 2, crpl: 32, features: 0 },
      deviceKeyOf,
    });
    access.addElement(
      0,
      Object.values(this.clients).map(({ model }) => model as Model),
    );
    this.network = new NetworkLayer({
      clock: this.clock,
      random: new SeededRandom('client network'),
      store: new MemoryStore(),
      crypto: portableCrypto,
      host: access,
      address: CLIENT,
      elements: 1,
      deviceKey: deviceKeyOf(CLIENT),
      netKeys: NET_KEYS.map((key, index) => ({ index, key })),
      appKeys: [{ index: 0, netIndex: 0, key: APP_KEY }],
    });
    access.connect(this.network);
    this.clients.rpl.model.bind(0);
    this.network.attach(this.air.join().advertising);
    this.server = this.#join();
  }

  /** The share of what is sent that gets lost. */
  set loss(loss: number) {
    this.#loss = loss;
  }

  /** The server loses power and comes up again with what its store has. */
  restart(changes: Partial<ServerOptions> = {}): void {
    this.server.close();
    Object.assign(this.#options, changes);
    this.server = this.#join();
  }

  /** Lets time pass until the promise is settled: 30 simulated minutes at most. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const end = (): void => {
      isSettled = true;
    };
    promise.then(end, end);
    const limit = this.clock.now + 1_800_000;
    while (!isSettled) {
      if (this.clock.now > limit) throw new Error('still waiting after 30 minutes');
      this.clock.advance(10);
      await Promise.resolve();
    }
    return promise;
  }

  #join(): ServerNode {
    const node = new ServerNode(this.clock, this.#options);
    node.network.attach(this.air.join().advertising);
    return node;
  }
}

/** What a client rejects with when a node refuses. */
export function refusal(status: number): { readonly code: string; readonly status: number } {
  return { code: 'config-status', status };
}
