import { AccessLayer, type Model } from '@meshferry/access';
import type { Advertising, GattPeripheral, Transmit } from '@meshferry/bearer';
import {
  type Address,
  type AppIndex,
  type Clock,
  type Log,
  type NetIndex,
  type Random,
  type Store,
  silent,
  storeView,
  type Unicast,
  type Unsubscribe,
} from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import type {
  ConfigurationServer,
  FoundationHost,
  HealthServer,
  RemoteProvisioningServer,
} from '@meshferry/foundation';
import {
  type FriendLimits,
  type LowPowerSettings,
  NetworkLayer,
  type SarReceiver,
  type SarTransmitter,
} from '@meshferry/network';
import { type FoundationServerName, foundationModels, type HealthOptions, usualServers } from './foundation-models.ts';
import { noRemoteOptions, type RemoteOptions, remoteProvisioningServer } from './node-remote.ts';

/** What a node must be given from outside: time, chance, primitives and a place for its state. */
export interface NodeGround {
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: CryptoProvider;
  /** Of this node alone; see {@link storeView}. */
  readonly store: Store;
  readonly log?: Log;
}

/** The keys that a node has after it was provisioned and configured. 16 octets each. */
export interface NodeKeys {
  readonly deviceKey: Uint8Array;
  /** `keyRefresh`: the node came in the course of a Key Refresh, and is in Phase 2. */
  readonly netKeys: readonly { readonly index: NetIndex; readonly key: Uint8Array; readonly keyRefresh?: boolean }[];
  readonly appKeys: readonly { readonly index: AppIndex; readonly netIndex: NetIndex; readonly key: Uint8Array }[];
}

/** Composition Data Page 0 without its elements: Company, Product and Version Identifier, replay list size, features. */
export interface NodeIdentity {
  readonly cid: number;
  readonly pid: number;
  readonly vid: number;
  readonly crpl: number;
  readonly features: number;
}

export interface MeshNodeOptions extends NodeGround {
  /** Of the primary element. */
  readonly address: Unicast;
  readonly keys: NodeKeys;
  readonly identity: NodeIdentity;
  /** In address order, the primary one first; the node puts its foundation servers in front of the models of that itself. */
  readonly elements: readonly { readonly location: number; readonly models: readonly Model[] }[];
  /**
   * Foundation servers besides Configuration and Health. Default: all that work on any node, without
   * `directed-forwarding`; `on-demand-private-proxy` when the node has the Proxy feature, `remote-provisioning` with `remote`.
   */
  readonly servers?: readonly FoundationServerName[];
  /** For its Remote Provisioning Server. Default: it can have none. */
  readonly remote?: RemoteOptions;
  /** Used only while the store holds none. Default 0. */
  readonly ivIndex?: number;
  /** The IV Update Flag that goes with it. Default false. */
  readonly ivUpdating?: boolean;
  /** Default 5. */
  readonly defaultTtl?: number;
  /** Network Transmit. Default 3 × 20 ms. */
  readonly transmit?: Transmit;
  /** Relay Retransmit, or false for no relaying (default). */
  readonly relay?: Transmit | false;
  /** Secure Network Beacon to begin with: the node sends Secure Network beacons. Default false. */
  readonly beacon?: boolean;
  /** GATT Proxy to begin with: the node is a Proxy Server. Default false. */
  readonly gattProxy?: boolean;
  /** The node keeps messages for Low Power nodes. Default false. */
  readonly friend?: boolean | Partial<FriendLimits>;
  /** The node sleeps, and hears what a Friend keeps for it; not together with `friend`. Default false. */
  readonly lowPower?: boolean | Partial<LowPowerSettings>;
  readonly sarTransmitter?: Partial<SarTransmitter>;
  readonly sarReceiver?: Partial<SarReceiver>;
  /** Longest message that the node takes, in segments, 1 to 32. Default 32. */
  readonly segments?: number;
  /** Segmented messages that can be on their way to the node at a time. Default 64; a Distributor of many needs more. */
  readonly incoming?: number;
  /** Segmented messages that it sends at a time. Default 4. */
  readonly outgoingParallel?: number;
  /** How long answers wait; see `AccessLayerOptions`. */
  readonly replyDelayMs?: (dst: Address) => number;
  /** The Health Server of the primary element. Default: of the node's company, without tests. */
  readonly health?: HealthOptions;
  /**
   * The node leaves its network (Config Node Reset): whoever keeps its address and keys forgets them, durably, before it
   * returns. The states of the node itself go after that. Default: nothing is kept.
   */
  readonly leave?: () => void;
  /** Device keys of other nodes, for messages that are secured with them. */
  readonly deviceKeyOf?: (node: Unicast) => Uint8Array | undefined;
}

/**
 * One mesh node, composed: network and access layers, the models on its elements, its store and its bearers. What must
 * survive a power cut is in the store; a node made anew on the same store goes on as after a restart.
 */
