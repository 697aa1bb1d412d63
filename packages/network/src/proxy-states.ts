import type { Clock, NetIndex, Timer } from '@meshferry/core';
import type { BeaconKind } from './beacon-receiver.ts';
import type { NodeStates, NodeStateValues } from './node-states.ts';
import { checkOnDemand } from './options.ts';

export interface ProxyStatesOptions {
  readonly clock: Clock;
  readonly states: NodeStates;
  changed(): void;
}

/** Node Identity and Private Node Identity stop by themselves after this time, ms [Mesh Protocol 1.1, 7.2.2.2.3]. */
export const NODE_IDENTITY_MS = 60_000;

/** Whether one of the states that survive a restart makes the node a proxy. */
export function isProxy(values: NodeStateValues): boolean {
  return values.gattProxy || values.privateGattProxy || values.onDemandPrivateGattProxy > 0;
}

/**
 * The states that make a node a Proxy Server, and how they depend on each other [Mesh Protocol 1.1, 4.2.12, 4.2.13, 4.2.46
 * to 4.2.48]. GATT Proxy, Private GATT Proxy and On-Demand survive a restart, the identities do not.
 */
export class ProxyStates {
  readonly #options: ProxyStatesOptions;
  readonly #nodeIdentities = new Map<NetIndex, Timer>();
  readonly #privateNodeIdentities = new Map<NetIndex, Timer>();

  constructor(options: ProxyStatesOptions) {
    this.#options = options;
  }

  get gattProxy(): boolean {
    return this.#options.states.values.gattProxy;
  }

  /** Switched on, it switches Private GATT Proxy off. Throws `store-failed`. */
  set gattProxy(on: boolean) {
    this.#options.states.change({ gattProxy: on, ...(on ? { privateGattProxy: false } : {}) });
    this.#options.changed();
  }

  get privateGattProxy(): boolean {
    return this.#options.states.values.privateGattProxy;
  }

  /** Stays off as long as GATT Proxy is on. Throws `store-failed`. */
  set privateGattProxy(on: boolean) {
    if (on && this.gattProxy) return;
    this.#options.states.change({ privateGattProxy: on });
    this.#options.changed();
  }

  /** Seconds for which the node shows itself as a private proxy after a solicitation; 0: never. */
  get onDemandPrivateGattProxy(): number {
    return this.#options.states.values.onDemandPrivateGattProxy;
  }

  /** Throws `bad-field` unless 0 to 255, and `store-failed`. */
  set onDemandPrivateGattProxy(seconds: number) {
    this.#options.states.change({ onDemandPrivateGattProxy: checkOnDemand(seconds) });
    this.#options.changed();
  }

  /** Whether the node relays between GATT and advertising. */
  get enabled(): boolean {
    return isProxy(this.#options.states.values);
  }

  /** Whether some state lets clients connect. */
  get reachable(): boolean {
    return this.enabled || this.#nodeIdentities.size > 0 || this.#privateNodeIdentities.size > 0;
  }

  /** Whether solicitations are listened to [6.9]. */
  get solicitable(): boolean {
    return this.onDemandPrivateGattProxy > 0 && !this.gattProxy && !this.privateGattProxy;
  }

  /** The privacy parameter of a connection made now, as the kind of its beacons [6.7]. */
  get beaconKind(): BeaconKind {
    if (this.gattProxy || this.#nodeIdentities.size > 0 || !this.reachable) return 'secure-network';
    return 'mesh-private';
  }

  /** Node Identity of a subnet: running. */
  nodeIdentity(netIndex: NetIndex): boolean {
    return this.#nodeIdentities.has(netIndex);
  }

  /** Starts it, for 60 s from now, which stops the private ones of all subnets; or stops it. */
  setNodeIdentity(netIndex: NetIndex, running: boolean): void {
    if (running)
      for (const other of [...this.#privateNodeIdentities.keys()]) this.#stop(this.#privateNodeIdentities, other);
    this.#set(this.#nodeIdentities, netIndex, running);
  }

  /** Private Node Identity of a subnet: running. */
  privateNodeIdentity(netIndex: NetIndex): boolean {
    return this.#privateNodeIdentities.has(netIndex);
  }

  /** Starts it, for 60 s from now, or stops it. False (not started) while Node Identity runs in any subnet. */
  setPrivateNodeIdentity(netIndex: NetIndex, running: boolean): boolean {
    if (running && this.#nodeIdentities.size > 0) return false;
    this.#set(this.#privateNodeIdentities, netIndex, running);
    return true;
  }

  /** Its NetKey is gone. */
  netKeyRemoved(netIndex: NetIndex): void {
    this.#stop(this.#nodeIdentities, netIndex);
    this.#stop(this.#privateNodeIdentities, netIndex);
    this.#options.changed();
  }

  close(): void {
    for (const timers of [this.#nodeIdentities, this.#privateNodeIdentities]) {
      for (const netIndex of [...timers.keys()]) this.#stop(timers, netIndex);
    }
  }

  #set(timers: Map<NetIndex, Timer>, netIndex: NetIndex, running: boolean): void {
    this.#stop(timers, netIndex);
    if (running) {
      const end = () => {
        timers.delete(netIndex);
        this.#options.changed();
      };
      timers.set(netIndex, this.#options.clock.after(NODE_IDENTITY_MS, end));
    }
    this.#options.changed();
  }

  #stop(timers: Map<NetIndex, Timer>, netIndex: NetIndex): void {
    timers.get(netIndex)?.cancel();
    timers.delete(netIndex);
  }
}
