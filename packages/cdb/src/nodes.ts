import type { Unicast } from '@meshferry/core';
import { elementCount, nodeRange } from './addresses.ts';
import { type Changes, change, kept, mapped, refused, unknown } from './change.ts';
import { excludeAddresses } from './exclusions.ts';
import { hex4, hexNumber, keyHex, modelIdText, uuidText } from './forms.ts';
import type { ElementEntry, FeatureName, FeatureState, ModelEntry, NetworkDocument, NodeEntry } from './model.ts';

/** What is known of a node when it has just been provisioned. */
export interface ProvisionedDevice {
  /** Device UUID, as text or 16 octets. */
  readonly uuid: string | Uint8Array;
  readonly name?: string;
  readonly address: Unicast;
  /** Elements that the device said it has. */
  readonly elements: number;
  /** 16 octets. */
  readonly deviceKey: Uint8Array;
  /** Its public key came out of band. */
  readonly secure: boolean;
  /** The NetKey it was given. */
  readonly netIndex: number;
}

/** The entry of a node that has just been provisioned; its composition is not known yet. */
export function provisionedNode(document: NetworkDocument, device: ProvisionedDevice): NodeEntry {
  const { uuid, name, address, elements, deviceKey, secure, netIndex } = device;
  const netKey = document.netKeys.find(({ index }) => index === netIndex);
  if (netKey === undefined) throw unknown('NetKey', `${netIndex}`, 'Give the index of a NetKey of the document.');
  return {
    UUID: uuidText(uuid),
    ...(name === undefined ? {} : { name }),
    unicastAddress: hex4(address),
    deviceKey: keyHex(deviceKey),
    security: secure ? 'secure' : 'insecure',
    // A device that joins in phase 2 is given the new key (Key Refresh Flag), in phase 1 the old one.
    netKeys: [{ index: netIndex, updated: netKey.phase === 2 }],
    appKeys: [],
    configComplete: false,
    excluded: false,
    elements: Array.from({ length: elements }, (_, index): ElementEntry => ({ index, location: '0000', models: [] })),
  };
}

/** The document with one more node. Throws `address-taken`, `bad-address`. */
export function addNode(document: NetworkDocument, node: NodeEntry): NetworkDocument {
  requireRoom(document, node, undefined);
  const secured = node.security === 'secure' ? document : lowerSecurity(document, node);
  return change(secured, { nodes: [...secured.nodes, node] });
}

/** The node whose primary element has this address; throws `unknown-node`. */
export function requireNode({ nodes }: NetworkDocument, address: Unicast): NodeEntry {
  const hex = hex4(address);
  const found = nodes.find(({ unicastAddress }) => unicastAddress === hex);
  if (found !== undefined) return found;
  throw unknown('node', `0x${hex}`, 'Give the unicast address of the primary element of a node (net show lists them).');
}

/** The document with other values for members of a node; `undefined` removes one. For its address use {@link replaceNode}. */
export function updateNode(
  document: NetworkDocument,
  address: Unicast,
  changes: Changes<Omit<NodeEntry, 'unicastAddress'>>,
): NetworkDocument {
  return withNode(document, address, (node) => change(node, changes));
}

/** The document with what `to` makes of a node. */
export function withNode(
  document: NetworkDocument,
  address: Unicast,
  to: (node: NodeEntry) => NodeEntry,
): NetworkDocument {
  const before = requireNode(document, address);
  return change(document, { nodes: mapped(document.nodes, (node) => (node === before ? to(node) : node)) });
}

/**
 * The document without a node: all its element addresses are excluded from `ivIndex` on, and no scene is stored there any more.
 * Throws `unknown-node`.
 */
export function removeNode(document: NetworkDocument, address: Unicast, ivIndex: number): NetworkDocument {
  const node = requireNode(document, address);
  const without = change(document, { nodes: document.nodes.filter((one) => one !== node) });
  return retire(without, addressesOf(node), ivIndex);
}

/**
 * The document with another entry for a node that has got another address, device key or composition (Node Provisioning
 * Protocol Interface, or provisioned once more). Addresses it no longer has are excluded from `ivIndex` on.
 * Throws `unknown-node`, `address-taken`.
 */
