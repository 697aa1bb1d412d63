import { equalConstantTime } from '@meshferry/core';
import {
  BTM_ECDH_P256_CMAC_AES128_AES_CCM,
  BTM_ECDH_P256_HMAC_SHA256_AES_CCM,
  type ConfirmationInputs,
  type CryptoProvider,
  confirmation,
  confirmationKey,
  confirmationSalt,
  type ProvisioningAlgorithm,
  type ProvisioningKeys,
  provisioningKeys,
  provisioningSalt,
} from '@meshferry/crypto';
import type { AlgorithmName } from './capabilities.ts';

/** What both sides know before the confirmations, and the secrets of one of them. */
export interface ExchangeInputs {
  readonly algorithm: AlgorithmName;
  readonly inputs: ConfirmationInputs;
  /** 32 octets. */
  readonly ecdhSecret: Uint8Array;
  /** 16 or 32 octets. */
  readonly authValue: Uint8Array;
  /** 16 or 32 octets: never told before the peer's Confirmation is here. */
  readonly ownRandom: Uint8Array;
}

/** One side's part in the exchange of confirmations and randoms, and what follows from it [Mesh Protocol 1.1, 5.4.2]. */
export class KeyExchange {
  /** The own Confirmation. */
  readonly confirmation: Uint8Array;
  readonly #crypto: CryptoProvider;
  readonly #algorithm: ProvisioningAlgorithm;
  readonly #secrets: ExchangeInputs;
  readonly #salt: Uint8Array;
  readonly #key: Uint8Array;

  constructor(crypto: CryptoProvider, secrets: ExchangeInputs) {
    this.#crypto = crypto;
    this.#algorithm = algorithmNumber(secrets.algorithm);
    this.#secrets = secrets;
    this.#salt = confirmationSalt(crypto, this.#algorithm, secrets.inputs);
    this.#key = confirmationKey(crypto, this.#algorithm, secrets.ecdhSecret, this.#salt, secrets.authValue);
    this.confirmation = this.#confirmation(secrets.ownRandom);
  }

  get ownRandom(): Uint8Array {
    return this.#secrets.ownRandom;
  }

  /** Whether a peer that echoes is on the link: the own Confirmation came back. */
  isOwnConfirmation(received: Uint8Array): boolean {
    return equalConstantTime(received, this.confirmation);
  }

  /** Whether the peer's Random fits its Confirmation, and is not the own one echoed. Takes the same time either way. */
  verifies(peerConfirmation: Uint8Array, peerRandom: Uint8Array): boolean {
    const isOwn = equalConstantTime(peerRandom, this.#secrets.ownRandom);
    return equalConstantTime(this.#confirmation(peerRandom), peerConfirmation) && !isOwn;
  }

  /** SessionKey, SessionNonce and DevKey. */
  keys(randomProvisioner: Uint8Array, randomDevice: Uint8Array): ProvisioningKeys {
    const salt = provisioningSalt(this.#crypto, this.#salt, randomProvisioner, randomDevice);
    return provisioningKeys(this.#crypto, this.#secrets.ecdhSecret, salt);
  }

  /** Overwrites the secrets. */
  forget(): void {
    this.#secrets.ecdhSecret.fill(0);
    this.#secrets.authValue.fill(0);
    this.#secrets.ownRandom.fill(0);
    this.#key.fill(0);
  }

  #confirmation(random: Uint8Array): Uint8Array {
    return confirmation(this.#crypto, this.#algorithm, this.#key, random, this.#secrets.authValue);
  }
}

/** Seals Provisioning Data: encrypted data ‖ MIC. */
export function sealData(crypto: CryptoProvider, keys: ProvisioningKeys, data: Uint8Array): Uint8Array {
  return crypto.aes(keys.sessionKey).seal(keys.sessionNonce, data, 8);
}

/** The Provisioning Data, or null when the MIC is wrong. */
export function openData(crypto: CryptoProvider, keys: ProvisioningKeys, sealed: Uint8Array): Uint8Array | null {
  return crypto.aes(keys.sessionKey).open(keys.sessionNonce, sealed, 8);
}

function algorithmNumber(name: AlgorithmName): ProvisioningAlgorithm {
  return name === 'hmac' ? BTM_ECDH_P256_HMAC_SHA256_AES_CCM : BTM_ECDH_P256_CMAC_AES128_AES_CCM;
}