export class MeshNode implements FoundationHost {
  readonly address: Unicast;
  readonly network: NetworkLayer;
  readonly access: AccessLayer;
  readonly configuration: ConfigurationServer;
  /** Health Server of the primary element. */
  readonly health: HealthServer;
  /** Remote Provisioning Server of the primary element, if it has one. */
  readonly remote: RemoteProvisioningServer | undefined;
  readonly #store: Store;
  readonly #leave: () => void;
  readonly #detach: Unsubscribe[] = [];

  constructor(options: MeshNodeOptions) {
    const { clock, random, crypto, store, keys, address } = options;
    const log = options.log ?? silent;
    this.address = address;
    this.access = new AccessLayer({
      clock,
      random,
      crypto,
      log,
      store: storeView(store, ACCESS),
      address,
      identity: options.identity,
      ...pick(options, ['deviceKeyOf', 'replyDelayMs']),
    });
    this.#store = store;
    this.#leave = options.leave ?? (() => {});
    const { cid, features } = options.identity;
    const servers = options.servers ?? usualServers(features, options.remote !== undefined);
    this.remote = this.#remote(options, servers);
    const foundation = foundationModels({
      host: () => this,
      cid,
      store: storeView(store, FOUNDATION),
      servers,
      remote: this.remote,
      ...(options.health && { health: options.health }),
    });
    this.configuration = foundation.configuration;
    this.health = foundation.health;
    options.elements.forEach(({ location, models }, i) => {
      this.access.addElement(location, i === 0 ? [...foundation.models, ...models] : models);
    });
    this.network = new NetworkLayer({
      clock,
      random,
      crypto,
      log,
      store: storeView(store, NETWORK),
      host: this.access,
      address,
      elements: this.access.termElementCount,
      ...pick(keys, ['deviceKey', 'netKeys', 'appKeys']),
      ...pick(options, [
        'ivIndex',
        'ivUpdating',
        'defaultTtl',
        'transmit',
        'relay',
        'beacon',
        'gattProxy',
        'sarTransmitter',
        'sarReceiver',
        'friend',
        'lowPower',
      ]),
      limits: pick(options, ['segments', 'incoming', 'outgoingParallel']),
    });
    this.access.connect(this.network);
    this.#tellFriend();
    this.access.subscriptionChanges.subscribe(() => this.#tellFriend());
    for (const name of FEATURES) this.access.setFeature(name, this.network.features.inUse(name));
    this.network.changes.subscribe((change) => {
      if (change.type === 'app-key-removed') this.access.removeAppKey(change.appIndex);
      if (change.type === 'feature' && change.feature !== 'lowPower')
        this.access.setFeature(change.feature, change.inUse);
    });
  }

  /** Sends and receives over a bearer from now on. */
  attach(advertising: Advertising): void {
    this.#detach.push(this.network.attach(advertising));
    if (this.remote !== undefined) this.#detach.push(this.remote.attach({ advertising }));
  }

  /** Takes GATT clients from now on, while it is a proxy. */
  serve(peripheral: GattPeripheral): void {
    this.#detach.push(this.network.proxy.serve(peripheral));
  }

  /** A Low Power node's Friend keeps messages for the groups of its models. */
  #tellFriend(): void {
    const { lowPower } = this.network;
    if (lowPower !== undefined) lowPower.subscriptions = this.access.subscriptions;
  }

  /**
   * Leaves the network and the air, and forgets all states on that network: keys, sequence numbers, replay list, bindings,
   * subscriptions, publications, faults. The application's own records stay.
   */
  reset(): void {
    this.close();
    this.#leave();
    const keys = [ACCESS, NETWORK, FOUNDATION].flatMap((prefix) => this.#store.keys(prefix));
    this.#store.batch(keys.map((key) => [key, null]));
  }

  /** Leaves the air and stops all timers, as a power cut would; the store keeps the state. */
  close(): void {
    for (const detach of this.#detach.splice(0)) detach();
    this.health.close();
    this.remote?.close();
    this.access.close();
    this.network.close();
  }

  #remote(options: MeshNodeOptions, servers: readonly FoundationServerName[]): RemoteProvisioningServer | undefined {
    if (!servers.includes('remote-provisioning')) return undefined;
    if (options.remote === undefined) throw noRemoteOptions();
    const prefixes = { access: ACCESS, network: NETWORK, others: [FOUNDATION] };
    return remoteProvisioningServer(options, () => this, { store: options.store, prefixes }, options.remote);
  }
}

/** Views of the store of a node that hold its states on its network. */
const ACCESS = 'access/';
const NETWORK = 'network/';
const FOUNDATION = 'foundation/';

/** Those with a fixed group that the primary element belongs to. */
const FEATURES = ['relay', 'proxy', 'friend'] as const;

function pick<T, K extends keyof T>(from: T, names: readonly K[]): Pick<T, K> {
  const picked: Partial<T> = {};
  for (const name of names) if (from[name] !== undefined) picked[name] = from[name];
  return picked as Pick<T, K>;
}
