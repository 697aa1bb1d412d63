import type { MessageOf, MessageType } from '@meshferry/access';
import type { NetIndex } from '@meshferry/core';
import type { ClientRequests, RequestOptions, RequestTarget } from './client-request.ts';
import { succeeded } from './client-status.ts';
import { type FeatureState, featureOf } from './config-client-node.ts';
import {
  DirectedControlGet,
  DirectedControlSet,
  DirectedControlStatus,
  DiscoveryTableCapabilitiesGet,
  DiscoveryTableCapabilitiesSet,
  DiscoveryTableCapabilitiesStatus,
  PathDiscoveryTimingControlGet,
  PathDiscoveryTimingControlSet,
  PathDiscoveryTimingControlStatus,
  PathEchoIntervalGet,
  PathEchoIntervalSet,
  PathEchoIntervalStatus,
  PathMetricGet,
  PathMetricSet,
  PathMetricStatus,
  TwoWayPathGet,
  TwoWayPathSet,
  TwoWayPathStatus,
  WantedLanesGet,
  WantedLanesSet,
  WantedLanesStatus,
} from './directed-path-messages.ts';

/** Directed Control of a subnet. `proxyUseDefault` is `not-supported` also while it does not apply, without `proxy`. */
export interface DirectedControlState {
  readonly forwarding: FeatureState;
  readonly relay: FeatureState;
  readonly proxy: FeatureState;
  readonly proxyUseDefault: FeatureState;
  readonly friend: FeatureState;
}

/** What is to be changed of it. The last three stay as they are when absent. */
export interface DirectedControlChange {
  readonly forwarding: boolean;
  readonly relay: boolean;
  readonly proxy?: boolean;
  readonly proxyUseDefault?: boolean;
  readonly friend?: boolean;
}

type InSubnet = { readonly netKeyIndex: NetIndex };
type Status = InSubnet & { readonly status: number };

const AS_IT_IS = 0xff;

/** Procedures for the subnets of a node; see `DirectedForwardingConfigurationClient`. */
export class DirectedPaths {
  readonly #requests: ClientRequests;

  constructor(requests: ClientRequests) {
    this.#requests = requests;
  }

