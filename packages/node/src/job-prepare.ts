import { BLOB_TRANSFER_CLIENT, BLOB_TRANSFER_SERVER } from '@meshferry/blob';
import {
  addNodeAppKey,
  bindAppKey,
  modelIdNumber,
  type NodeEntry,
  nodeAt,
  nodeRange,
  octetsOf,
  requireAppKey,
  requireModel,
  requireNetKey,
  requireNode,
  subscribe,
} from '@meshferry/cdb';
import { toMeshError, type Unicast } from '@meshferry/core';
import { FIRMWARE_DISTRIBUTION_SERVER, FIRMWARE_UPDATE_CLIENT, FIRMWARE_UPDATE_SERVER } from '@meshferry/dfu';
import { inParallel } from './job-parallel.ts';
import type { JobRun } from './job-run.ts';
import { groupText, placeOf, type UndoStep } from './job-undo.ts';
import type { MeshNetwork } from './mesh-network.ts';

/** The models of a target, in the order in which they are configured. */
const TARGET_MODELS = [FIRMWARE_UPDATE_SERVER, BLOB_TRANSFER_SERVER];
/** Those of a Distributor: the first ones on the element that is spoken to, the others wherever its node has them. */
const DISTRIBUTOR_MODELS = [FIRMWARE_DISTRIBUTION_SERVER, BLOB_TRANSFER_SERVER];
const DISTRIBUTOR_CLIENTS = [FIRMWARE_UPDATE_CLIENT, BLOB_TRANSFER_CLIENT];

/** One model of a node that is to be configured. */
interface Place {
  readonly node: Unicast;
  readonly element: number;
  readonly model: number;
}

/** Whether anybody lacks the AppKey of the job, or a binding to it, as far as the document knows. */
export function lacksKeys({ request }: JobRun, network: MeshNetwork): boolean {
  const { appIndex, distributor, targets } = request;
  const wanted = [
    ...targets.flatMap((address) => places(network, address, TARGET_MODELS)),
    ...(distributor === undefined ? [] : distributorPlaces(network, distributor)),
  ];
  return wanted.some((place) => isUnbound(network, place, appIndex));
}

/**
 * Gives the AppKey of the job to the targets and the Distributor, and binds their models to it, where the document says
 * that they lack it [firmware-distribution.md 3, step 2]. What it adds is in the undo list before a node hears of it.
 * A target that cannot be prepared fails; rejects when the Distributor cannot.
 */
export async function prepareKeys(run: JobRun, network: MeshNetwork): Promise<void> {
  const { distributor, targets } = run.request;
  const isTargetPlace = (address: Unicast) => places(network, address, TARGET_MODELS);
  await inParallel(grouped(network, targets), async (addresses) => {
    try {
      for (const address of addresses) await bindAll(run, network, isTargetPlace(address));
    } catch (thrown) {
      for (const address of addresses) run.targets.failed(address, toMeshError(thrown));
      run.tell();
    }
  });
  if (distributor === undefined) return;
  await bindAll(run, network, distributorPlaces(network, distributor));
}

function distributorPlaces(network: MeshNetwork, distributor: Unicast): readonly Place[] {
  return [
    ...places(network, distributor, DISTRIBUTOR_MODELS),
    ...placesOnNode(network, distributor, DISTRIBUTOR_CLIENTS),
  ];
}

function isUnbound({ document }: MeshNetwork, place: Place, appIndex: number): boolean {
  return !requireModel(document, placeOf(place, place.model)).bind.includes(appIndex);
}

/**
 * Subscribes the targets that take the image to its group where the document says that they are not. Who cannot be
 * subscribed gets the image by unicast.
 */
export async function prepareGroup(run: JobRun, network: MeshNetwork): Promise<void> {
  if (run.request.group === undefined) return;
  await inParallel(grouped(network, run.targets.taking), async (addresses) => {
    for (const address of addresses) {
      try {
        await subscribeAll(run, network, places(network, address, TARGET_MODELS));
      } catch (thrown) {
        run.targets.note(address, `not subscribed to the group: ${toMeshError(thrown).message}`);
      }
    }
  });
}

/** Elements of one node one after the other: what one needs may be there for the next. */
function grouped({ document }: MeshNetwork, addresses: readonly Unicast[]): readonly (readonly Unicast[])[] {
  const byNode = new Map<NodeEntry, Unicast[]>();
  for (const address of addresses) {
    const node = nodeAt(document, address);
    if (node !== undefined) byNode.set(node, [...(byNode.get(node) ?? []), address]);
  }
  return [...byNode.values()];
}

/** Those of `models` that the element has as far as the document knows. */
function places({ document }: MeshNetwork, address: Unicast, models: readonly number[]): readonly Place[] {
  const entry = nodeAt(document, address);
  if (entry === undefined) return [];
  const node = nodeRange(entry).address;
  return placesOf(entry, models).filter(({ element }) => node + element === address);
}

