import type { Address } from '@meshferry/core';
import { requireProvisioner } from './addresses.ts';
import { change, mapped, refused, unknown } from './change.ts';
import { hex4, hexNumber, isAssignableGroup, isLabel } from './forms.ts';
import type { AddressOrLabel, GroupEntry, NetworkDocument } from './model.ts';

/** A group to be added. */
export interface NewGroup {
  readonly name: string;
  /** `C000` to `FEFF`, or the 32 digits of a label (see `labelText`). */
  readonly address: AddressOrLabel;
  /** Another group, default none. */
  readonly parentAddress?: AddressOrLabel;
}

/** The document with one more group; throws `group-exists`, `bad-group-address`, `unknown-group` for the parent. */
export function addGroup(document: NetworkDocument, { name, address, parentAddress }: NewGroup): NetworkDocument {
  const fits = /^([0-9A-F]{4}|[0-9A-F]{32})$/.test(address);
  if (!fits || !(isLabel(address) || isAssignableGroup(hexNumber(address)))) {
    const hint = 'Give C000 to FEFF as four upper-case hex digits, or the 32 digits of a label.';
    throw refused('bad-group-address', `not an address for a group: ${JSON.stringify(address.slice(0, 40))}`, hint);
  }
  const twin = document.groups.find((group) => group.address === address);
  if (twin !== undefined) {
    throw refused('group-exists', `group "${twin.name}" has the address ${address}`, 'Give another address.');
  }
  if (parentAddress !== undefined) requireGroup(document, parentAddress);
  const group: GroupEntry = { name, address, parentAddress: parentAddress ?? NO_PARENT };
  return change(document, { groups: [...document.groups, group] });
}

export function renameGroup(document: NetworkDocument, address: AddressOrLabel, name: string): NetworkDocument {
  return withGroup(document, address, (group) => change(group, { name }));
}

/** The document in which a group has another parent, `undefined` for none; throws `group-cycle`, `unknown-group`. */
export function setGroupParent(
  document: NetworkDocument,
  address: AddressOrLabel,
  parent: AddressOrLabel | undefined,
): NetworkDocument {
  if (parent !== undefined) {
    requireGroup(document, parent);
    if (parent === address || ancestors(document, parent).has(address)) {
      throw refused(
        'group-cycle',
        `group ${address} would be its own ancestor`,
        'Choose a group that is not below it.',
      );
    }
  }
  return withGroup(document, address, (group) => change(group, { parentAddress: parent ?? NO_PARENT }));
}

/**
 * The document without a group. Throws `unknown-group`; `group-has-children` unless `detach` says that they become groups
 * without parent. Subscriptions and publications to its address are left as they are: the nodes still have them.
 */
export function removeGroup(
  document: NetworkDocument,
  address: AddressOrLabel,
  { detach = false }: { readonly detach?: boolean } = {},
): NetworkDocument {
  const group = requireGroup(document, address);
  const child = document.groups.find((one) => one.parentAddress === address);
  if (child !== undefined && !detach) {
    const hint = 'Give its children another parent first, or none.';
    throw refused('group-has-children', `group "${group.name}" is the parent of "${child.name}"`, hint);
  }
  const groups = document.groups
    .filter((one) => one !== group)
    .map((one) => (one.parentAddress === address ? change(one, { parentAddress: NO_PARENT }) : one));
  return change(document, { groups });
}

/** A group and all above it. */
export function ancestors({ groups }: NetworkDocument, address: AddressOrLabel): ReadonlySet<AddressOrLabel> {
  const parents = new Map(groups.map((group) => [group.address, group.parentAddress]));
  const found = new Set<AddressOrLabel>();
  for (
    let at: string | undefined = address;
    at !== undefined && at !== NO_PARENT && !found.has(at);
    at = parents.get(at)
  ) {
    if (parents.has(at)) found.add(at);
  }
  return found;
}

/** Whether a model subscribes or publishes to the address. */
export function isGroupUsed({ nodes }: NetworkDocument, address: AddressOrLabel): boolean {
  return nodes.some(({ elements }) =>
    elements.some(({ models }) =>
      models.some(({ subscribe, publish }) => subscribe.includes(address) || publish?.address === address),
    ),
  );
}

/** The first group address in the provisioner's ranges that no group has and no model uses; throws `addresses-exhausted`. */
export function freeGroupAddress(document: NetworkDocument, provisioner: string): Address {
  const { provisionerName, allocatedGroupRange } = requireProvisioner(document, provisioner);
  const taken = new Set(document.groups.map((group) => group.address));
  for (const { elements } of document.nodes) {
    for (const { models } of elements) {
      for (const { subscribe, publish } of models) {
        for (const address of subscribe) taken.add(address);
        if (publish !== undefined) taken.add(publish.address);
      }
    }
  }
  for (const { lowAddress, highAddress } of allocatedGroupRange) {
    for (let address = hexNumber(lowAddress); address <= hexNumber(highAddress); address++) {
      if (!taken.has(hex4(address))) return address;
    }
  }
  const message = `provisioner "${provisionerName}" has no free group address`;
  throw refused('addresses-exhausted', message, 'Give it another range of group addresses, or remove groups.');
}

const NO_PARENT = '0000';

function requireGroup({ groups }: NetworkDocument, address: AddressOrLabel): GroupEntry {
  const found = groups.find((group) => group.address === address);
  if (found !== undefined) return found;
  throw unknown('group', address, 'Add the group first (net show lists them).');
}

function withGroup(
  document: NetworkDocument,
  address: AddressOrLabel,
  to: (group: GroupEntry) => GroupEntry,
): NetworkDocument {
  const before = requireGroup(document, address);
  return change(document, { groups: mapped(document.groups, (group) => (group === before ? to(group) : group)) });
}