  async controlGet(to: RequestTarget, netKeyIndex: NetIndex, options?: RequestOptions): Promise<DirectedControlState> {
    return controlOf(await this.#ask(DirectedControlGet, { netKeyIndex }, DirectedControlStatus, to, options));
  }

  async controlSet(
    to: RequestTarget,
    netKeyIndex: NetIndex,
    change: DirectedControlChange,
    options?: RequestOptions,
  ): Promise<DirectedControlState> {
    const value = {
      netKeyIndex,
      forwarding: Number(change.forwarding),
      relay: Number(change.relay),
      proxy: changeOf(change.proxy),
      proxyUseDefault: changeOf(change.proxyUseDefault),
      friend: changeOf(change.friend),
    };
    return controlOf(await this.#ask(DirectedControlSet, value, DirectedControlStatus, to, options));
  }

  metricGet(
    to: RequestTarget,
    netKeyIndex: NetIndex,
    options?: RequestOptions,
  ): Promise<MessageOf<typeof PathMetricStatus>> {
    return this.#ask(PathMetricGet, { netKeyIndex }, PathMetricStatus, to, options);
  }

  /** Lifetime 0: 12 min, 1: 2 h, 2: 24 h, 3: 10 days. */
  metricSet(
    to: RequestTarget,
    value: MessageOf<typeof PathMetricSet>,
    options?: RequestOptions,
  ): Promise<MessageOf<typeof PathMetricStatus>> {
    return this.#ask(PathMetricSet, value, PathMetricStatus, to, options);
  }

  discoveryTableCapabilitiesGet(
    to: RequestTarget,
    netKeyIndex: NetIndex,
    options?: RequestOptions,
  ): Promise<MessageOf<typeof DiscoveryTableCapabilitiesStatus>> {
    return this.#ask(DiscoveryTableCapabilitiesGet, { netKeyIndex }, DiscoveryTableCapabilitiesStatus, to, options);
  }

  /** How many paths the node may look for at a time, 1 to as many entries as the table has. */
  discoveryTableCapabilitiesSet(
    to: RequestTarget,
    value: MessageOf<typeof DiscoveryTableCapabilitiesSet>,
    options?: RequestOptions,
  ): Promise<MessageOf<typeof DiscoveryTableCapabilitiesStatus>> {
    return this.#ask(DiscoveryTableCapabilitiesSet, value, DiscoveryTableCapabilitiesStatus, to, options);
  }

  async wantedLanesGet(to: RequestTarget, netKeyIndex: NetIndex, options?: RequestOptions): Promise<number> {
    return (await this.#ask(WantedLanesGet, { netKeyIndex }, WantedLanesStatus, to, options)).wantedLanes;
  }

  async wantedLanesSet(
    to: RequestTarget,
    netKeyIndex: NetIndex,
    wantedLanes: number,
    options?: RequestOptions,
  ): Promise<number> {
    const value = { netKeyIndex, wantedLanes };
    return (await this.#ask(WantedLanesSet, value, WantedLanesStatus, to, options)).wantedLanes;
  }

  async twoWayPathGet(to: RequestTarget, netKeyIndex: NetIndex, options?: RequestOptions): Promise<boolean> {
    return (await this.#ask(TwoWayPathGet, { netKeyIndex }, TwoWayPathStatus, to, options)).twoWayPath === 1;
  }

  async twoWayPathSet(
    to: RequestTarget,
    netKeyIndex: NetIndex,
    twoWay: boolean,
    options?: RequestOptions,
  ): Promise<boolean> {
    const value = { netKeyIndex, twoWayPath: Number(twoWay) };
    return (await this.#ask(TwoWayPathSet, value, TwoWayPathStatus, to, options)).twoWayPath === 1;
  }

  /** Parts of the path lifetime, %; 0: no echoes. */
  echoIntervalGet(
    to: RequestTarget,
    netKeyIndex: NetIndex,
    options?: RequestOptions,
  ): Promise<MessageOf<typeof PathEchoIntervalStatus>> {
    return this.#ask(PathEchoIntervalGet, { netKeyIndex }, PathEchoIntervalStatus, to, options);
  }

  /** What is undefined stays as it is. */
  echoIntervalSet(
    to: RequestTarget,
    netKeyIndex: NetIndex,
    { unicast = AS_IT_IS, multicast = AS_IT_IS }: { readonly unicast?: number; readonly multicast?: number },
    options?: RequestOptions,
  ): Promise<MessageOf<typeof PathEchoIntervalStatus>> {
    return this.#ask(PathEchoIntervalSet, { netKeyIndex, unicast, multicast }, PathEchoIntervalStatus, to, options);
  }

  discoveryTimingGet(
    to: RequestTarget,
    options?: RequestOptions,
  ): Promise<MessageOf<typeof PathDiscoveryTimingControlStatus>> {
    const response = PathDiscoveryTimingControlStatus;
    return this.#requests.ask({ type: PathDiscoveryTimingControlGet, value: {}, response }, to, options);
  }

  /** Intervals in s; discovery 0: 5 s, 1: 30 s; lane guard 0: 2 s, 1: 10 s. */
  discoveryTimingSet(
    to: RequestTarget,
    value: MessageOf<typeof PathDiscoveryTimingControlSet>,
    options?: RequestOptions,
  ): Promise<MessageOf<typeof PathDiscoveryTimingControlStatus>> {
    const response = PathDiscoveryTimingControlStatus;
    return this.#requests.ask({ type: PathDiscoveryTimingControlSet, value, response }, to, options);
  }

  async #ask<T extends InSubnet, R extends Status>(
    type: MessageType<T>,
    value: T,
    response: MessageType<R>,
    to: RequestTarget,
    options: RequestOptions | undefined,
  ): Promise<R> {
    const matches = ({ netKeyIndex }: R) => netKeyIndex === value.netKeyIndex;
    const answer = await this.#requests.ask({ type, value, response, matches }, to, options);
    return succeeded(answer, `${type.name} of NetKey ${value.netKeyIndex}`, to);
  }
}

function changeOf(on: boolean | undefined): number {
  return on === undefined ? AS_IT_IS : Number(on);
}

function controlOf(status: Readonly<Record<keyof DirectedControlState, number>>): DirectedControlState {
  return {
    forwarding: featureOf(status.forwarding),
    relay: featureOf(status.relay),
    proxy: featureOf(status.proxy),
    proxyUseDefault: featureOf(status.proxyUseDefault),
    friend: featureOf(status.friend),
  };
}
