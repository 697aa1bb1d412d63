import { formatAddress, MeshError, type Unicast } from '@meshferry/core';
import { isFree, takenAddresses } from './addresses.ts';
import { refused } from './change.ts';
import { type OwnProvisioner, ownNode } from './create.ts';
import { hex4, hexNumber, uuidText } from './forms.ts';
import type { NetworkDocument, NodeEntry, ProvisionerEntry } from './model.ts';
import { addNode } from './nodes.ts';
import { addProvisioner, cedeUnicastRange, newProvisioner, unicastIntervals } from './provisioners.ts';
import type { DocumentIssue } from './report.ts';

export interface AdoptionOptions extends OwnProvisioner {
  /** Addresses that must not be taken though the document does not name them: heard in the network, or used by this process before. */
  readonly avoid?: Iterable<Unicast>;
  /** UUID of a provisioner that gives up part of its unicast range, when it has taken all; only if its user agreed. */
  readonly takeRangeFrom?: string;
  /** The address the user wants; default: one is chosen. */
  readonly address?: Unicast;
}

/** A network with this process as one of its provisioners. */
export interface Adoption {
  /** To be stored before the first message is sent, and to be exported to the other tools. */
  readonly document: NetworkDocument;
  readonly provisioner: ProvisionerEntry;
  readonly node: NodeEntry;
  readonly address: Unicast;
  /** What the user should know: `no-range`, `partial`, `missing-device-keys`. */
  readonly notices: readonly DocumentIssue[];
}

/**
 * Makes this process a provisioner of a network that other tools run. The document holds neither IV Index nor sequence numbers;
 * so the own node gets an address that, as far as the document tells, nobody has ever sent from: of no node, in no exclusion
 * list whatever its IV Index, mentioned nowhere, and if possible in a range that no provisioner could assign from. From it
 * sequence numbers may start at 0. The IV Index must be heard (Secure Network or Private beacon) before anything is sent.
 * Throws `provisioner-exists`, `address-taken`, `addresses-exhausted`.
 */
export function adoptNetwork(document: NetworkDocument, options: AdoptionOptions): Adoption {
  const { takeRangeFrom, composition, sizes } = options;
  requireNewcomer(document, uuidText(options.uuid));
  let base = document;
  let provisioner = newProvisioner(base.provisioners, options);
  if (provisioner.allocatedUnicastRange.length === 0 && takeRangeFrom !== undefined) {
    base = cedeUnicastRange(document, takeRangeFrom, sizes?.unicast ?? 0x1000);
    provisioner = newProvisioner(base.provisioners, options);
  }
  const address = ownAddress(base, provisioner, composition.elements.length, options);
  const node = ownNode(options, address, base.netKeys, base.appKeys);
  const adopted = addNode(addProvisioner(base, provisioner), node);
  return { document: adopted, provisioner, node, address, notices: noticesFor(adopted, provisioner) };
}

/** The address for the own node's `count` elements; throws `address-taken`, `addresses-exhausted`. */
function ownAddress(
  document: NetworkDocument,
  provisioner: ProvisionerEntry,
  count: number,
  { avoid = [], address }: AdoptionOptions,
): Unicast {
  const taken = new Set([...takenAddresses(document, undefined), ...mentionedAddresses(document), ...avoid]);
  const fits = (first: number): boolean => {
    for (let i = 0; i < count; i++) if (taken.has(first + i)) return false;
    return first > 0 && first + count - 1 < 0x8000;
  };
  if (address !== undefined) {
    if (fits(address) && isFree(document, { address, count }, undefined)) return address;
    const message = `${formatAddress(address)} with ${count} elements is, or was, an address of another node`;
    throw refused('address-taken', message, 'Leave the choice to Meshferry, or give an address that was never used.');
  }
  for (const { low, high } of unicastIntervals(provisioner)) {
    for (let first = low; first + count - 1 <= high; first++) if (fits(first)) return first;
  }
  // No place of its own: from the top, where other provisioners come last.
  const assigned = document.provisioners.flatMap(unicastIntervals);
  const unassigned = (first: number): boolean =>
    !assigned.some(({ low, high }) => first <= high && first + count - 1 >= low);
  for (const suits of [(first: number) => unassigned(first) && fits(first), fits]) {
    for (let first = 0x8000 - count; first > 0; first--) if (suits(first)) return first;
  }
  throw new MeshError('addresses-exhausted', `the network has no ${count} addresses in a row that were never used`, {
    hint: 'Remove nodes that are no longer there with the tool that runs the network, and import its export again.',
  });
}

/** Unicast addresses that something refers to: a node had them once, though the document may not have it any more. */
function mentionedAddresses({ nodes, scenes }: NetworkDocument): ReadonlySet<Unicast> {
  const mentioned = new Set<string>(scenes.flatMap(({ addresses }) => addresses));
  for (const { heartbeatPub, heartbeatSub, elements } of nodes) {
    if (heartbeatPub !== undefined) mentioned.add(heartbeatPub.address);
    if (heartbeatSub !== undefined) mentioned.add(heartbeatSub.source).add(heartbeatSub.destination);
    for (const { models } of elements) {
      for (const { publish } of models) if (publish?.address.length === 4) mentioned.add(publish.address);
    }
  }
  return new Set([...mentioned].map(hexNumber));
}

function noticesFor(document: NetworkDocument, provisioner: ProvisionerEntry): readonly DocumentIssue[] {
  const notices: DocumentIssue[] = [];
  const notice = (pointer: string, code: string, message: string, hint: string): number =>
    notices.push({ pointer, code, message, hint });
  if (provisioner.allocatedUnicastRange.length === 0) {
    const message = 'the other provisioners have all unicast addresses: this one can configure nodes, but not add any';
    const hint = 'Free a part of their range in the app they run in, or adopt with a range taken from one of them.';
    notice(`/provisioners/${document.provisioners.length - 1}/allocatedUnicastRange`, 'no-range', message, hint);
  }
  if (document.partial === true) {
    const message = 'the document is a partial export: it does not name all nodes, nor all addresses in use';
    notice('/partial', 'partial', message, 'Adopt from a full export if you can.');
  }
  const keyless = document.nodes.filter(({ deviceKey }) => deviceKey === undefined);
  if (keyless.length > 0) {
    const list = keyless.slice(0, 5).map(({ unicastAddress }) => unicastAddress);
    const message = `${keyless.length} nodes without device key cannot be configured: ${list.join(', ')}`;
    notice('/nodes', 'missing-device-keys', message, 'Export with device keys.');
  }
  return notices;
}

function requireNewcomer({ provisioners, nodes }: NetworkDocument, uuid: string): void {
  const own = nodes.find(({ UUID }) => UUID === uuid);
  if (own === undefined && !provisioners.some(({ UUID }) => UUID === uuid)) return;
  const where = own === undefined ? '' : `, its node has the address ${hex4(hexNumber(own.unicastAddress))}`;
  throw refused(
    'provisioner-exists',
    `UUID ${uuid} is in the network already${where}`,
    'Adopt with a new UUID: with the old one its sequence numbers would start again.',
  );
}
