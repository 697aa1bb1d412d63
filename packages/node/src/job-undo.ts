import {
  type AddressOrLabel,
  hex4,
  labelText,
  type ModelPlace,
  modelIdText,
  type NetworkDocument,
  nodeAt,
  removeNodeAppKey,
  requireAppKey,
  unbindAppKey,
  unsubscribe,
} from '@meshferry/cdb';
import { type Address, type AppIndex, formatAddress, MeshError, toMeshError, type Unicast } from '@meshferry/core';
import type { SarReceiver } from '@meshferry/network';
import { inParallel } from './job-parallel.ts';
import type { MeshNetwork } from './mesh-network.ts';

/** Something that a job changed in the configuration of a node, or was about to change, and takes back when it is over. */
export type UndoStep = { readonly node: Unicast } & (
  | { readonly kind: 'app-key'; readonly appIndex: AppIndex }
  /** How it received segmented messages before. */
  | { readonly kind: 'sar-receiver'; readonly state: SarReceiver }
  | { readonly kind: 'bind'; readonly element: number; readonly model: number; readonly appIndex: AppIndex }
  | {
      readonly kind: 'subscribe';
      readonly element: number;
      readonly model: number;
      readonly group: Address;
      readonly label?: Uint8Array;
      /** A model that got it too, because both share one Subscription List. */
      readonly sharing?: number;
    }
);

/** Where the steps are kept. */
export interface UndoRecord {
  readonly steps: readonly UndoStep[];
  /** Durable when it returns. */
  replace(steps: readonly UndoStep[]): void;
}

/**
 * Takes everything back, the last thing first; each step leaves the record when the node has confirmed it. Gives why some
 * are left: nodes that do not answer keep theirs.
 */
export async function takeBack(network: MeshNetwork, record: UndoRecord): Promise<MeshError | null> {
  const nodes = [...new Set(record.steps.map(({ node }) => node))];
  const silent: MeshError[] = [];
  await inParallel(nodes, async (node) => {
    for (const step of record.steps.filter((one) => one.node === node).reverse()) {
      try {
        await undo(network, step);
      } catch (thrown) {
        const error = toMeshError(thrown);
        // One that says no has not got it any more; one that says nothing may have.
        if (error.code !== 'config-status') {
          silent.push(error);
          return;
        }
      }
      network.change(without(network.document, step));
      record.replace(record.steps.filter((one) => one !== step));
    }
  });
  const [first] = silent;
  if (first === undefined) return null;
  const left = [...new Set(record.steps.map(({ node }) => formatAddress(node)))].join(', ');
  return new MeshError('not-undone', `what the update changed in the configuration of ${left} is still there`, {
    hint: `It is taken back by the next update, or by "dfu cancel", when the node answers (${first.message}).`,
    cause: first,
  });
}

/** To take away what is not there is no error: a step may be done twice, when the process was killed in between. */
async function undo(network: MeshNetwork, step: UndoStep): Promise<void> {
  // A node that has left the network has nothing of it any more.
  if (nodeAt(network.document, step.node) === undefined) return;
  const to = network.to(step.node);
  const { keys, models } = network.configuration;
  switch (step.kind) {
    case 'sar-receiver':
      await network.sar.receiverSet(to, step.state);
      return;
    case 'app-key': {
      const { boundNetKey } = requireAppKey(network.document, step.appIndex);
      return keys.appKeyDelete(to, boundNetKey, step.appIndex);
    }
    case 'bind':
      return models.appUnbind(to, step.node + step.element, step.model, step.appIndex);
    case 'subscribe':
      await models.subscriptionDelete(to, step.node + step.element, step.model, step.label ?? step.group);
  }
}

/** The document in which a step was taken back. */
function without(document: NetworkDocument, step: UndoStep): NetworkDocument {
  const node = nodeAt(document, step.node);
  if (node === undefined) return document;
  // Documents do not hold it.
  if (step.kind === 'sar-receiver') return document;
  if (step.kind === 'app-key') return removeNodeAppKey(document, step.node, step.appIndex);
  const has = (model: number): boolean =>
    node.elements.some(
      ({ index, models }) => index === step.element && models.some(({ modelId }) => modelId === modelIdText(model)),
    );
  if (step.kind === 'bind')
    return has(step.model) ? unbindAppKey(document, placeOf(step, step.model), step.appIndex) : document;
  const models = [step.model, ...(step.sharing === undefined ? [] : [step.sharing])].filter(has);
  return models.reduce((before, model) => unsubscribe(before, placeOf(step, model), groupText(step)), document);
}

/** Which model a step is about. */
export function placeOf(
  { node, element }: { readonly node: Unicast; readonly element: number },
  model: number,
): ModelPlace {
  return { node, element, modelId: modelIdText(model) };
}

/** A group as documents write it: a virtual one by its label. */
export function groupText({ group, label }: { readonly group: Address; readonly label?: Uint8Array }): AddressOrLabel {
  return label === undefined ? hex4(group) : labelText(label);
}
