import { equal, type Unicast } from '@meshferry/core';
import type { Aes, CryptoProvider } from '@meshferry/crypto';

const DEVICE_KEYS_KEPT = 512;

/** Device keys of nodes bound to the crypto provider, kept as long as the node's key is the same octets. */
export class DeviceKeys {
  readonly #provider: CryptoProvider;
  readonly #keyOf: (node: Unicast) => Uint8Array | undefined;
  readonly #bound = new Map<Unicast, { readonly key: Uint8Array; readonly aes: Aes }>();

  constructor(provider: CryptoProvider, keyOf: (node: Unicast) => Uint8Array | undefined) {
    this.#provider = provider;
    this.#keyOf = keyOf;
  }

  /** The device key of a node, or undefined when it is not known. */
  get(node: Unicast): Aes | undefined {
    const key = this.#keyOf(node);
    if (key?.length !== 16) return undefined; // received octets must not throw for a key that is none
    const bound = this.#bound.get(node);
    if (bound !== undefined && equal(bound.key, key)) return bound.aes;
    if (this.#bound.size >= DEVICE_KEYS_KEPT) this.#bound.clear();
    const aes = this.#provider.aes(key);
    this.#bound.set(node, { key: key.slice(), aes });
    return aes;
  }
}
