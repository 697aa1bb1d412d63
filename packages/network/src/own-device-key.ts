import { MeshError, type Store, type Write } from '@meshferry/core';
import type { Aes, CryptoProvider } from '@meshferry/crypto';

const KEY = 'devkey';
const KEY_OCTETS = 16;

/**
 * The device key of this node, and the Device Key Candidate that a refresh gave it [Mesh Protocol 1.1, 3.11.8]: messages
 * are secured with the key until one arrives under the candidate, which is the key from then on. Both are durable.
 * Record: key (16) [‖ candidate (16)]; none before the first refresh.
 */
export class OwnDeviceKey {
  readonly #provider: CryptoProvider;
  readonly #store: Store;
  #key: Uint8Array;
  #aes: Aes;
  #candidate: { readonly key: Uint8Array; readonly aes: Aes } | undefined;

  /** `initial` (16 octets): of provisioning; what the store has counts more. Throws `bad-key-length`. */
  constructor(provider: CryptoProvider, store: Store, initial: Uint8Array) {
    this.#provider = provider;
    this.#store = store;
    const record = store.get(KEY);
    this.#key = record === undefined ? initial : record.slice(0, KEY_OCTETS);
    this.#aes = provider.aes(this.#key);
    if (record?.length === 2 * KEY_OCTETS) this.#propose(record.slice(KEY_OCTETS));
  }

  /** What messages are secured with. */
  get aes(): Aes {
    return this.#aes;
  }

  /** The candidate, which messages may arrive under. */
  get candidate(): Aes | undefined {
    return this.#candidate?.aes;
  }

  /**
   * Takes a candidate in place of the one there may be; durable when it returns. `commit` makes the change given to it
   * durable, together with others; when it throws, nothing has changed. Throws `bad-key-length`, `store-failed`.
   */
  offer(key: Uint8Array, commit: (write: Write) => void): void {
    if (key.length !== KEY_OCTETS) {
      throw new MeshError('bad-key-length', `Device Key Candidate of ${key.length} octets`, {
        hint: 'Give 16 octets.',
      });
    }
    const record = new Uint8Array(2 * KEY_OCTETS);
    record.set(this.#key);
    record.set(key, KEY_OCTETS);
    commit([KEY, record]);
    this.#propose(key.slice());
  }

  /** A message came under the candidate: it is the key now, durably. Throws `store-failed`; then nothing has changed. */
  adopt(): void {
    if (this.#candidate === undefined) return;
    const { key, aes } = this.#candidate;
    this.#store.batch([[KEY, key]]);
    this.#key = key;
    this.#aes = aes;
    this.#candidate = undefined;
  }

  #propose(key: Uint8Array): void {
    this.#candidate = { key, aes: this.#provider.aes(key) };
  }
}
