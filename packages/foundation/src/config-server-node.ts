import { ConfigCompositionDataGet, ConfigCompositionDataStatus, type Context, Feature } from '@meshferry/access';
import type { Transmit } from '@meshferry/bearer';
import type { Unicast } from '@meshferry/core';
import {
  ConfigBeaconGet,
  ConfigBeaconSet,
  ConfigBeaconStatus,
  ConfigDefaultTtlGet,
  ConfigDefaultTtlSet,
  ConfigDefaultTtlStatus,
  ConfigFriendGet,
  ConfigFriendSet,
  ConfigFriendStatus,
  ConfigGattProxyGet,
  ConfigGattProxySet,
  ConfigGattProxyStatus,
  ConfigLowPowerNodePollTimeoutGet,
  ConfigLowPowerNodePollTimeoutStatus,
  ConfigNetworkTransmitGet,
  ConfigNetworkTransmitSet,
  ConfigNetworkTransmitStatus,
  ConfigNodeReset,
  ConfigNodeResetStatus,
  ConfigRelayGet,
  ConfigRelaySet,
  ConfigRelayStatus,
} from './config-node-messages.ts';
import { type ConfigurationGround, statusOf } from './config-server-ground.ts';
import type { FoundationHost } from './host.ts';

/** Octets of a page that a Config Composition Data Status has room for. */
const PAGE_ROOM = 378;

const OFF = 0;
const ON = 1;
const NOT_SUPPORTED = 2;

/** PollTimeout is counted in such steps, ms; the shortest of a friendship is 10 of them. */
const POLL_STEP_MS = 100;
const SHORTEST_POLL_STEPS = 0x0a;

/**
 * States of the node as a whole [Mesh Protocol 1.1, 4.4.1.2]. Their Status messages have no status code: when the store
 * refuses a change they show that the state is as it was.
 */
export function serveNodeStates({ model, host }: ConfigurationGround): void {
  model.handle(ConfigCompositionDataGet, ({ page }, context) => {
    model.reply(context, ConfigCompositionDataStatus, host().access.compositionPage(page, PAGE_ROOM));
  });

  const tellBeacon = (context: Context) =>
    model.reply(context, ConfigBeaconStatus, { beacon: host().network.beacons.secureNetwork ? ON : OFF });
  model.handle(ConfigBeaconGet, (_, context) => tellBeacon(context));
  model.handle(ConfigBeaconSet, ({ beacon }, context) => {
    statusOf(() => {
      host().network.beacons.secureNetwork = beacon === ON;
    });
    tellBeacon(context);
  });

  const tellTtl = (context: Context) =>
    model.reply(context, ConfigDefaultTtlStatus, { ttl: host().network.defaultTtl });
  model.handle(ConfigDefaultTtlGet, (_, context) => tellTtl(context));
  model.handle(ConfigDefaultTtlSet, ({ ttl }, context) => {
    statusOf(() => {
      host().network.defaultTtl = ttl;
    });
    tellTtl(context);
  });

  const tellTransmit = (context: Context) =>
    model.reply(context, ConfigNetworkTransmitStatus, toSteps(host().network.transmit));
  model.handle(ConfigNetworkTransmitGet, (_, context) => tellTransmit(context));
  model.handle(ConfigNetworkTransmitSet, (transmit, context) => {
    statusOf(() => {
      host().network.transmit = ofSteps(transmit);
    });
    tellTransmit(context);
  });

  let resetting = false;
  model.handle(ConfigNodeReset, (_, context) => {
    if (resetting) return;
    resetting = true;
    // Only when the Status has left, or cannot leave any more [4.4.1.2.12].
    model.reply(context, ConfigNodeResetStatus, {}, {}, () => {
      resetting = false;
      host().reset();
    });
  });
}

/** The features that a node supports or not [4.4.1.2]. */
export function serveFeatures({ model, host }: ConfigurationGround): void {
  const tellRelay = (context: Context) => model.reply(context, ConfigRelayStatus, relayOf(host()));
  model.handle(ConfigRelayGet, (_, context) => tellRelay(context));
  model.handle(ConfigRelaySet, ({ relay, ...retransmit }, context) => {
    const { network } = host();
    if (isRelaySupported(host())) statusOf(() => network.setRelay(relay === ON, ofSteps(retransmit)));
    tellRelay(context);
  });

  const tellProxy = (context: Context) =>
    model.reply(context, ConfigGattProxyStatus, { gattProxy: gattProxyOf(host()) });
  model.handle(ConfigGattProxyGet, (_, context) => tellProxy(context));
  model.handle(ConfigGattProxySet, ({ gattProxy }, context) => {
    const { states } = host().network.proxy;
    // Clients of the proxy are kept until the Status has reached them.
    if (isProxySupported(host())) {
      statusOf(() => {
        states.gattProxy = gattProxy === ON;
      });
    }
    tellProxy(context);
  });

  const tellFriend = (context: Context) => model.reply(context, ConfigFriendStatus, { friend: friendOf(host()) });
  model.handle(ConfigFriendGet, (_, context) => tellFriend(context));
  model.handle(ConfigFriendSet, ({ friend }, context) => {
    const { network } = host();
    statusOf(() => {
      if (network.friend !== undefined) network.friend.enabled = friend === ON;
    });
    tellFriend(context);
  });

  model.handle(ConfigLowPowerNodePollTimeoutGet, ({ lpnAddress }, context) => {
    const pollTimeout = pollTimeoutOf(host(), lpnAddress);
    model.reply(context, ConfigLowPowerNodePollTimeoutStatus, { lpnAddress, pollTimeout });
  });
}

/** Whether the node has the GATT Proxy feature, and with it Node Identity. */
export function isProxySupported({ access, network }: FoundationHost): boolean {
  return (access.identity.features & Feature.proxy) !== 0 || network.proxy.states.gattProxy;
}

function isRelaySupported({ access, network }: FoundationHost): boolean {
  return (access.identity.features & Feature.relay) !== 0 || network.relay !== false;
}

function relayOf(host: FoundationHost): { relay: number; count: number; intervalSteps: number } {
  if (!isRelaySupported(host)) return { relay: NOT_SUPPORTED, count: 0, intervalSteps: 0 };
  const { relay, relayRetransmit } = host.network;
  return { relay: relay === false ? OFF : ON, ...toSteps(relayRetransmit) };
}

function gattProxyOf(host: FoundationHost): number {
  if (!isProxySupported(host)) return NOT_SUPPORTED;
  return host.network.proxy.states.gattProxy ? ON : OFF;
}

function friendOf({ network: { friend } }: FoundationHost): number {
  if (friend === undefined) return NOT_SUPPORTED;
  return friend.enabled ? ON : OFF;
}

/** In steps of 100 ms; 0 when there is no friendship. */
function pollTimeoutOf({ network }: FoundationHost, lpn: Unicast): number {
  const leftMs = network.friend?.pollTimeoutLeftMs(lpn) ?? 0;
  return leftMs === 0 ? 0 : Math.max(SHORTEST_POLL_STEPS, Math.ceil(leftMs / POLL_STEP_MS));
}

function ofSteps({ count, intervalSteps }: { count: number; intervalSteps: number }): Transmit {
  return { count: count + 1, intervalMs: 10 * (intervalSteps + 1) };
}

/** An application may have chosen what no message can tell: the nearest that one can. */
function toSteps({ count, intervalMs }: Transmit): { count: number; intervalSteps: number } {
  const intervalSteps = Math.round(intervalMs / 10) - 1;
  return { count: Math.min(7, Math.max(0, count - 1)), intervalSteps: Math.min(31, Math.max(0, intervalSteps)) };
}
