import type { Context, MessageType } from '@meshferry/access';
import { findModel, statusOf } from './config-server-ground.ts';
import type { DirectedGround } from './directed-forwarding-configuration-server.ts';
import type { DirectedNodeStates } from './directed-forwarding-configuration-server-states.ts';
import {
  PathDiscoveryTimingControlGet,
  PathDiscoveryTimingControlSet,
  PathDiscoveryTimingControlStatus,
} from './directed-path-messages.ts';
import {
  DirectedControlNetworkTransmitGet,
  DirectedControlNetworkTransmitSet,
  DirectedControlNetworkTransmitStatus,
  DirectedControlRelayRetransmitGet,
  DirectedControlRelayRetransmitSet,
  DirectedControlRelayRetransmitStatus,
  DirectedNetworkTransmitGet,
  DirectedNetworkTransmitSet,
  DirectedNetworkTransmitStatus,
  DirectedPathsGet,
  DirectedPathsStatus,
  DirectedPublishPolicyGet,
  DirectedPublishPolicySet,
  DirectedPublishPolicyStatus,
  DirectedRelayRetransmitGet,
  DirectedRelayRetransmitSet,
  DirectedRelayRetransmitStatus,
  RssiThresholdGet,
  RssiThresholdSet,
  RssiThresholdStatus,
} from './directed-transmit-messages.ts';
import { ConfigurationStatus } from './status-codes.ts';

/** A state of the node as its messages have it. They have no status code: a change that failed shows what is. */
interface NodeState<S, V> {
  readonly get: MessageType<Record<never, never>>;
  readonly set: MessageType<S>;
  readonly status: MessageType<V>;
  read(states: DirectedNodeStates): V;
  change(wanted: S): Partial<DirectedNodeStates>;
}

/** How directed messages are sent and published, and how many paths the node can keep [Mesh Protocol 1.1, 4.4.7]. */
export function serveDirectedNode(ground: DirectedGround): void {
  serve(ground, {
    get: DirectedNetworkTransmitGet,
    set: DirectedNetworkTransmitSet,
    status: DirectedNetworkTransmitStatus,
    read: ({ networkTransmit }) => networkTransmit,
    change: (networkTransmit) => ({ networkTransmit }),
  });
  serve(ground, {
    get: DirectedRelayRetransmitGet,
    set: DirectedRelayRetransmitSet,
    status: DirectedRelayRetransmitStatus,
    read: ({ relayRetransmit }) => relayRetransmit,
    change: (relayRetransmit) => ({ relayRetransmit }),
  });
  serve(ground, {
    get: DirectedControlNetworkTransmitGet,
    set: DirectedControlNetworkTransmitSet,
    status: DirectedControlNetworkTransmitStatus,
    read: ({ controlNetworkTransmit }) => controlNetworkTransmit,
    change: (controlNetworkTransmit) => ({ controlNetworkTransmit }),
  });
  serve(ground, {
    get: DirectedControlRelayRetransmitGet,
    set: DirectedControlRelayRetransmitSet,
    status: DirectedControlRelayRetransmitStatus,
    read: ({ controlRelayRetransmit }) => controlRelayRetransmit,
    change: (controlRelayRetransmit) => ({ controlRelayRetransmit }),
  });
  serve(ground, {
    get: RssiThresholdGet,
    set: RssiThresholdSet,
    status: RssiThresholdStatus,
    read: ({ rssiMargin }) => ({ default: ground.rssiThreshold, margin: rssiMargin }),
    change: ({ margin }) => ({ rssiMargin: margin }),
  });
  serve(ground, {
    get: PathDiscoveryTimingControlGet,
    set: PathDiscoveryTimingControlSet,
    status: PathDiscoveryTimingControlStatus,
    read: ({ monitoringInterval, retryInterval, discoveryInterval, laneGuardInterval }) => ({
      monitoringInterval,
      retryInterval,
      discoveryInterval,
      laneGuardInterval,
    }),
    change: (timing) => timing,
  });
  servePathCounts(ground);
  servePublishPolicy(ground);
}

function serve<S, V>({ model, states }: DirectedGround, state: NodeState<S, V>): void {
  const tell = (context: Context) => model.reply(context, state.status, state.read(states.node));
  model.handle(state.get, (_, context) => tell(context));
  model.handle(state.set, (wanted, context) => {
    statusOf(() => states.changeNode(state.change(wanted)));
    tell(context);
  });
}

function servePathCounts({ model, supports, limits }: DirectedGround): void {
  const paths = (supported: boolean): number => (supported ? limits.paths : 0);
  model.handle(DirectedPathsGet, (_, context) =>
    model.reply(context, DirectedPathsStatus, {
      nodePaths: paths(supports.forwarding),
      relayPaths: paths(supports.relay),
      proxyPaths: paths(supports.proxy),
      friendPaths: paths(supports.friend),
    }),
  );
}

function servePublishPolicy({ model, states, supports, host }: DirectedGround): void {
  type Asked = { elementAddress: number; modelId: number };
  const statusOfModel = ({ elementAddress, modelId }: Asked): number => {
    const found = findModel(host(), elementAddress, modelId);
    return typeof found === 'number' ? found : ConfigurationStatus.success;
  };
  const tell = (context: Context, status: number, { elementAddress, modelId }: Asked): void => {
    const isKnown = status !== ConfigurationStatus.invalidAddress && status !== ConfigurationStatus.invalidModel;
    const publishPolicy = isKnown ? states.publishPolicy(elementAddress, modelId) : 0;
    model.reply(context, DirectedPublishPolicyStatus, { status, publishPolicy, elementAddress, modelId });
  };
  model.handle(DirectedPublishPolicyGet, (asked, context) => tell(context, statusOfModel(asked), asked));
  model.handle(DirectedPublishPolicySet, ({ publishPolicy, ...asked }, context) => {
    let status = statusOfModel(asked);
    if (status === ConfigurationStatus.success) {
      status =
        publishPolicy === 1 && !supports.forwarding
          ? ConfigurationStatus.featureNotSupported
          : statusOf(() => states.setPublishPolicy(asked.elementAddress, asked.modelId, publishPolicy));
    }
    tell(context, status, asked);
  });
}
