import { type Address, ALL_NODES, addressKind, equal, formatAddress, MeshError } from '@meshferry/core';

/** An entry of a Subscription List: a group address, or a virtual one with its Label UUID [Mesh Protocol 1.1, 4.2.4]. */
export interface Subscription {
  readonly address: Address;
  readonly label?: Uint8Array;
}

/**
 * A Subscription List: one for all models that are connected by extension on an element [4.2.4]. A virtual address is
 * matched by its label, because two labels may share the 16 bits.
 */
export class SubscriptionList {
  #entries: readonly Subscription[] = [];
  readonly #groups = new Set<Address>();

  get entries(): readonly Subscription[] {
    return this.#entries;
  }

  /** Whether a message to `address` (by `label`, when virtual) is for the models of this list. */
  has(address: Address, label: Uint8Array | undefined): boolean {
    if (label === undefined) return this.#groups.has(address);
    for (const entry of this.#entries) if (entry.label !== undefined && equal(entry.label, label)) return true;
    return false;
  }

  replace(entries: readonly Subscription[]): void {
    this.#entries = entries;
    this.#groups.clear();
    for (const { address, label } of entries) if (label === undefined) this.#groups.add(address);
  }
}

/** The entries with `entry` among them, the same array when it was there. */
export function withEntry(entries: readonly Subscription[], entry: Subscription): readonly Subscription[] {
  return entries.some((other) => same(other, entry)) ? entries : [...entries, entry];
}

/** The entries without `entry`, the same array when it was not there. */
export function withoutEntry(entries: readonly Subscription[], entry: Subscription): readonly Subscription[] {
  const left = entries.filter((other) => !same(other, entry));
  return left.length === entries.length ? entries : left;
}

/** Throws `bad-address` for what a Subscription List cannot hold: anything but a group other than all-nodes. */
export function checkGroup(address: Address): void {
  if (addressKind(address) === 'group' && address !== ALL_NODES) return;
  throw new MeshError('bad-address', `a model cannot subscribe to ${formatAddress(address)}`, {
    hint: 'Give a group address (0xC000 to 0xFFFE), or the Label UUID of a virtual address.',
  });
}

function same(a: Subscription, b: Subscription): boolean {
  if (a.label === undefined || b.label === undefined) return a.label === b.label && a.address === b.address;
  return equal(a.label, b.label);
}
