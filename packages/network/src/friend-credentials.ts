import type { NetIndex } from '@meshferry/core';
import { type CryptoProvider, type FriendshipParameters, friendshipCredentials } from '@meshferry/crypto';
import type { NetKeyMaterial, SubnetSecurity } from './key-material.ts';
import { type Keys, valuesOf } from './keys.ts';

/**
 * The credentials of one friendship: derived of each value that the NetKey has, so that it lives through a Key Refresh,
 * and known to the reception of Network PDUs until {@link remove} [Mesh Protocol 1.1, 3.9.6.3.1].
 */
export class FriendCredentials {
  readonly netIndex: NetIndex;
  readonly #provider: CryptoProvider;
  readonly #keys: Keys;
  readonly #parameters: FriendshipParameters;
  readonly #securities = new Map<NetKeyMaterial, SubnetSecurity>();

  constructor(provider: CryptoProvider, keys: Keys, netIndex: NetIndex, parameters: FriendshipParameters) {
    this.netIndex = netIndex;
    this.#provider = provider;
    this.#keys = keys;
    this.#parameters = parameters;
    this.keysChanged();
  }

  /** To transmit with; undefined when the NetKey is not here any more. */
  get transmit(): SubnetSecurity | undefined {
    const netKey = this.#keys.transmitKey(this.netIndex);
    return netKey === undefined ? undefined : this.#securities.get(netKey);
  }

  /** Whether a PDU that this secured belongs to the friendship. */
  has(security: SubnetSecurity): boolean {
    return this.#securities.get(security.netKey) === security;
  }

  /** To be called when the NetKey got a new value or lost its old one. */
  keysChanged(): void {
    const state = this.#keys.netKeyState(this.netIndex);
    const values = state === undefined ? [] : valuesOf(state);
    for (const netKey of this.#securities.keys()) if (!values.includes(netKey)) this.#securities.delete(netKey);
    for (const netKey of values) {
      if (this.#securities.has(netKey)) continue;
      const derived = friendshipCredentials(this.#provider, netKey.key, this.#parameters);
      const security = netKey.secure('friendship', derived);
      this.#securities.set(netKey, security);
      this.#keys.addCredentials(security);
    }
  }

  remove(): void {
    for (const security of this.#securities.values()) this.#keys.removeCredentials(security);
    this.#securities.clear();
  }
}
