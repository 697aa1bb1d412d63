import type { ModelId } from '@meshferry/access';
import { encodeRecord, type NetIndex, readRecord, type Store, type Unicast, type Write } from '@meshferry/core';

/** The Directed Control states of a subnet, as they were set [Mesh Protocol 1.1, 4.2.27]. */
export interface DirectedControl {
  readonly forwarding: boolean;
  readonly relay: boolean;
  readonly proxy: boolean;
  readonly proxyUseDefault: boolean;
  readonly friend: boolean;
}

/** States that a node has for each of its subnets [4.2.27 to 4.2.33]. */
export interface DirectedSubnetStates {
  readonly control: DirectedControl;
  readonly pathMetricType: number;
  /** 0: 12 min, 1: 2 h, 2: 24 h, 3: 10 days. */
  readonly pathLifetime: number;
  readonly maxConcurrentInit: number;
  readonly wantedLanes: number;
  readonly twoWayPath: number;
  readonly echoUnicast: number;
  readonly echoMulticast: number;
}

/** `count` + 1 transmissions, (`intervalSteps` + 1) × 10 ms apart. */
export interface TransmitSteps {
  readonly count: number;
  readonly intervalSteps: number;
}

/** States that a node has once [4.2.34 to 4.2.40]. */
export interface DirectedNodeStates {
  readonly networkTransmit: TransmitSteps;
  readonly relayRetransmit: TransmitSteps;
  readonly controlNetworkTransmit: TransmitSteps;
  readonly controlRelayRetransmit: TransmitSteps;
  /** dB over the default RSSI threshold. */
  readonly rssiMargin: number;
  /** s. */
  readonly monitoringInterval: number;
  /** s. */
  readonly retryInterval: number;
  readonly discoveryInterval: number;
  readonly laneGuardInterval: number;
}

const OFF: DirectedControl = { forwarding: false, relay: false, proxy: false, proxyUseDefault: false, friend: false };

const SUBNET: DirectedSubnetStates = {
  control: OFF,
  pathMetricType: 0,
  pathLifetime: 2,
  maxConcurrentInit: 2,
  wantedLanes: 1,
  twoWayPath: 1,
  echoUnicast: 0,
  echoMulticast: 0,
};

const NODE: DirectedNodeStates = {
  networkTransmit: { count: 1, intervalSteps: 9 },
  relayRetransmit: { count: 2, intervalSteps: 9 },
  controlNetworkTransmit: { count: 1, intervalSteps: 9 },
  controlRelayRetransmit: { count: 2, intervalSteps: 9 },
  rssiMargin: 20,
  monitoringInterval: 120,
  retryInterval: 300,
  discoveryInterval: 1,
  laneGuardInterval: 1,
};

const SUBNET_PREFIX = 'subnet/';
const NODE_KEY = 'node';
const POLICY_PREFIX = 'policy/';

/** The states of a Directed Forwarding Configuration Server, durable when a change returns. */
export class DirectedStates {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The subnets whose states are not the defaults. */
  get subnets(): readonly NetIndex[] {
    return this.#store.keys(SUBNET_PREFIX).map((key) => Number.parseInt(key.slice(SUBNET_PREFIX.length), 16));
  }

  subnet(netIndex: NetIndex): DirectedSubnetStates {
    return { ...SUBNET, ...readRecord<DirectedSubnetStates>(this.#store, subnetKey(netIndex)) };
  }

  /** Throws `store-failed`; then nothing has changed. */
  changeSubnet(netIndex: NetIndex, changes: Partial<DirectedSubnetStates>): void {
    this.#store.batch([this.subnetWrite(netIndex, changes)]);
  }

  /** The change of the store for {@link changeSubnet}. */
  subnetWrite(netIndex: NetIndex, changes: Partial<DirectedSubnetStates>): Write {
    return [subnetKey(netIndex), encodeRecord({ ...this.subnet(netIndex), ...changes })];
  }

  get node(): DirectedNodeStates {
    return { ...NODE, ...readRecord<DirectedNodeStates>(this.#store, NODE_KEY) };
  }

  /** Throws `store-failed`; then nothing has changed. */
  changeNode(changes: Partial<DirectedNodeStates>): void {
    this.#store.batch([[NODE_KEY, encodeRecord({ ...this.node, ...changes })]]);
  }

  /** Directed Publish Policy of a model: 0 managed flooding, 1 directed forwarding. */
  publishPolicy(element: Unicast, model: ModelId): number {
    return this.#store.get(policyKey(element, model)) === undefined ? 0 : 1;
  }

  /** Throws `store-failed`. */
  setPublishPolicy(element: Unicast, model: ModelId, policy: number): void {
    this.#store.batch([[policyKey(element, model), policy === 0 ? null : Uint8Array.of(policy)]]);
  }

  /** Makes changes of several subnets at once. Throws `store-failed`; then nothing has changed. */
  commit(writes: readonly Write[]): void {
    if (writes.length > 0) this.#store.batch(writes);
  }
}

/** The record of a subnet under a prefix. */
export function recordOf(prefix: string, netIndex: NetIndex): string {
  return prefix + netIndex.toString(16).padStart(3, '0');
}

/** The change of the store that forgets the states of a subnet. */
export function forgetSubnet(netIndex: NetIndex): Write {
  return [subnetKey(netIndex), null];
}

function subnetKey(netIndex: NetIndex): string {
  return recordOf(SUBNET_PREFIX, netIndex);
}

function policyKey(element: Unicast, model: ModelId): string {
  return `${POLICY_PREFIX}${element.toString(16).padStart(4, '0')}/${model.toString(16).padStart(8, '0')}`;
}
