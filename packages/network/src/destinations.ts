import {
  type Address,
  ALL_FRIENDS,
  ALL_NODES,
  ALL_PROXIES,
  ALL_RELAYS,
  isUnicast,
  type Unicast,
} from '@meshferry/core';
import type { NetworkHost } from './contract.ts';
import type { Features } from './features.ts';

/** Which addresses mean this node [Mesh Protocol 1.1, 3.4.2]. */
export class Destinations {
  readonly #address: Unicast;
  readonly #elements: number;
  readonly #host: NetworkHost;
  readonly #features: Features;
  readonly #listensTo: (dst: Address) => boolean;

  /** `listensTo`: groups that count besides those of the host. */
  constructor(
    address: Unicast,
    elements: number,
    host: NetworkHost,
    features: Features,
    listensTo: (dst: Address) => boolean,
  ) {
    this.#address = address;
    this.#elements = elements;
    this.#host = host;
    this.#features = features;
    this.#listensTo = listensTo;
  }

  /** Whether it is an element of this node. */
  isOwn(address: Address): boolean {
    return address >= this.#address && address < this.#address + this.#elements;
  }

  /** Whether this node takes what is sent there. */
  isForThisNode(dst: Address): boolean {
    if (isUnicast(dst)) return this.isOwn(dst);
    if (dst >= ALL_PROXIES && this.#isForFeature(dst)) return true;
    return this.#host.isSubscribed(dst) || this.#listensTo(dst);
  }

  /** The fixed groups [3.4.2.4]. */
  #isForFeature(dst: Address): boolean {
    switch (dst) {
      case ALL_NODES:
        return true;
      case ALL_RELAYS:
        return this.#features.inUse('relay');
      case ALL_FRIENDS:
        return this.#features.inUse('friend');
      default:
        return this.#features.inUse('proxy');
    }
  }
}