export function replaceNode(
  document: NetworkDocument,
  address: Unicast,
  node: NodeEntry,
  ivIndex: number,
): NetworkDocument {
  const before = requireNode(document, address);
  requireRoom(document, node, before);
  const nodes = mapped(document.nodes, (one) => (one === before ? node : one));
  const now = new Set(addressesOf(node));
  return retire(
    change(document, { nodes }),
    addressesOf(before).filter((one) => !now.has(one)),
    ivIndex,
  );
}

/** Composition Data Page 0, as `decodeComposition` of access gives it; vendor models as `company << 16 | model`. */
export interface NodeComposition {
  readonly cid: number;
  readonly pid: number;
  readonly vid: number;
  readonly crpl: number;
  /** Bits: 1 relay, 2 proxy, 4 friend, 8 low power. */
  readonly features: number;
  readonly elements: readonly {
    readonly location: number;
    readonly sigModels: readonly number[];
    readonly vendorModels: readonly number[];
  }[];
}

/**
 * The entry with what Composition Data says. Models that were there before keep their bindings, subscriptions and publication,
 * elements and models their unknown properties. A supported feature whose state is not known stays not known.
 */
export function withComposition(node: NodeEntry, composition: NodeComposition): NodeEntry {
  const { cid, pid, vid, crpl } = composition;
  const elements = composition.elements.map(({ location, sigModels, vendorModels }, index): ElementEntry => {
    const before = node.elements.find((element) => element.index === index);
    const models = [...sigModels.map(hex4), ...vendorModels.map(vendorModelText)].map(
      (modelId): ModelEntry =>
        before?.models.find((model) => model.modelId === modelId) ?? { modelId, subscribe: [], bind: [] },
    );
    const entry = { index, location: hex4(location), models };
    return before === undefined ? entry : { ...before, ...entry };
  });
  const states: { [name in FeatureName]?: FeatureState } = { ...node.features };
  for (const [name, bit] of FEATURES) {
    if ((composition.features & bit) === 0) states[name] = 2;
    else if (states[name] === 2) delete states[name];
  }
  return change(node, { cid: hex4(cid), pid: hex4(pid), vid: hex4(vid), crpl: hex4(crpl), features: states, elements });
}

const FEATURES = [
  ['relay', 1],
  ['proxy', 2],
  ['friend', 4],
  ['lowPower', 8],
] as const;

/** Eight digits also for company 0x0000. */
function vendorModelText(id: number): string {
  return modelIdText(id).padStart(8, '0');
}

function addressesOf(node: NodeEntry): Unicast[] {
  const { address, count } = nodeRange(node);
  return Array.from({ length: count }, (_, i) => address + i);
}

function retire(document: NetworkDocument, addresses: readonly Unicast[], ivIndex: number): NetworkDocument {
  const gone = new Set(addresses.map(hex4));
  const scenes = mapped(document.scenes, (scene) =>
    change(scene, { addresses: kept(scene.addresses, (address) => !gone.has(address)) }),
  );
  return excludeAddresses(change(document, { scenes }), ivIndex, addresses);
}

function requireRoom(document: NetworkDocument, node: NodeEntry, besides: NodeEntry | undefined): void {
  const first = hexNumber(node.unicastAddress);
  const last = first + elementCount(node) - 1;
  if (!(first > 0 && last < 0x8000)) {
    throw refused(
      'bad-address',
      `node ${node.unicastAddress} does not fit into 0001 to 7FFF`,
      'Give a unicast address.',
    );
  }
  for (const other of document.nodes) {
    const { address, count } = nodeRange(other);
    if (other === besides || last < address || first >= address + count) continue;
    const message = `node ${node.unicastAddress} with ${elementCount(node)} elements overlaps node ${other.unicastAddress}`;
    throw refused('address-taken', message, 'Ask freeUnicastRange for an address.');
  }
}

/** A subnet is secure while all its nodes are. */
function lowerSecurity(document: NetworkDocument, node: NodeEntry): NetworkDocument {
  const indexes = new Set(node.netKeys.map(({ index }) => index));
  const netKeys = mapped(document.netKeys, (key) =>
    indexes.has(key.index) ? change(key, { minSecurity: 'insecure' }) : key,
  );
  return change(document, { netKeys });
}
