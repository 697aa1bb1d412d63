import type { NetIndex, Unicast } from '@meshferry/core';
import { change, mapped, refused } from './change.ts';
import { keyHex } from './forms.ts';
import { requireNetKey, withNetKey } from './keys.ts';
import type { KeyRefreshPhase, KeyState, NetworkDocument, NodeEntry, Timestamp } from './model.ts';
import { withNode } from './nodes.ts';

/** New keys for a subnet. */
export interface KeyRefreshStart {
  readonly netIndex: NetIndex;
  /** The new NetKey, 16 random octets. */
  readonly key: Uint8Array;
  /** New AppKeys of those bound to the NetKey, by index; those not named stay as they are. */
  readonly appKeys: ReadonlyMap<number, Uint8Array>;
  readonly timestamp: Timestamp;
}

/**
 * Phase 0 to 1 [Mesh Protocol 1.1, 3.11.4]: the new keys stand in `key`, those before in `oldKey`, and no node has them yet.
 * Throws `wrong-phase` unless the subnet is in phase 0, `unknown-appkey` for one that is not bound to the NetKey.
 */
export function beginKeyRefresh(document: NetworkDocument, start: KeyRefreshStart): NetworkDocument {
  const { netIndex, key, appKeys, timestamp } = start;
  requirePhase(document, netIndex, 0);
  for (const index of appKeys.keys()) {
    if (document.appKeys.some((one) => one.index === index && one.boundNetKey === netIndex)) continue;
    const hint = 'Give new keys for AppKeys that are bound to the NetKey.';
    throw refused('unknown-appkey', `no AppKey ${index} is bound to NetKey ${netIndex}`, hint);
  }
  const next = withNetKey(document, netIndex, (old) =>
    change(old, { key: keyHex(key), oldKey: old.key, phase: 1, timestamp }),
  );
  const renewed = mapped(next.appKeys, (old) => {
    const fresh = appKeys.get(old.index);
    return fresh === undefined ? old : change(old, { key: keyHex(fresh), oldKey: old.key });
  });
  const nodes = mapped(next.nodes, (node) => setUpdated(node, new Set([netIndex]), new Set(appKeys.keys()), false));
  return change(next, { appKeys: renewed, nodes });
}

/** Which new key a node has got. */
export type DeliveredKey = { readonly netKey: NetIndex } | { readonly appKey: number };

/** A node has answered that it has the new key. Throws `unknown-node`. */
export function markKeyUpdated(document: NetworkDocument, address: Unicast, delivered: DeliveredKey): NetworkDocument {
  const netKeys = new Set('netKey' in delivered ? [delivered.netKey] : []);
  const appKeys = new Set('appKey' in delivered ? [delivered.appKey] : []);
  return withNode(document, address, (node) => setUpdated(node, netKeys, appKeys, true));
}

/** Nodes of the subnet, those left out (`excluded`) apart, that have not got one of the new keys they should. */
export function nodesWithoutNewKeys(document: NetworkDocument, netIndex: NetIndex): readonly NodeEntry[] {
  const renewed = new Set(renewedAppKeys(document, netIndex));
  const lacks = ({ excluded, netKeys, appKeys }: NodeEntry): boolean =>
    !excluded &&
    netKeys.some((key) => key.index === netIndex) &&
    (netKeys.some((key) => key.index === netIndex && !key.updated) ||
      appKeys.some((key) => renewed.has(key.index) && !key.updated));
  return requireNetKey(document, netIndex).phase === 0 ? [] : document.nodes.filter(lacks);
}

/** Phase 1 to 2: the nodes send with the new keys. Throws `wrong-phase`. */
export function switchToNewKeys(document: NetworkDocument, netIndex: NetIndex, timestamp: Timestamp): NetworkDocument {
  requirePhase(document, netIndex, 1);
  return withNetKey(document, netIndex, (key) => change(key, { phase: 2, timestamp }));
}

/**
 * Phase 2, or 1 (a node may be told to leave phase 2 out), to 0: the old keys are forgotten. Throws `wrong-phase`.
 * Nodes that never got the new key are no longer of the subnet, though the document still says so: remove them.
 */
export function completeKeyRefresh(
  document: NetworkDocument,
  netIndex: NetIndex,
  timestamp: Timestamp,
): NetworkDocument {
  requirePhase(document, netIndex, 1, 2);
  const renewed = new Set(renewedAppKeys(document, netIndex));
  const next = withNetKey(document, netIndex, (key) => change(key, { phase: 0, oldKey: undefined, timestamp }));
  const appKeys = mapped(next.appKeys, (key) => (renewed.has(key.index) ? change(key, { oldKey: undefined }) : key));
  const nodes = mapped(next.nodes, (node) => setUpdated(node, new Set([netIndex]), renewed, false));
  return change(next, { appKeys, nodes });
}

function renewedAppKeys({ appKeys }: NetworkDocument, netIndex: NetIndex): readonly number[] {
  return appKeys.filter((key) => key.boundNetKey === netIndex && key.oldKey !== undefined).map((key) => key.index);
}

function setUpdated(
  node: NodeEntry,
  netKeys: ReadonlySet<number>,
  appKeys: ReadonlySet<number>,
  updated: boolean,
): NodeEntry {
  const marked = (keys: readonly KeyState[], which: ReadonlySet<number>): readonly KeyState[] =>
    mapped(keys, (key) => (which.has(key.index) ? change(key, { updated }) : key));
  return change(node, { netKeys: marked(node.netKeys, netKeys), appKeys: marked(node.appKeys, appKeys) });
}

function requirePhase(document: NetworkDocument, netIndex: NetIndex, ...phases: readonly KeyRefreshPhase[]): void {
  const { phase } = requireNetKey(document, netIndex);
  if (phases.includes(phase)) return;
  const message = `NetKey ${netIndex} is in phase ${phase} of the key refresh, not ${phases.join(' or ')}`;
  throw refused('wrong-phase', message, phase === 0 ? 'No key refresh is under way.' : 'Finish the key refresh first.');
}
