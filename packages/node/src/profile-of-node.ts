import {
  type AddressOrLabel,
  hexNumber,
  isLabel,
  type ModelEntry,
  modelIdNumber,
  type NodeEntry,
  octetsOf,
  type PublishEntry,
} from '@meshferry/cdb';
import type { Address } from '@meshferry/core';
import type { ModelProfile, NodeProfile, PublishProfile } from './profile.ts';

/**
 * How a node is configured as far as the document knows: what {@link configureNode} makes of it again when it has lost
 * that. Only models that are configured at all, and of the node's states those that the document has.
 */
export function profileOfNode(node: NodeEntry): NodeProfile {
  const { defaultTTL, networkTransmit, relayRetransmit, secureNetworkBeacon, features = {} } = node;
  return {
    ...(defaultTTL !== undefined && { defaultTtl: defaultTTL }),
    ...(networkTransmit && { networkTransmit: { count: networkTransmit.count, intervalMs: networkTransmit.interval } }),
    ...(features.relay === 1 &&
      relayRetransmit && { relay: { count: relayRetransmit.count, intervalMs: relayRetransmit.interval } }),
    ...(features.relay === 0 && { relay: false as const }),
    ...(secureNetworkBeacon !== undefined && { beacon: secureNetworkBeacon }),
    ...(features.proxy !== undefined && features.proxy !== 2 && { gattProxy: features.proxy === 1 }),
    ...(features.friend !== undefined && features.friend !== 2 && { friend: features.friend === 1 }),
    netKeys: node.netKeys.map(({ index }) => index),
    appKeys: node.appKeys.map(({ index }) => index),
    models: node.elements.flatMap(({ index, models }) =>
      models.filter(isConfigured).map((model) => modelProfile(index, model)),
    ),
  };
}

/** The part of a profile that a node with these elements can follow: models that it has not are left out. */
export function profileFor(node: NodeEntry, profile: NodeProfile): NodeProfile {
  const has = ({ model, element }: ModelProfile): boolean =>
    node.elements.some(
      ({ index, models }) => index === element && models.some(({ modelId }) => modelIdNumber(modelId) === model),
    );
  return { ...profile, models: (profile.models ?? []).filter(has) };
}

function isConfigured({ bind, subscribe, publish }: ModelEntry): boolean {
  return bind.length > 0 || subscribe.length > 0 || publish !== undefined;
}

function modelProfile(element: number, { modelId, bind, subscribe, publish }: ModelEntry): ModelProfile {
  return {
    model: modelIdNumber(modelId),
    element,
    bind,
    subscribe: subscribe.map(destination),
    ...(publish && { publish: publishProfile(publish) }),
  };
}

function publishProfile({ address, index, ttl, period, credentials, retransmit }: PublishEntry): PublishProfile {
  return {
    to: destination(address),
    appKey: index,
    ttl,
    friendship: credentials === 1,
    periodMs: period.numberOfSteps * period.resolution,
    retransmit: { count: retransmit.count + 1, intervalMs: retransmit.interval },
  };
}

function destination(address: AddressOrLabel): Address | Uint8Array {
  return isLabel(address) ? octetsOf(address) : hexNumber(address);
}