function placesOnNode({ document }: MeshNetwork, address: Unicast, models: readonly number[]): readonly Place[] {
  const entry = nodeAt(document, address);
  return entry === undefined ? [] : placesOf(entry, models);
}

function placesOf(entry: NodeEntry, models: readonly number[]): readonly Place[] {
  const node = nodeRange(entry).address;
  return entry.elements.flatMap(({ index: element, models: present }) => {
    const ids = present.map(({ modelId }) => modelIdNumber(modelId));
    return models.filter((model) => ids.includes(model)).map((model) => ({ node, element, model }));
  });
}

async function bindAll(run: JobRun, network: MeshNetwork, wanted: readonly Place[]): Promise<void> {
  const { appIndex } = run.request;
  const missing = wanted.filter((place) => isUnbound(network, place, appIndex));
  const [first] = missing;
  if (first === undefined) return;
  run.enter('preparing');
  await giveKey(run, network, first.node);
  const { models } = network.configuration;
  for (const { node, element, model } of missing) {
    const to = network.to(node);
    const present = await models.appGet(to, node + element, model);
    if (!present.includes(appIndex)) {
      await adding(run, { kind: 'bind', node, element, model, appIndex }, () =>
        models.appBind(to, node + element, model, appIndex),
      );
    }
    network.change(bindAppKey(network.document, placeOf({ node, element }, model), appIndex));
  }
}

async function giveKey(run: JobRun, network: MeshNetwork, node: Unicast): Promise<void> {
  const { appIndex } = run.request;
  if (requireNode(network.document, node).appKeys.some(({ index }) => index === appIndex)) return;
  const { boundNetKey, key, oldKey } = requireAppKey(network.document, appIndex);
  const { phase } = requireNetKey(network.document, boundNetKey);
  const { keys } = network.configuration;
  const to = network.to(node);
  const present = await keys.appKeyGet(to, boundNetKey);
  if (!present.includes(appIndex)) {
    // In phase 1 of a Key Refresh the old value, which the refresh will renew.
    const value = octetsOf(phase === 1 && oldKey !== undefined ? oldKey : key);
    await adding(run, { kind: 'app-key', node, appIndex }, () => keys.appKeyAdd(to, boundNetKey, appIndex, value));
  }
  network.change(addNodeAppKey(network.document, node, appIndex, phase === 2));
}

async function subscribeAll(run: JobRun, network: MeshNetwork, wanted: readonly Place[]): Promise<void> {
  const { group = 0, label } = run.request;
  const text = groupText({ group, ...(label && { label }) });
  const missing = wanted.filter(
    (place) => !requireModel(network.document, placeOf(place, place.model)).subscribe.includes(text),
  );
  if (missing.length === 0) return;
  run.enter('preparing');
  const { models } = network.configuration;
  for (const { node, element, model } of missing) {
    const to = network.to(node);
    const present = await models.subscriptionGet(to, node + element, model);
    if (!present.includes(group)) {
      const step: UndoStep = { kind: 'subscribe', node, element, model, group, ...(label && { label }) };
      await adding(run, step, () => models.subscriptionAdd(to, node + element, model, label ?? group));
    } else shared(run, { node, element, model }, group);
    network.change(subscribe(network.document, placeOf({ node, element }, model), text));
  }
}

/** The model has what was just added to another one: both share one list, and lose it together. */
function shared(run: JobRun, { node, element, model }: Place, group: number): void {
  const isSame = (step: UndoStep): boolean =>
    step.kind === 'subscribe' && step.node === node && step.element === element && step.group === group;
  if (!run.undo.some((step) => isSame(step) && step.kind === 'subscribe' && step.model !== model)) return;
  run.undo = run.undo.map((step) => (isSame(step) ? { ...step, sharing: model } : step));
  run.save();
}

/** What is to be taken back is written down first: whoever is killed in between takes back what may be there. */
export async function adding(run: JobRun, step: UndoStep, add: () => Promise<unknown>): Promise<void> {
  if (!run.undo.some((one) => isEqual(one, step))) {
    run.undo = [...run.undo, step];
    run.save();
  }
  await add();
}

function isEqual(one: UndoStep, other: UndoStep): boolean {
  if (one.kind !== other.kind || one.node !== other.node) return false;
  if (one.kind === 'sar-receiver' || other.kind === 'sar-receiver') return true;
  if (one.kind === 'app-key' || other.kind === 'app-key')
    return 'appIndex' in one && 'appIndex' in other && one.appIndex === other.appIndex;
  if (one.element !== other.element || one.model !== other.model) return false;
  if (one.kind === 'bind') return other.kind === 'bind' && one.appIndex === other.appIndex;
  return other.kind === 'subscribe' && one.group === other.group;
}
