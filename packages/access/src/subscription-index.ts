import { type Address, equal } from '@meshferry/core';
import type { SubscriptionList } from './subscriptions.ts';

/** What the network layer asks at every PDU, gathered from all Subscription Lists of a node when one of them changes. */
export class SubscriptionIndex {
  readonly #groups = new Set<Address>();
  readonly #labels = new Map<Address, Uint8Array[]>();

  get addresses(): readonly Address[] {
    return [...this.#groups, ...this.#labels.keys()];
  }

  has(address: Address): boolean {
    return this.#groups.has(address) || this.#labels.has(address);
  }

  labelsOf(address: Address): readonly Uint8Array[] {
    return this.#labels.get(address) ?? [];
  }

  rebuild(lists: Iterable<SubscriptionList>): void {
    this.#groups.clear();
    this.#labels.clear();
    for (const list of lists) {
      for (const { address, label } of list.entries) {
        if (label === undefined) this.#groups.add(address);
        else this.#addLabel(address, label);
      }
    }
  }

  #addLabel(address: Address, label: Uint8Array): void {
    const labels = this.#labels.get(address);
    if (labels === undefined) this.#labels.set(address, [label]);
    else if (!labels.some((other) => equal(other, label))) labels.push(label);
  }
}
