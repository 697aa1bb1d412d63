import type { AppIndex, NetIndex, Unicast } from '@meshferry/core';
import { change, kept, mapped, unknown } from './change.ts';
import type { KeyState, ModelEntry, NetworkDocument, NodeEntry } from './model.ts';
import { withNode } from './nodes.ts';

/** The document in which a node has a NetKey (again: then nothing changes but `updated`). Throws `unknown-netkey`, `unknown-node`. */
export function addNodeNetKey(
  document: NetworkDocument,
  address: Unicast,
  index: NetIndex,
  updated = false,
): NetworkDocument {
  if (!document.netKeys.some((key) => key.index === index)) {
    throw unknown('NetKey', `${index}`, 'Add the key to the network first.');
  }
  return withNode(document, address, (node) => change(node, { netKeys: withKey(node.netKeys, index, updated) }));
}

/** As {@link addNodeNetKey}, an AppKey. Throws `unknown-appkey`, `unknown-node`. */
export function addNodeAppKey(
  document: NetworkDocument,
  address: Unicast,
  index: AppIndex,
  updated = false,
): NetworkDocument {
  if (!document.appKeys.some((key) => key.index === index)) {
    throw unknown('AppKey', `${index}`, 'Add the key to the network first.');
  }
  return withNode(document, address, (node) => change(node, { appKeys: withKey(node.appKeys, index, updated) }));
}

/** The document in which a node has lost a NetKey, with it the AppKeys bound to it, and heartbeats under it. */
export function removeNodeNetKey(document: NetworkDocument, address: Unicast, index: NetIndex): NetworkDocument {
  const bound = new Set(document.appKeys.filter((key) => key.boundNetKey === index).map((key) => key.index));
  return withNode(document, address, (node) => {
    const netKeys = kept(node.netKeys, (key) => key.index !== index);
    const heartbeatPub = node.heartbeatPub?.index === index ? undefined : node.heartbeatPub;
    return withoutAppKeys(change(node, { netKeys, heartbeatPub }), bound);
  });
}

/** The document in which a node has lost an AppKey, with it the bindings to it and the publications under it. */
export function removeNodeAppKey(document: NetworkDocument, address: Unicast, index: AppIndex): NetworkDocument {
  return withNode(document, address, (node) => withoutAppKeys(node, new Set([index])));
}

function withKey(keys: readonly KeyState[], index: number, updated: boolean): readonly KeyState[] {
  if (!keys.some((key) => key.index === index)) return [...keys, { index, updated }];
  return mapped(keys, (key) => (key.index === index ? change(key, { updated }) : key));
}

function withoutAppKeys(node: NodeEntry, gone: ReadonlySet<number>): NodeEntry {
  const models = (all: readonly ModelEntry[]): readonly ModelEntry[] =>
    mapped(all, (model) => withoutKeys(model, gone));
  return change(node, {
    appKeys: kept(node.appKeys, ({ index }) => !gone.has(index)),
    elements: mapped(node.elements, (element) => change(element, { models: models(element.models) })),
  });
}

/** The model without bindings to these keys and a publication under one of them. */
export function withoutKeys(model: ModelEntry, gone: ReadonlySet<number>): ModelEntry {
  const { bind, publish } = model;
  return change(model, {
    bind: kept(bind, (index) => !gone.has(index)),
    publish: publish !== undefined && gone.has(publish.index) ? undefined : publish,
  });
}
