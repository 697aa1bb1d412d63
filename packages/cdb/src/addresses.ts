import { type Address, isUnicast, MeshError, type Unicast } from '@meshferry/core';
import { hex4, hexNumber } from './forms.ts';
import type { NetworkDocument, NodeEntry, ProvisionerEntry } from './model.ts';

/** Addresses one after the other. */
export interface UnicastRange {
  readonly address: Unicast;
  /** 1 or more. */
  readonly count: number;
}

/** How many addresses a node takes: one at least, also while its composition is not known. */
export function elementCount({ elements }: NodeEntry): number {
  let count = Math.max(1, elements.length);
  for (const { index } of elements) count = Math.max(count, index + 1);
  return count;
}

/** The addresses of a node's elements. */
export function nodeRange(node: NodeEntry): UnicastRange {
  return { address: hexNumber(node.unicastAddress), count: elementCount(node) };
}

/** The node with an element at this address, if there is one. */
export function nodeAt({ nodes }: NetworkDocument, address: Address): NodeEntry | undefined {
  return nodes.find((node) => contains(nodeRange(node), address));
}

/** What {@link freeUnicastRange} is asked for. */
export interface UnicastRequest {
  /** UUID of the provisioner out of whose ranges the addresses are taken. */
  readonly provisioner: string;
  /** Elements, 1 to 255. */
  readonly count: number;
  /** The current IV Index; undefined while it is not known: then no address that any list excludes is given. */
  readonly ivIndex: number | undefined;
  /** Addresses that were promised already, to devices that are being provisioned. */
  readonly reserved?: readonly UnicastRange[];
}

/**
 * The first of `count` addresses in the provisioner's ranges that belong to no node and are not excluded: those of removed
 * nodes stay excluded until their sequence numbers have left all replay lists (`cdb.md`, section 2, networkExclusions).
 * Throws `unknown-provisioner`, or `addresses-exhausted` when there is no such place.
 */
export function freeUnicastRange(document: NetworkDocument, request: UnicastRequest): Unicast {
  const { count, ivIndex, reserved = [] } = request;
  if (!Number.isInteger(count) || count < 1 || count > 255) {
    throw new MeshError('bad-count', `a node has 1 to 255 elements, not ${count}`, { hint: 'Give 1 to 255.' });
  }
  const provisioner = requireProvisioner(document, request.provisioner);
  const taken = takenAddresses(document, ivIndex, reserved);
  for (const { lowAddress, highAddress } of mergedRanges(provisioner)) {
    let run = 0;
    for (let address = lowAddress; address <= highAddress; address++) {
      run = taken.has(address) ? 0 : run + 1;
      if (run === count) return address - count + 1;
    }
  }
  throw exhausted(document, provisioner, request);
}

/** Whether a node may have these addresses now: none belongs to a node, is excluded, or lies outside 0x0001 to 0x7FFF. */
export function isFree(
  document: NetworkDocument,
  { address, count }: UnicastRange,
  ivIndex: number | undefined,
): boolean {
  if (count < 1 || !isUnicast(address) || !isUnicast(address + count - 1)) return false;
  const taken = takenAddresses(document, ivIndex);
  for (let i = 0; i < count; i++) if (taken.has(address + i)) return false;
  return true;
}

/** Every address that must not be assigned: of nodes, excluded at this IV Index (undefined: at any), or reserved. */
export function takenAddresses(
  document: NetworkDocument,
  ivIndex: number | undefined,
  reserved: readonly UnicastRange[] = [],
): ReadonlySet<Unicast> {
  const taken = new Set<Unicast>(excludedAddresses(document, ivIndex));
  for (const { address, count } of [...document.nodes.map(nodeRange), ...reserved]) {
    for (let i = 0; i < count; i++) taken.add(address + i);
  }
  return taken;
}

/**
 * The addresses that must not be assigned while the IV Index is `ivIndex`: those excluded at it, at the one before, or at a
 * later one (then `ivIndex` is behind the network's). Undefined: those of all lists.
 */
export function excludedAddresses(document: NetworkDocument, ivIndex: number | undefined): ReadonlySet<Unicast> {
  const excluded = new Set<Unicast>();
  for (const list of document.networkExclusions ?? []) {
    if (ivIndex !== undefined && list.ivIndex + 1 < ivIndex) continue;
    for (const address of list.addresses) excluded.add(hexNumber(address));
  }
  return excluded;
}

/** The provisioner with this UUID; throws `unknown-provisioner`. */
export function requireProvisioner({ provisioners }: NetworkDocument, uuid: string): ProvisionerEntry {
  const found = provisioners.find(({ UUID }) => UUID === uuid);
  if (found !== undefined) return found;
  throw new MeshError('unknown-provisioner', `the network has no provisioner ${uuid}`, {
    hint: `It has ${provisioners.map(({ provisionerName, UUID }) => `${UUID} ("${provisionerName}")`).join(', ')}.`,
  });
}

function contains({ address, count }: UnicastRange, one: Address): boolean {
  return one >= address && one < address + count;
}

/** In ascending order; adjacent and overlapping ones as one. */
function mergedRanges({ allocatedUnicastRange }: ProvisionerEntry): { lowAddress: Unicast; highAddress: Unicast }[] {
  const merged: { lowAddress: Unicast; highAddress: Unicast }[] = [];
  const ranges = allocatedUnicastRange.map((range) => ({
    lowAddress: hexNumber(range.lowAddress),
    highAddress: hexNumber(range.highAddress),
  }));
  for (const range of ranges.sort((a, b) => a.lowAddress - b.lowAddress)) {
    const last = merged.at(-1);
    if (last === undefined || range.lowAddress > last.highAddress + 1) merged.push(range);
    else last.highAddress = Math.max(last.highAddress, range.highAddress);
  }
  return merged;
}

function exhausted(document: NetworkDocument, provisioner: ProvisionerEntry, request: UnicastRequest): MeshError {
  const { provisionerName, allocatedUnicastRange } = provisioner;
  const ranges = allocatedUnicastRange
    .map(({ lowAddress, highAddress }) => `${lowAddress} to ${highAddress}`)
    .join(', ');
  const place = ranges === '' ? 'it has no range at all' : `its ranges are ${ranges}`;
  const within = [...excludedAddresses(document, request.ivIndex)]
    .map(hex4)
    .filter((address) =>
      allocatedUnicastRange.some((range) => range.lowAddress <= address && address <= range.highAddress),
    );
  const wait =
    within.length === 0
      ? ''
      : ` ${within.length} addresses of removed nodes come free when the IV Index has grown by two.`;
  return new MeshError(
    'addresses-exhausted',
    `provisioner "${provisionerName}" has no ${request.count} free addresses in a row: ${place}`,
    { hint: `Give it another range, or remove nodes that are no longer there.${wait}` },
  );
}
