import type { AppIndex, NetIndex } from '@meshferry/core';
import {
  type Aes,
  aid,
  beaconKey,
  type CryptoProvider,
  directedCredentials,
  identityKey,
  type NetworkCredentials,
  networkCredentials,
  networkId,
  privateBeaconKey,
} from '@meshferry/crypto';
import type { Credentials } from './contract.ts';
import { type NetworkSecurity, networkSecurity } from './pdu.ts';

/** Material that secures Network PDUs of one subnet in one way. */
export interface SubnetSecurity extends NetworkSecurity {
  readonly netIndex: NetIndex;
  readonly credentials: Credentials;
  /** The value of the NetKey that it is made of: a Key Refresh has two. */
  readonly netKey: NetKeyMaterial;
}

/** One value of a NetKey and what it secures with [Mesh Protocol 1.1, 3.9.6]; what is rarely used is made when it is. */
export class NetKeyMaterial {
  readonly index: NetIndex;
  /** 16 octets; never to be shown. */
  readonly key: Uint8Array;
  /** Managed flooding. */
  readonly flooding: SubnetSecurity;
  readonly #provider: CryptoProvider;
  #directed: SubnetSecurity | undefined;
  #networkId: Uint8Array | undefined;
  #identity: Aes | undefined;
  #beacon: Aes | undefined;
  #privateBeacon: Aes | undefined;

  /** Throws `bad-key-length`. */
  constructor(provider: CryptoProvider, index: NetIndex, key: Uint8Array) {
    this.#provider = provider;
    this.index = index;
    this.key = key.slice();
    this.flooding = this.secure('flooding', networkCredentials(provider, key));
  }

  /** For messages on a path of directed forwarding. */
  get directed(): SubnetSecurity {
    this.#directed ??= this.secure('directed', directedCredentials(this.#provider, this.key));
    return this.#directed;
  }

  /** 8 octets, public. */
  get networkId(): Uint8Array {
    this.#networkId ??= networkId(this.#provider, this.key);
    return this.#networkId;
  }

  /** Bound to the IdentityKey. */
  get identity(): Aes {
    this.#identity ??= this.#provider.aes(identityKey(this.#provider, this.key));
    return this.#identity;
  }

  /** Bound to the BeaconKey. */
  get beacon(): Aes {
    this.#beacon ??= this.#provider.aes(beaconKey(this.#provider, this.key));
    return this.#beacon;
  }

  /** Bound to the PrivateBeaconKey. */
  get privateBeacon(): Aes {
    this.#privateBeacon ??= this.#provider.aes(privateBeaconKey(this.#provider, this.key));
    return this.#privateBeacon;
  }

  /** Other credentials made of this key (friendship, directed), ready for use. */
  secure(credentials: Credentials, derived: NetworkCredentials): SubnetSecurity {
    return { ...networkSecurity(this.#provider, derived), netIndex: this.index, credentials, netKey: this };
  }
}

/** One value of an AppKey, ready for use. */
export interface AppKeyMaterial {
  readonly index: AppIndex;
  /** The subnet it is bound to. */
  readonly netIndex: NetIndex;
  /** 16 octets; never to be shown. */
  readonly key: Uint8Array;
  readonly aid: number;
  readonly aes: Aes;
}

/** Binds an AppKey to a crypto provider. Throws `bad-key-length`. */
export function appKeyMaterial(
  provider: CryptoProvider,
  index: AppIndex,
  netIndex: NetIndex,
  key: Uint8Array,
): AppKeyMaterial {
  return { index, netIndex, key: key.slice(), aid: aid(provider, key), aes: provider.aes(key) };
}
