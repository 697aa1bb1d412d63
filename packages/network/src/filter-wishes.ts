import type { Address } from '@meshferry/core';
import { PROXY_ADDRESSES_MAX, type ProxyConfiguration, type ProxyFilterType } from './proxy-configuration.ts';

/**
 * What a proxy client wants to hear, and how far the filter of its Proxy Server follows: an accept list of some
 * addresses, or everything; and everything, too, when the server has no room for them all [Mesh Protocol 1.1, 6.4].
 */
export class FilterWishes {
  readonly #wanted: Set<Address>;
  /** In the list of the server. */
  readonly #listed = new Set<Address>();
  #type: ProxyFilterType;
  #typeSet = false;
  /** The server was told once more after an answer that may have been that to an earlier request. */
  #doubted = false;

  /** `everything`: an empty reject list. */
  constructor(wanted: Iterable<Address>, everything: boolean) {
    this.#wanted = new Set(wanted);
    this.#type = everything ? 'reject' : 'accept';
  }

  add(addresses: Iterable<Address>): void {
    for (const address of addresses) this.#wanted.add(address);
  }

  remove(addresses: Iterable<Address>): void {
    for (const address of addresses) this.#wanted.delete(address);
  }

  /** What is to be sent next, the same until {@link answered}; undefined: the filter is as wanted. */
  next(): ProxyConfiguration | undefined {
    if (!this.#typeSet) return { type: 'set-filter-type', filterType: this.#type };
    if (this.#type === 'reject') return undefined;
    const surplus = portion(this.#listed, this.#wanted);
    if (surplus.length > 0) return { type: 'remove-addresses', addresses: surplus };
    const missing = portion(this.#wanted, this.#listed);
    return missing.length > 0 ? { type: 'add-addresses', addresses: missing } : undefined;
  }

  /** A Filter Status came after `sent`. */
  answered(sent: ProxyConfiguration, status: ProxyConfiguration & { readonly type: 'filter-status' }): void {
    if (status.filterType !== this.#type) return;
    if (sent.type === 'set-filter-type') this.#typeSet = true;
    else if (sent.type === 'remove-addresses') for (const address of sent.addresses) this.#listed.delete(address);
    else if (sent.type === 'add-addresses') this.#added(sent.addresses, status.listSize);
  }

  /** The list may be longer: it has learnt sources. It is shorter when the server has no room. */
  #added(addresses: readonly Address[], listSize: number): void {
    if (listSize >= this.#listed.size + addresses.length) {
      for (const address of addresses) this.#listed.add(address);
      this.#doubted = false;
    } else if (!this.#doubted) this.#doubted = true;
    else {
      this.#type = 'reject';
      this.#typeSet = false;
      this.#listed.clear();
    }
  }
}

/** Some of those in `a` and not in `b`, as many as a message takes. */
function portion(a: ReadonlySet<Address>, b: ReadonlySet<Address>): Address[] {
  return [...a].filter((address) => !b.has(address)).slice(0, PROXY_ADDRESSES_MAX);
}
