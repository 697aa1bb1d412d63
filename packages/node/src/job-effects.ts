import { hexNumber, type NodeEntry, nodeAt, nodeRange, octetsOf, uuidText } from '@meshferry/cdb';
import { type Clock, formatAddress, MeshError, toMeshError, type Unicast } from '@meshferry/core';
import { UpdateEffect } from '@meshferry/dfu';
import type { ProvisioningBearer } from '@meshferry/provisioning';
import type { DepartedNode } from './job-record.ts';
import type { JobRun } from './job-run.ts';
import type { UndoStep } from './job-undo.ts';
import type { MeshNetwork } from './mesh-network.ts';
import type { ProvisionRequest } from './network-provision.ts';
import { configureRefreshedNodes, refreshNode } from './node-refresh.ts';
import type { NodeProfile } from './profile.ts';
import { configureNode } from './profile-apply.ts';
import { profileFor, profileOfNode } from './profile-of-node.ts';

/** How nodes that have left the network are provisioned anew. */
export interface ReprovisionWay {
  /** What reaches unprovisioned devices. */
  readonly bearer: ProvisioningBearer;
  /** What else is to be said of a device, by its UUID: how it is authenticated. */
  readonly request?: (uuid: Uint8Array) => Partial<Omit<ProvisionRequest, 'uuid' | 'bearer' | 'name'>>;
}

/** What following the effects of an update needs. */
export interface EffectsGround {
  readonly clock: Clock;
  readonly network: MeshNetwork;
  readonly reprovision?: ReprovisionWay | undefined;
}

/**
 * Follows what the image did to the nodes [firmware-update.md 6]: a new composition is made current and the node configured
 * anew, nodes that have left the network leave the document, and are provisioned again if the user asked for it. What does
 * not work is a notice of its target: the update itself has worked. May be repeated.
 */
export async function followEffects(run: JobRun, ground: EffectsGround): Promise<void> {
  const { network } = ground;
  const left = run.targets.progress.filter(({ phase }) => phase === 'unprovisioned');
  const applied = run.targets.progress.filter(({ phase }) => phase === 'applied');
  const withEffect = (effect: number) => applied.filter((target) => target.effect === effect);
  for (const { address } of withEffect(UpdateEffect.compositionChangedWithoutRemoteProvisioning)) {
    run.targets.note(address, 'its new composition comes into force when it is reset and provisioned again');
  }
  const changed = withEffect(UpdateEffect.compositionChangedWithRemoteProvisioning);
  if (left.length + changed.length + run.departed.length === 0) return;
  run.enter('refreshing');
  await configureRefreshedNodes(network).catch(() => {});
  for (const node of nodesOf(network, changed)) await refresh(run, ground, node);
  for (const node of nodesOf(network, left)) depart(run, network, node);
  for (const node of run.departed) await provisionAgain(run, ground, node);
}

/** Primary addresses of their nodes, as far as they are in the document. */
function nodesOf({ document }: MeshNetwork, targets: readonly { readonly address: Unicast }[]): readonly Unicast[] {
  const nodes = targets.map(({ address }) => nodeAt(document, address));
  return [...new Set(nodes.flatMap((node) => (node === undefined ? [] : [nodeRange(node).address])))];
}

/** A link that was left open, by whoever was killed, is free again after a minute. */
const ATTEMPTS = 4;
const PAUSE_MS = 20_000;

/** One node after the other: each takes a link of its own, and they would wait for each other anyway. */
async function refresh(run: JobRun, ground: EffectsGround, node: Unicast): Promise<void> {
  const { network } = ground;
  const targets = targetsOn(run, network, node);
  try {
    const { unicastAddress } = await refreshPatiently(ground, node, ATTEMPTS);
    const now = hexNumber(unicastAddress);
    if (now === node) return;
    // Its configuration is as it was before the job, and goes on there.
    forgetSteps(run, node);
    for (const address of targets) run.targets.note(address, `its node has the address ${formatAddress(now)} now`);
  } catch (thrown) {
    const { message } = toMeshError(thrown);
    for (const address of targets) run.targets.note(address, `its new composition is not in force yet: ${message}`);
  } finally {
    run.tell();
  }
}

async function refreshPatiently(
  { network, clock }: EffectsGround,
  node: Unicast,
  attempts: number,
): Promise<NodeEntry> {
  try {
    return await refreshNode(network, node, { clock });
  } catch (thrown) {
    if (attempts <= 1) throw thrown;
    await new Promise<void>((resolve) => void clock.after(PAUSE_MS, resolve));
    return refreshPatiently({ network, clock }, node, attempts - 1);
  }
}

