import { type Address, UNASSIGNED, type Unicast } from '@meshferry/core';
import type { ProxyFilterType } from './proxy-configuration.ts';

/** Which destinations pass to one client of a Proxy Server [Mesh Protocol 1.1, 6.4]. At first: an empty accept list. */
export class ProxyFilter {
  readonly #capacity: number;
  readonly #addresses = new Set<Address>();
  #type: ProxyFilterType = 'accept';

  /** `capacity`: addresses in the list; those for which there is no room are left out. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get type(): ProxyFilterType {
    return this.#type;
  }

  /** Addresses in the list. */
  get size(): number {
    return this.#addresses.size;
  }

  /** Clears the list, whatever the type was. */
  setType(type: ProxyFilterType): void {
    this.#type = type;
    this.#addresses.clear();
  }

  add(addresses: readonly Address[]): void {
    for (const address of addresses) {
      if (address !== UNASSIGNED && this.#addresses.size < this.#capacity) this.#addresses.add(address);
    }
  }

  remove(addresses: readonly Address[]): void {
    for (const address of addresses) this.#addresses.delete(address);
  }

  /** An authentic Network PDU of the client came from there: what is sent to it shall pass. */
  learn(src: Unicast): void {
    if (this.#type === 'accept') this.add([src]);
    else this.remove([src]);
  }

  passes(dst: Address): boolean {
    return this.#addresses.has(dst) === (this.#type === 'accept');
  }
}
