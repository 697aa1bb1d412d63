import type { AppIndex, Unicast } from '@meshferry/core';
import { change, kept, mapped, refused, unknown } from './change.ts';
import type { AddressOrLabel, ModelEntry, NetworkDocument, NodeEntry, PublishEntry } from './model.ts';
import { withoutKeys } from './node-keys.ts';
import { requireNode, withNode } from './nodes.ts';

/** Which model. */
export interface ModelPlace {
  /** Primary address of the node. */
  readonly node: Unicast;
  /** Index of the element. */
  readonly element: number;
  /** Four hex digits, or eight of a vendor: see `modelIdText`. */
  readonly modelId: string;
}

/** The entry of a model; throws `unknown-node`, `unknown-model`. */
export function requireModel(document: NetworkDocument, place: ModelPlace): ModelEntry {
  return modelOf(requireNode(document, place.node), place);
}

/** The document in which an AppKey is bound to a model; throws `unknown-appkey` for a key that the node does not have. */
export function bindAppKey(document: NetworkDocument, place: ModelPlace, index: AppIndex): NetworkDocument {
  const node = requireNode(document, place.node);
  if (!node.appKeys.some((key) => key.index === index)) {
    throw unknown('AppKey', `${index} in node ${node.unicastAddress}`, 'Add the AppKey to the node first.');
  }
  return withModel(document, place, (model) =>
    model.bind.includes(index) ? model : change(model, { bind: [...model.bind, index] }),
  );
}

/** The document without this binding; a publication under the key goes with it. */
export function unbindAppKey(document: NetworkDocument, place: ModelPlace, index: AppIndex): NetworkDocument {
  return withModel(document, place, (model) => withoutKeys(model, new Set([index])));
}

/** The document in which a model is subscribed to a group address (four digits) or a label (32 digits, no dashes). */
export function subscribe(document: NetworkDocument, place: ModelPlace, address: AddressOrLabel): NetworkDocument {
  return withModel(document, place, (model) =>
    model.subscribe.includes(address) ? model : change(model, { subscribe: [...model.subscribe, address] }),
  );
}

export function unsubscribe(document: NetworkDocument, place: ModelPlace, address: AddressOrLabel): NetworkDocument {
  return withModel(document, place, (model) =>
    change(model, { subscribe: kept(model.subscribe, (one) => one !== address) }),
  );
}

/** The document with these subscriptions of a model, and no others: what a node has said. */
export function setSubscriptions(
  document: NetworkDocument,
  place: ModelPlace,
  addresses: readonly AddressOrLabel[],
): NetworkDocument {
  return withModel(document, place, (model) => change(model, { subscribe: [...new Set(addresses)] }));
}

/** The document with these bindings of a model, and no others: what a node has said. Throws `unknown-appkey`. */
export function setBindings(
  document: NetworkDocument,
  place: ModelPlace,
  indexes: readonly AppIndex[],
): NetworkDocument {
  const cleared = withModel(document, place, (model) => change(model, { bind: [] }));
  return indexes.reduce((before, index) => bindAppKey(before, place, index), cleared);
}

/** The document with this publication of a model; `undefined`: it does not publish. */
export function setPublication(
  document: NetworkDocument,
  place: ModelPlace,
  publish: PublishEntry | undefined,
): NetworkDocument {
  return withModel(document, place, (model) => change(model, { publish }));
}

/** The document in which a node neither sends nor counts heartbeats: for the own node after an import (`cdb.md`, section 3). */
export function clearHeartbeats(document: NetworkDocument, address: Unicast): NetworkDocument {
  return withNode(document, address, (node) => change(node, { heartbeatPub: undefined, heartbeatSub: undefined }));
}

function withModel(
  document: NetworkDocument,
  place: ModelPlace,
  to: (model: ModelEntry) => ModelEntry,
): NetworkDocument {
  const before = requireModel(document, place);
  return withNode(document, place.node, (node) =>
    change(node, {
      elements: mapped(node.elements, (element) =>
        element.index === place.element
          ? change(element, { models: mapped(element.models, (model) => (model === before ? to(model) : model)) })
          : element,
      ),
    }),
  );
}

function modelOf(node: NodeEntry, { element: index, modelId }: ModelPlace): ModelEntry {
  const element = node.elements.find((one) => one.index === index);
  const model = element?.models.find((one) => one.modelId === modelId.toUpperCase());
  if (model !== undefined) return model;
  const message = `node ${node.unicastAddress} has no model ${modelId} on element ${index}`;
  throw refused('unknown-model', message, 'Read the composition data of the node first.');
}
