import { type Composition, decodeComposition } from '@meshferry/access';
import {
  freeUnicastRange,
  hex4,
  hexNumber,
  isFree,
  keyHex,
  type NetworkDocument,
  type NodeEntry,
  nodeRange,
  octetsOf,
  replaceNode,
  requireNetKey,
  requireNode,
  withComposition,
} from '@meshferry/cdb';
import {
  type Clock,
  encodeRecord,
  equal,
  formatAddress,
  MeshError,
  readRecord,
  toMeshError,
  type Unicast,
} from '@meshferry/core';
import {
  finishRefresh,
  type PendingRefresh,
  type RefreshedNode,
  type RefreshKeeping,
  type RefreshOptions,
  refreshAddress,
  refreshComposition,
} from '@meshferry/foundation';
import type { MeshNetwork } from './mesh-network.ts';
import { badComposition } from './network-errors.ts';
import type { NodeProfile } from './profile.ts';
import { configureNode } from './profile-apply.ts';
import { profileFor, profileOfNode } from './profile-of-node.ts';

/** Where refreshes that may have happened are kept, by the address of the node before. */
const JOB = 'node-refresh';
/** In it: how nodes that were refreshed are to be configured, by their address. */
const CONFIGURATION = 'configure/';
/** Composition Data Page that shows what new software has, until it becomes current [Mesh Protocol 1.1, 4.2.2.4]. */
const PAGE_OF_SOFTWARE = 128;

export interface NodeRefreshOptions {
  readonly clock: Clock;
  /** As for provisioning: what the node is authenticated by. Default: its device key is enough. */
  readonly authentication?: Pick<RefreshOptions, 'policy' | 'oob' | 'authentication' | 'inspect'>;
}

/**
 * Makes the composition of a node's new software its current one [firmware-update.md 6, effect 2]: reads Page 128, runs a
 * Node Composition Refresh over its own Remote Provisioning Server, or a Node Address Refresh when it has more elements than
 * before, reads Page 0, and configures what it has lost. The document follows, durably; killed in between, it is repeated.
 *
 * Gives the node as it is then, unchanged when its software shows nothing new. Rejects with `unknown-node`, `no-response`,
 * `bad-composition`, and what `refreshComposition` rejects with; `refresh-uncertain`: ask again later.
 */
export async function refreshNode(
  network: MeshNetwork,
  address: Unicast,
  options: NodeRefreshOptions,
): Promise<NodeEntry> {
  const pending = pendingRefresh(network, address);
  if (pending !== undefined) {
    const node = await finished(network, pending);
    if (node !== undefined) return configured(network, node.after.address);
  }
  const before = requireNode(network.document, address);
  const offered = await newElements(network, before);
  if (offered === undefined) return configured(network, address);
  if (before.deviceKey === undefined) throw noDeviceKey(address);
  const grown = offered.length > nodeRange(before).count;
  const target = { ...network.to(address), address, deviceKey: octetsOf(before.deviceKey) };
  const ground = {
    ground: { clock: options.clock, random: network.random, crypto: network.crypto },
    client: network.remote,
    configuration: network.configuration,
  };
  const how: RefreshOptions = {
    ...options.authentication,
    ...keeping(network),
    network: () => networkData(network, target.netIndex ?? 0),
    keep: (kept) => keep(network, kept),
  };
  const refreshed = await (grown
    ? refreshAddress(ground, target, { ...how, addressFor: (elements) => addressFor(network, elements) })
    : refreshComposition(ground, target, how));
  return configured(network, refreshed.after.address);
}

/** Ends what was interrupted: nodes that were refreshed, and not configured again yet. Rejects as {@link configureNode}. */
export async function configureRefreshedNodes(network: MeshNetwork): Promise<void> {
  for (const key of network.state.view(JOB).keys(CONFIGURATION)) {
    await configured(network, hexNumber(key.slice(CONFIGURATION.length)));
  }
}

/** Whether a refresh of the node may have happened that nobody has seen the end of. */
function pendingRefresh(network: MeshNetwork, address: Unicast): PendingRefresh | undefined {
  return readRecord<PendingRefresh>(network.state.view(JOB), hex4(address));
}

async function finished(network: MeshNetwork, pending: PendingRefresh): Promise<RefreshedNode | undefined> {
  try {
    return await finishRefresh({ configuration: network.configuration }, pending, keeping(network));
  } catch (thrown) {
    const error = toMeshError(thrown);
    if (error.code === 'refresh-lost') return undefined;
    throw error;
  }
}

