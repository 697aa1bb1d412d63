import type { Context } from '@meshferry/access';
import { addressKind, isUnicast, UNASSIGNED } from '@meshferry/core';
import {
  decodePublicationCountLog,
  encodePublicationCountLog,
  encodeSubscriptionCountLog,
  encodeSubscriptionPeriodLog,
  type HeartbeatSubscriptionState,
} from '@meshferry/network';
import {
  ConfigHeartbeatPublicationGet,
  ConfigHeartbeatPublicationSet,
  ConfigHeartbeatPublicationStatus,
  ConfigHeartbeatSubscriptionGet,
  ConfigHeartbeatSubscriptionSet,
  ConfigHeartbeatSubscriptionStatus,
} from './config-heartbeat-messages.ts';
import { type ConfigurationGround, statusOf } from './config-server-ground.ts';
import { ConfigurationStatus } from './status-codes.ts';

/** The Status of a Set waits 50 ms at most; the first Heartbeat comes behind it. */
const FIRST_HEARTBEAT_MS = 100;

/** Relay, Proxy, Friend, Low Power; the other bits are reserved. */
const KNOWN_FEATURES = 0x0f;

const NOTHING_HEARD: HeartbeatSubscriptionState = {
  source: UNASSIGNED,
  destination: UNASSIGNED,
  period: 0,
  count: 0,
  minHops: 0,
  maxHops: 0,
};

/** Heartbeats that the node sends and counts [Mesh Protocol 1.1, 4.4.1.2.15 and 4.4.1.2.16]. */
export function serveHeartbeats(ground: ConfigurationGround): void {
  servePublication(ground);
  serveSubscription(ground);
}

function servePublication({ model, host }: ConfigurationGround): void {
  const tell = (context: Context): void => {
    const { netIndex, count, ...state } = host().network.heartbeats.publication;
    const countLog = encodePublicationCountLog(count);
    const told = { status: ConfigurationStatus.success, ...state, countLog, netKeyIndex: netIndex };
    model.reply(context, ConfigHeartbeatPublicationStatus, told);
  };
  model.handle(ConfigHeartbeatPublicationGet, (_, context) => tell(context));
  model.handle(ConfigHeartbeatPublicationSet, (asked, context) => {
    const { keys, heartbeats } = host().network;
    const { destination, countLog, periodLog, ttl, features, netKeyIndex: netIndex } = asked;
    const count = decodePublicationCountLog(countLog) ?? 0;
    const state = { destination, count, periodLog, ttl, features: features & KNOWN_FEATURES, netIndex };
    const isKnown = keys.phase(netIndex) !== undefined;
    const status = isKnown
      ? statusOf(() => heartbeats.setPublication(state, FIRST_HEARTBEAT_MS))
      : ConfigurationStatus.invalidNetKeyIndex;
    if (status === ConfigurationStatus.success) tell(context);
    else model.reply(context, ConfigHeartbeatPublicationStatus, { status, ...asked });
  });
}

function serveSubscription({ model, host }: ConfigurationGround): void {
  const tell = (context: Context, state: HeartbeatSubscriptionState): void => {
    const { source, destination, period, count, minHops, maxHops } = state;
    model.reply(context, ConfigHeartbeatSubscriptionStatus, {
      status: ConfigurationStatus.success,
      source,
      destination,
      periodLog: encodeSubscriptionPeriodLog(period),
      countLog: encodeSubscriptionCountLog(count),
      minHops,
      maxHops,
    });
  };
  model.handle(ConfigHeartbeatSubscriptionGet, (_, context) => {
    const { subscription } = host().network.heartbeats;
    // What was found is told once, by the Status of the Set that ended it.
    tell(context, subscription.source === UNASSIGNED ? NOTHING_HEARD : subscription);
  });
  model.handle(ConfigHeartbeatSubscriptionSet, ({ source, destination, periodLog }, context) => {
    const { network } = host();
    const isSource = source === UNASSIGNED || isUnicast(source);
    const isGroup = addressKind(destination) === 'group';
    if (!isSource || (destination !== UNASSIGNED && destination !== network.address && !isGroup)) return;
    network.heartbeats.subscribe(source, destination, periodLog);
    tell(context, network.heartbeats.subscription);
  });
}
