import type { Transmit } from '@meshferry/bearer';
import {
  type AppIndex,
  type Clock,
  type Log,
  MeshError,
  type NetIndex,
  type Random,
  type Store,
  type Unicast,
} from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import type { NetworkHost, SarReceiver, SarTransmitter } from './contract.ts';
import type { FriendLimits } from './friend-limits.ts';
import type { LowPowerSettings } from './low-power-settings.ts';

/**
 * What a `NetworkLayer` is made of. IV Index, keys and states are those to begin with: what was changed at run time is in
 * the store and counts more.
 */
export interface NetworkLayerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: CryptoProvider;
  /** A view of its own: sequence numbers, IV Index and replay list live there. */
  readonly store: Store;
  readonly log?: Log;
  readonly host: NetworkHost;
  /** The primary element; the others follow it. */
  readonly address: Unicast;
  /** Number of elements, 1 or more. */
  readonly elements: number;
  /** Of provisioning; after a refresh that in the store counts more. */
  readonly deviceKey: Uint8Array;
  /** The IV Index to start with when the store has none yet. Default 0. */
  readonly ivIndex?: number;
  /** The IV Update Flag that provisioning gave with it. Default false. */
  readonly ivUpdating?: boolean;
  /** The keys to start with when the store has none yet; what was added, renewed or removed since then is in the store. */
  readonly netKeys?: readonly InitialNetKey[];
  readonly appKeys?: readonly InitialAppKey[];
  /** 0 or 2 to 127. Default 5. */
  readonly defaultTtl?: number;
  /** Network Transmit. Default 3 × 20 ms. */
  readonly transmit?: Transmit;
  /** Relay Retransmit, or false: this node is no relay. Default false. */
  readonly relay?: Transmit | false;
  /** The node receives, and sends when asked to, with directed credentials. It finds no paths of its own. Default false. */
  readonly directed?: boolean;
  /** Secure Network Beacon: the node sends Secure Network beacons on its subnets. Default false. */
  readonly beacon?: boolean;
  /** Private Beacon, the same for Mesh Private beacons, and their Random Update Interval (default 60 × 10 s). Default false. */
  readonly privateBeacon?: boolean | { readonly randomUpdateIntervalSteps: number };
  /** GATT Proxy: the node is a Proxy Server. Default false. */
  readonly gattProxy?: boolean;
  /** Private GATT Proxy: the same in private; not together with GATT Proxy. Default false. */
  readonly privateGattProxy?: boolean;
  /** On-Demand Private GATT Proxy: seconds for which the node is a private proxy after a solicitation. Default 0: never. */
  readonly onDemandPrivateGattProxy?: number;
  /** The Friend feature and its limits: the node keeps messages for Low Power nodes. Default false: not supported. */
  readonly friend?: boolean | Partial<FriendLimits>;
  /** The Low Power feature and how it behaves; not together with Friend. Default false: a node that always listens. */
  readonly lowPower?: boolean | Partial<LowPowerSettings>;
  readonly sarTransmitter?: Partial<SarTransmitter>;
  readonly sarReceiver?: Partial<SarReceiver>;
  readonly limits?: NetworkLimits;
  /** Share of the air at most while messages of priority `bulk` are sent, see `NetworkLayer.airtime`. Default: no limit. */
  readonly airtime?: number;
}

/** A NetKey as provisioning gives it. */
export interface InitialNetKey {
  readonly index: NetIndex;
  /** 16 octets. */
  readonly key: Uint8Array;
  /** Key Refresh Flag of the provisioning data: Phase 2. Default false. */
  readonly keyRefresh?: boolean;
}

/** An AppKey and the NetKey that it is bound to. */
export interface InitialAppKey {
  readonly index: AppIndex;
  readonly netIndex: NetIndex;
  /** 16 octets. */
  readonly key: Uint8Array;
}

/** How much a node holds at most. */
export interface NetworkLimits {
  /** Segments of an incoming message, 1 to 32. Default 32. */
  readonly segments?: number;
  /** Incoming segmented messages being put together, in all. Default 64. */
  readonly incoming?: number;
  /** The same of one source. Default 8. */
  readonly incomingPerSource?: number;
  /** Outgoing segmented messages at a time, to different destinations. Default 4. */
  readonly outgoingParallel?: number;
  /** Sources in the replay protection list (CRPL). Default: all 32767 there can be. */
  readonly rplEntries?: number;
  /** Messages in the network message cache. Default 256. */
  readonly cacheEntries?: number;
  /** Addresses in the filter of a proxy client. Default 64. */
  readonly proxyFilter?: number;
  /** Entries of the Bridging Table, 16 to 65535. Default 256. */
  readonly bridgingTable?: number;
  /** Clients in the replay protection list of solicitations. Default 64. */
  readonly solicitationEntries?: number;
}

/** Throws `bad-field` for what cannot be an On-Demand Private GATT Proxy state. */
export function checkOnDemand(seconds: number): number {
  if (Number.isInteger(seconds) && seconds >= 0 && seconds <= 255) return seconds;
  throw new MeshError('bad-field', `On-Demand Private GATT Proxy ${seconds}`, { hint: 'Give 0 to 255 seconds.' });
}

/** Default of Network Transmit: each PDU three times, 20 ms apart. */
export const DEFAULT_TRANSMIT: Transmit = { count: 3, intervalMs: 20 };
/** PDUs whose exact copies are recognised: some more than the copies of one PDU that can lie between two. */
export const FILTER_ENTRIES = 32;

/** Throws `bad-field` for what cannot be a Default TTL. */
export function checkTtl(ttl: number): number {
  if (Number.isInteger(ttl) && ttl >= 0 && ttl <= 127 && ttl !== 1) return ttl;
  throw new MeshError('bad-field', `Default TTL ${ttl}`, { hint: 'Give 0 or 2 to 127.' });
}
