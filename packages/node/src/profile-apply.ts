import type { ModelId } from '@meshferry/access';
import {
  addNodeAppKey,
  addNodeNetKey,
  hexNumber,
  type NetworkDocument,
  type NodeEntry,
  octetsOf,
  requireAppKey,
  requireNetKey,
  requireNode,
  updateNode,
} from '@meshferry/cdb';
import { type AppIndex, formatAddress, MeshError, type NetIndex, type Unicast } from '@meshferry/core';
import type { RequestOptions } from '@meshferry/foundation';
import type { MeshNetwork } from './mesh-network.ts';
import { keysOfProfile, type NodeProfile } from './profile.ts';
import { applyModel, elementsWith } from './profile-models.ts';
import { applyStates } from './profile-states.ts';

/** What configuring needs besides the profile. */
export interface ConfigureOptions {
  /** How long a node is asked. */
  readonly request?: RequestOptions;
  /** Told each thing that was changed, in words, once the node has confirmed it. */
  readonly onChange?: (change: string) => void;
  /** Asks the node what it is made of, even when the document knows. Default false. */
  readonly refreshComposition?: boolean;
}

/** One node being configured; what the node confirms is in the document at once. */
export interface Configuring {
  readonly network: MeshNetwork;
  readonly address: Unicast;
  readonly options: RequestOptions | undefined;
  /** Something was changed. */
  changed(what: string): void;
}

/**
 * Makes a node what a profile says: reads its states, changes those that differ, and writes what it confirms into the
 * document. May be repeated: then nothing changes. Gives what was changed, in words.
 *
 * Rejects with `unknown-node`, `unknown-appkey`, `unknown-netkey` and `unknown-model` for what the profile names and is not
 * there (before anything is sent), `feature-not-supported`, `config-status` when the node refuses, `no-response`.
 */
export async function configureNode(
  network: MeshNetwork,
  address: Unicast,
  profile: NodeProfile,
  options: ConfigureOptions = {},
): Promise<readonly string[]> {
  const { appKeys, netKeys } = keysOfProfile(profile);
  requireNode(network.document, address);
  requireKeysOfProfile(network.document, profile);
  const changes: string[] = [];
  const at: Configuring = {
    network,
    address,
    options: options.request,
    changed: (what) => {
      changes.push(what);
      options.onChange?.(what);
    },
  };
  const known = requireNode(network.document, address);
  if (known.cid === undefined || options.refreshComposition === true) {
    await network.readComposition(address, options.request);
  }
  for (const { model, element } of profile.models ?? []) requireModelOn(network, address, model, element);
  await applyStates(at, profile);
  await applyKeys(at, netKeys, appKeys);
  for (const model of profile.models ?? []) {
    const node = requireNode(network.document, address);
    for (const element of elementsWith(node, model)) await applyModel(at, model, element);
  }
  network.change(updateNode(network.document, address, { configComplete: true }));
  return changes;
}

/** Throws `unknown-appkey` or `unknown-netkey` for a key that the profile names and the network does not have. */
export function requireKeysOfProfile(document: NetworkDocument, profile: NodeProfile): void {
  const { appKeys, netKeys } = keysOfProfile(profile);
  for (const index of appKeys) requireAppKey(document, index);
  for (const index of netKeys) requireNetKey(document, index);
}

/** NetKeys of the profile and those of its AppKeys, then the AppKeys; keys that the node has besides stay. */
async function applyKeys(at: Configuring, netKeys: readonly NetIndex[], appKeys: readonly AppIndex[]): Promise<void> {
  const { network, address } = at;
  const { keys } = network.configuration;
  const bound = appKeys.map((index) => requireAppKey(network.document, index).boundNetKey);
  const subnets = [...new Set([...netKeys, ...bound])].sort((a, b) => a - b);
  if (subnets.length === 0) return;
  const present = await keys.netKeyGet(network.to(address), at.options);
  for (const index of subnets) {
    const { value, updated } = valueToGive(at, index, requireNetKey(network.document, index));
    if (!present.includes(index)) {
      await keys.netKeyAdd(network.to(address), index, value, at.options);
      at.changed(`NetKey ${index} added`);
    }
    const listed = requireNode(network.document, address).netKeys.some((key) => key.index === index);
    if (!listed || !present.includes(index)) {
      network.change(addNodeNetKey(network.document, address, index, updated));
    }
  }
  for (const netIndex of new Set(bound)) {
    const there = await keys.appKeyGet(network.to(address), netIndex, at.options);
    for (const index of appKeys) {
      const entry = requireAppKey(network.document, index);
      if (entry.boundNetKey !== netIndex) continue;
      const { value, updated } = valueToGive(at, netIndex, entry);
      if (!there.includes(index)) {
        await keys.appKeyAdd(network.to(address), netIndex, index, value, at.options);
        at.changed(`AppKey ${index} added`);
      }
      const listed = requireNode(network.document, address).appKeys.some((key) => key.index === index);
      if (!listed || !there.includes(index)) {
        network.change(addNodeAppKey(network.document, address, index, updated));
      }
    }
  }
}

/** In phase 1 of a Key Refresh the old value, which the refresh will renew; from phase 2 on the new one. */
function valueToGive(
  { network }: Configuring,
  netIndex: NetIndex,
  { key, oldKey }: { readonly key: string; readonly oldKey?: string },
): { readonly value: Uint8Array; readonly updated: boolean } {
  const { phase } = requireNetKey(network.document, netIndex);
  const old = phase === 1 && oldKey !== undefined;
  return { value: octetsOf(old ? oldKey : key), updated: phase === 2 };
}

function requireModelOn(network: MeshNetwork, address: Unicast, model: ModelId, element: number | undefined): void {
  const node = requireNode(network.document, address);
  if (elementsWith(node, { model, ...(element !== undefined && { element }) }).length > 0) return;
  const where = element === undefined ? '' : ` on element ${element}`;
  const id = `0x${model.toString(16).padStart(model > 0xffff ? 8 : 4, '0')}`;
  throw new MeshError('unknown-model', `the node at ${formatAddress(address)} has no model ${id}${where}`, {
    hint: `It has ${modelsOf(node)}. Leave the model out of the profile, or name another node.`,
  });
}

function modelsOf({ elements, unicastAddress }: NodeEntry): string {
  const first = hexNumber(unicastAddress);
  return elements
    .map(({ index, models }) => `${formatAddress(first + index)}: ${models.map(({ modelId }) => modelId).join(' ')}`)
    .join('; ');
}