/** What the new software is made of; undefined when the node shows nothing new. */
async function newElements(network: MeshNetwork, node: NodeEntry): Promise<Composition['elements'] | undefined> {
  const to = network.to(nodeRange(node).address);
  const { compositionDataGet } = network.configuration.node;
  const ask = compositionDataGet.bind(network.configuration.node);
  const [next, current] = [await ask(to, PAGE_OF_SOFTWARE), await ask(to, 0)];
  if (next.page !== PAGE_OF_SOFTWARE || equal(next.data, current.data)) return undefined;
  const decoded = decodeComposition(next.data);
  if (!decoded.ok) throw badComposition(to.address, decoded.error.reason);
  return decoded.value.composition.elements;
}

function networkData(network: MeshNetwork, netKeyIndex: number): ReturnType<RefreshOptions['network']> {
  const { phase, key, oldKey } = requireNetKey(network.document, netKeyIndex);
  const { ivIndex, updating } = network.node.network.ivUpdate;
  return {
    netKey: octetsOf(phase === 1 ? (oldKey ?? key) : key),
    netKeyIndex,
    keyRefresh: phase === 2,
    ivUpdate: updating,
    ivIndex,
  };
}

function addressFor(network: MeshNetwork, count: number): Unicast | MeshError {
  const { document, own, ivIndex, state } = network;
  const reserved = state.pending.all.map(({ address, elements }) => ({ address, count: elements }));
  try {
    return freeUnicastRange(document, { provisioner: own.uuid, count, ivIndex, reserved });
  } catch (thrown) {
    return toMeshError(thrown);
  }
}

function keep(network: MeshNetwork, pending: PendingRefresh): void {
  const { before, after, elements } = pending;
  const range = { address: after.address, count: elements };
  if (after.address !== before.address && !isFree(network.document, range, network.ivIndex)) {
    throw new MeshError('address-taken', 'the addresses that were chosen for the node have gone to another one', {
      hint: 'Refresh the node again.',
    });
  }
  network.state.view(JOB).batch([[hex4(before.address), encodeRecord(pending)]]);
}

function keeping(network: MeshNetwork): RefreshKeeping {
  return {
    use: ({ address, deviceKey }) => network.useDeviceKey(address, deviceKey),
    settle: (pending, refreshed) => {
      const { before, after } = pending;
      const records = [network.state.jobWrite(JOB, hex4(before.address), null)];
      if (refreshed === undefined) network.state.change(network.document, records);
      else {
        const profile = encodeRecord(profileOfNode(requireNode(network.document, before.address)));
        records.push(network.state.jobWrite(JOB, CONFIGURATION + hex4(after.address), profile));
        network.state.change(network.touched(documentOf(network, refreshed)), records);
      }
      for (const { address } of [before, after]) network.useDeviceKey(address, undefined);
    },
  };
}

/** The document with the node as it was refreshed. An Address Refresh has taken its configuration. */
function documentOf(network: MeshNetwork, { procedure, before, after, composition }: RefreshedNode): NetworkDocument {
  const entry = requireNode(network.document, before.address);
  const decoded = decodeComposition(composition);
  if (!decoded.ok) throw badComposition(before.address, decoded.error.reason);
  const kept = procedure === 'address' ? bare(entry) : entry;
  const moved = { ...kept, unicastAddress: hex4(after.address), deviceKey: keyHex(after.deviceKey) };
  const node = withComposition(moved, decoded.value.composition);
  return replaceNode(network.document, before.address, node, network.ivIndex);
}

function bare({ heartbeatPub, heartbeatSub, ...entry }: NodeEntry): NodeEntry {
  const elements = entry.elements.map((element) => ({
    ...element,
    models: element.models.map(({ modelId }) => ({ modelId, bind: [], subscribe: [] })),
  }));
  return { ...entry, appKeys: [], elements, configComplete: false };
}

/** Bound and subscribed anew, as it was before its refresh; models that are no more are left out. */
async function configured(network: MeshNetwork, address: Unicast): Promise<NodeEntry> {
  const kept = network.state.view(JOB);
  const profile = readRecord<NodeProfile>(kept, CONFIGURATION + hex4(address));
  if (profile !== undefined) {
    await configureNode(network, address, profileFor(requireNode(network.document, address), profile));
    kept.batch([[CONFIGURATION + hex4(address), null]]);
  }
  return requireNode(network.document, address);
}

function noDeviceKey(address: Unicast): MeshError {
  return new MeshError('no-device-key', `the document has no device key of ${formatAddress(address)}`, {
    hint: 'Only a provisioner that has the key can refresh the node: it was left out of a partial export.',
  });
}