/** A node that has forgotten the network: its addresses are set aside, what is needed to take it in again is kept. */
function depart(run: JobRun, network: MeshNetwork, node: Unicast): void {
  const entry = nodeAt(network.document, node);
  if (entry === undefined || node === network.address) return;
  if (run.request.reprovision === true) {
    const departed: DepartedNode = {
      address: node,
      uuid: octetsOf(entry.UUID),
      name: entry.name ?? null,
      profile: withoutSteps(profileOfNode(entry), run.undo, node),
    };
    run.departed = [...run.departed.filter(({ address }) => address !== node), departed];
  } else {
    for (const address of targetsOn(run, network, node))
      run.targets.note(address, `it has left the network: provision it again (UUID ${uuidText(entry.UUID)})`);
  }
  forgetSteps(run, node);
  network.remove(node);
}

async function provisionAgain(
  run: JobRun,
  { network, reprovision }: EffectsGround,
  departed: DepartedNode,
): Promise<void> {
  const { address, uuid, name, profile } = departed;
  const targets = run.targets.progress.filter((target) => target.address === address);
  const say = (notice: string): void => {
    for (const target of targets) run.targets.note(target.address, notice);
  };
  try {
    const known = network.document.nodes.find(({ UUID }) => UUID === uuidText(uuid));
    const node = known ?? (await takeIn(network, reprovision, uuid, name));
    const now = nodeRange(node).address;
    await configureNode(network, now, profileFor(await network.readComposition(now), profile));
    say(`it was provisioned again, its node has the address ${formatAddress(now)} now`);
  } catch (thrown) {
    say(
      `it has left the network, and was not provisioned again: ${toMeshError(thrown).message} (UUID ${uuidText(uuid)})`,
    );
  }
  run.departed = run.departed.filter((one) => one !== departed);
  run.save();
  run.tell();
}

async function takeIn(
  network: MeshNetwork,
  reprovision: ReprovisionWay | undefined,
  uuid: Uint8Array,
  name: string | null,
): Promise<NodeEntry> {
  if (reprovision === undefined) throw noWay();
  const { bearer, request } = reprovision;
  const provision = (): Promise<NodeEntry> =>
    network.provision({ ...request?.(uuid), uuid, bearer, ...(name !== null && { name }) }).node;
  try {
    return await provision();
  } catch (thrown) {
    const { code } = toMeshError(thrown);
    // It may have been in a link with a process that was killed: that lasts as long as it was asked for another one.
    if (code === 'link-open-failed') return provision();
    if (code !== 'provisioning-uncertain') throw thrown;
  }
  try {
    // An earlier attempt, or this one, may have made it a node.
    return await network.recover(uuid);
  } catch (thrown) {
    if (toMeshError(thrown).code !== 'no-response') throw thrown;
  }
  network.giveUp(uuid);
  return provision();
}

function targetsOn(run: JobRun, { document }: MeshNetwork, node: Unicast): readonly Unicast[] {
  const entry = nodeAt(document, node);
  return run.targets.progress.map(({ address }) => address).filter((address) => nodeAt(document, address) === entry);
}

/** The node does not have what was added to it any more, or not there. Durable when it returns. */
function forgetSteps(run: JobRun, node: Unicast): void {
  run.undo = run.undo.filter((step) => step.node !== node);
  run.save();
}

/** The profile without what the job had added to the node. */
function withoutSteps(profile: NodeProfile, steps: readonly UndoStep[], node: Unicast): NodeProfile {
  const own = steps.filter((step) => step.node === node);
  const keys = own.flatMap((step) => (step.kind === 'app-key' ? [step.appIndex] : []));
  const models = (profile.models ?? []).map((entry) => {
    const here = own.filter(
      (step) =>
        step.kind !== 'app-key' &&
        step.kind !== 'sar-receiver' &&
        step.element === entry.element &&
        (step.model === entry.model || (step.kind === 'subscribe' && step.sharing === entry.model)),
    );
    const bound = here.flatMap((step) => (step.kind === 'bind' ? [step.appIndex] : []));
    const groups = here.flatMap((step) => (step.kind === 'subscribe' ? [text(step.label ?? step.group)] : []));
    return {
      ...entry,
      bind: (entry.bind ?? []).filter((index) => !bound.includes(index) && !keys.includes(index)),
      subscribe: (entry.subscribe ?? []).filter((group) => !groups.includes(text(group))),
    };
  });
  return { ...profile, appKeys: (profile.appKeys ?? []).filter((index) => !keys.includes(index)), models };
}

function text(group: number | Uint8Array): string {
  return String(group);
}

function noWay(): MeshError {
  return new MeshError('no-bearer', 'nothing reaches unprovisioned devices here', {
    hint: 'Provision it with "meshferry provision".',
  });
}
