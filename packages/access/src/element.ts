import { MeshError, type Unicast } from '@meshferry/core';
import { Attachment, type ExtensionTree } from './attachment.ts';
import type { CompositionElement } from './composition.ts';
import type { ModelIdentity } from './contract.ts';
import type { Model, Receiver } from './model.ts';
import type { ModelGround } from './model-ground.ts';
import { readBindings, readPublication, readSubscriptions } from './model-records.ts';
import type { Opcode } from './opcode.ts';
import { Publisher } from './publisher.ts';
import { type Subscription, SubscriptionList, withEntry } from './subscriptions.ts';

/** Who takes the messages of one opcode on an element. */
export interface Delivery {
  readonly model: Model;
  readonly attachment: Attachment;
  readonly receiver: Receiver;
}

/** An element of this node, made of complete models. */
export interface Element {
  readonly description: CompositionElement;
  readonly models: readonly Model[];
  readonly attachments: readonly Attachment[];
  /** One list for each tree of models connected by extension. */
  readonly lists: readonly SubscriptionList[];
  readonly deliveries: ReadonlyMap<Opcode, Delivery>;
}

/** Puts models on an element and restores their bindings, subscriptions and publications. Errors as `AccessLayer.addElement` says. */
export function composeElement(
  ground: ModelGround,
  element: {
    readonly index: number;
    readonly address: Unicast;
    readonly location: number;
    readonly models: readonly Model[];
  },
): Element {
  const { index, address, location, models } = element;
  checkUnique(models);
  const trees = extensionTrees(models);
  const deliveries = new Map<Opcode, Delivery>();
  const attachments: Attachment[] = [];
  for (const tree of trees) {
    tree.list.replace(stored(ground, index, tree.models));
    for (const model of tree.models) {
      const bound = readBindings(ground.store, index, model.id);
      const publisher = publisherOf(ground, address, index, model);
      const attachment = new Attachment(ground, address, index, model, tree, bound, publisher);
      attachments.push(attachment);
      for (const [opcode, receiver] of model.attach(attachment)) {
        const other = deliveries.get(opcode);
        if (other !== undefined) throw opcodeConflict(receiver, other.model, model);
        deliveries.set(opcode, { model, attachment, receiver });
      }
    }
  }
  const lists = trees.map((tree) => tree.list);
  return { description: describe(location, models), models, attachments, lists, deliveries };
}

function publisherOf(ground: ModelGround, address: Unicast, index: number, model: Model): Publisher | undefined {
  if (model.publishing === undefined) return undefined;
  return new Publisher(ground, address, model.publishing.onPeriod, readPublication(ground.store, index, model.id));
}

/** The models of an element in groups connected by extension, whichever way round [Mesh Protocol 1.1, 4.2.4]. */
function extensionTrees(models: readonly Model[]): (ExtensionTree & { readonly models: readonly Model[] })[] {
  let trees: Model[][] = models.map((model) => [model]);
  for (const model of models) {
    for (const base of model.extends) {
      const joined = trees.filter((tree) => tree.includes(model) || tree.includes(base));
      if (joined.length < 2) continue;
      trees = [...trees.filter((tree) => !joined.includes(tree)), joined.flat()];
    }
  }
  return trees.map((tree) => ({ models: tree, list: new SubscriptionList() }));
}

/** All that any of the models had: after an update of the software the trees may be others than those stored. */
function stored(ground: ModelGround, index: number, models: readonly ModelIdentity[]): readonly Subscription[] {
  let entries: readonly Subscription[] = [];
  for (const model of models) {
    for (const entry of readSubscriptions(ground.store, index, model.id)) entries = withEntry(entries, entry);
  }
  return entries;
}

function describe(location: number, models: readonly Model[]): CompositionElement {
  return {
    location,
    sigModels: models.filter((model) => model.id <= 0xffff).map((model) => model.id),
    vendorModels: models.filter((model) => model.id > 0xffff).map((model) => model.id),
  };
}

function checkUnique(models: readonly Model[]): void {
  const seen = new Set<number>();
  for (const { id, name } of models) {
    if (seen.has(id)) {
      throw new MeshError('duplicate-model', `${name} stands on the element twice`, {
        hint: 'Put the second instance on another element.',
      });
    }
    seen.add(id);
  }
}

function opcodeConflict(receiver: Receiver, first: Model, second: Model): MeshError {
  return new MeshError('opcode-conflict', `${first.name} and ${second.name} both receive ${receiver.type.name}`, {
    hint: 'Put them on different elements: one element has one receiver for an opcode.',
  });
}
