import {
  type AppKeyEntry,
  hexNumber,
  type KeyHex,
  type ModelEntry,
  type NetKeyEntry,
  type NetworkDocument,
  type NodeEntry,
  nodeRange,
  uuidText,
} from '@meshferry/cdb';
import { formatAddress } from '@meshferry/core';
import type { NetworkState, PendingNode } from '@meshferry/node';
import type { Shell } from '../shell/shell.ts';

/* Networks, keys and nodes as JSON for programs. Keys are left out unless they are wanted. */

type Json = Readonly<Record<string, unknown>>;

/** A network as a whole. */
export function describeNetwork(shell: Shell, { document, own, pending }: NetworkState): Json {
  const node = document.nodes.find(({ UUID }) => UUID === own?.uuid);
  return {
    name: document.meshName,
    uuid: deviceText(document.meshUUID),
    timestamp: document.timestamp,
    partial: document.partial === true,
    own:
      node === undefined
        ? null
        : { uuid: deviceText(node.UUID), address: addressText(node.unicastAddress), name: node.name },
    provisioners: document.provisioners.map(({ provisionerName, UUID, allocatedUnicastRange }) => ({
      name: provisionerName,
      uuid: deviceText(UUID),
      unicast: allocatedUnicastRange.map((range) => [range.lowAddress, range.highAddress].map(addressText)),
    })),
    ...describeKeys(shell, document),
    nodes: document.nodes.map((one) => describeNode(shell, one)),
    groups: document.groups.map(({ name, address }) => ({ name, address: addressText(address) })),
    excluded: (document.networkExclusions ?? []).flatMap(({ addresses }) => addresses.map(addressText)),
    pending: pending.uncertain.map(describePending),
  };
}

/** NetKeys and AppKeys. */
export function describeKeys(shell: Shell, { netKeys, appKeys }: NetworkDocument): Json {
  const values = (entry: { readonly key: KeyHex; readonly oldKey?: KeyHex }): Json =>
    shell.showKeys ? { key: entry.key.toLowerCase(), oldKey: entry.oldKey?.toLowerCase() ?? null } : {};
  return {
    netKeys: netKeys.map((entry: NetKeyEntry) => ({
      index: entry.index,
      name: entry.name,
      phase: entry.phase,
      ...values(entry),
    })),
    appKeys: appKeys.map((entry: AppKeyEntry) => ({
      index: entry.index,
      name: entry.name,
      netKey: entry.boundNetKey,
      ...values(entry),
    })),
  };
}

/** A node with all that is known of it. */
export function describeNode(shell: Shell, node: NodeEntry): Json {
  const { address, count } = nodeRange(node);
  return {
    address: formatAddress(address),
    name: node.name ?? null,
    uuid: deviceText(node.UUID),
    elementCount: count,
    configured: node.configComplete,
    excluded: node.excluded,
    security: node.security,
    company: node.cid === undefined ? null : `0x${node.cid.toLowerCase()}`,
    product: node.pid === undefined ? null : `0x${node.pid.toLowerCase()}`,
    version: node.vid === undefined ? null : `0x${node.vid.toLowerCase()}`,
    features: node.features ?? {},
    defaultTtl: node.defaultTTL ?? null,
    netKeys: node.netKeys.map(({ index }) => index),
    appKeys: node.appKeys.map(({ index }) => index),
    ...(shell.showKeys && { deviceKey: node.deviceKey?.toLowerCase() ?? null }),
    elements: node.elements.map(({ index, name, location, models }) => ({
      address: formatAddress(address + index),
      name: name ?? null,
      location: `0x${location.toLowerCase()}`,
      models: models.map(describeModel),
    })),
  };
}

/** A device of which it is not known whether it became a node. */
export function describePending({ uuid, address, elements, name }: PendingNode): Json {
  return { uuid: deviceText(uuid), name: name ?? null, address: formatAddress(address), elementCount: elements };
}

/** A UUID in the one form that all commands print, and take. */
export function deviceText(uuid: Uint8Array | string): string {
  return uuidText(uuid).toLowerCase();
}

/** `0x0005` from `0005`; a label as it is, in lower case. */
export function addressText(text: string): string {
  return text.length === 4 ? formatAddress(hexNumber(text)) : text.toLowerCase();
}

function describeModel({ modelId, bind, subscribe, publish }: ModelEntry): Json {
  return {
    id: `0x${modelId.toLowerCase()}`,
    bind,
    subscribe: subscribe.map(addressText),
    publish:
      publish === undefined
        ? null
        : {
            to: addressText(publish.address),
            appKey: publish.index,
            ttl: publish.ttl,
            periodMs: publish.period.numberOfSteps * publish.period.resolution,
          },
  };
}
