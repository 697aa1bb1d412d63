import type { Context, MessageType } from '@meshferry/access';
import type { NetIndex } from '@meshferry/core';
import { statusOf } from './config-server-ground.ts';
import type { DirectedGround } from './directed-forwarding-configuration-server.ts';
import { statusOfSubnet } from './directed-forwarding-configuration-server-control.ts';
import type { DirectedSubnetStates } from './directed-forwarding-configuration-server-states.ts';
import {
  DiscoveryTableCapabilitiesGet,
  DiscoveryTableCapabilitiesSet,
  DiscoveryTableCapabilitiesStatus,
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
import { ConfigurationStatus } from './status-codes.ts';

/** A state of a subnet as its messages have it. */
interface SubnetState<S, V> {
  readonly get: MessageType<{ netKeyIndex: NetIndex }>;
  readonly set: MessageType<S & { netKeyIndex: NetIndex }>;
  readonly status: MessageType<V & { status: number; netKeyIndex: NetIndex }>;
  read(states: DirectedSubnetStates): V;
  /** What changes, or the status that says why nothing can. */
  change(wanted: S): Partial<DirectedSubnetStates> | number;
}

/** How paths of a subnet are made [Mesh Protocol 1.1, 4.4.7]. Of a subnet that is not known the Status shows zeros. */
export function servePaths(ground: DirectedGround): void {
  serve(ground, {
    get: PathMetricGet,
    set: PathMetricSet,
    status: PathMetricStatus,
    read: ({ pathMetricType, pathLifetime }) => ({ pathMetricType, pathLifetime }),
    change: ({ pathMetricType, pathLifetime }) => ({ pathMetricType, pathLifetime }),
  });
  serve(ground, {
    get: DiscoveryTableCapabilitiesGet,
    set: DiscoveryTableCapabilitiesSet,
    status: DiscoveryTableCapabilitiesStatus,
    read: ({ maxConcurrentInit }) => ({ maxConcurrentInit, maxEntries: ground.discoveryEntries }),
    change: ({ maxConcurrentInit }) =>
      maxConcurrentInit > ground.discoveryEntries ? ConfigurationStatus.cannotSet : { maxConcurrentInit },
  });
  serve(ground, {
    get: WantedLanesGet,
    set: WantedLanesSet,
    status: WantedLanesStatus,
    read: ({ wantedLanes }) => ({ wantedLanes }),
    change: ({ wantedLanes }) => ({ wantedLanes }),
  });
  serve(ground, {
    get: TwoWayPathGet,
    set: TwoWayPathSet,
    status: TwoWayPathStatus,
    read: ({ twoWayPath }) => ({ twoWayPath }),
    change: ({ twoWayPath }) => ({ twoWayPath }),
  });
  serve(ground, {
    get: PathEchoIntervalGet,
    set: PathEchoIntervalSet,
    status: PathEchoIntervalStatus,
    read: ({ echoUnicast, echoMulticast }) => ({ unicast: echoUnicast, multicast: echoMulticast }),
    change: ({ unicast, multicast }) => ({
      ...(unicast !== AS_IT_IS && { echoUnicast: unicast }),
      ...(multicast !== AS_IT_IS && { echoMulticast: multicast }),
    }),
  });
}

const AS_IT_IS = 0xff;

function serve<S, V extends object>(ground: DirectedGround, state: SubnetState<S, V>): void {
  const { model, states } = ground;
  const tell = (context: Context, netKeyIndex: NetIndex, status: number): void => {
    const value = state.read(states.subnet(netKeyIndex));
    const shown = status === ConfigurationStatus.invalidNetKeyIndex ? zeros(value) : value;
    model.reply(context, state.status, { ...shown, status, netKeyIndex });
  };
  model.handle(state.get, ({ netKeyIndex }, context) =>
    tell(context, netKeyIndex, statusOfSubnet(ground, netKeyIndex)),
  );
  model.handle(state.set, (wanted, context) => {
    const { netKeyIndex } = wanted;
    let status = statusOfSubnet(ground, netKeyIndex);
    if (status === ConfigurationStatus.success) {
      const change = state.change(wanted);
      status = typeof change === 'number' ? change : statusOf(() => states.changeSubnet(netKeyIndex, change));
    }
    tell(context, netKeyIndex, status);
  });
}

function zeros<V extends object>(value: V): V {
  return Object.fromEntries(Object.keys(value).map((name) => [name, 0])) as V;
}
