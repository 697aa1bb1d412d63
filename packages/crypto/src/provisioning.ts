import { concat, utf8 } from '@meshferry/core';
import { k1, k5, s1, s2 } from './derivation.ts';
import type { CryptoProvider } from './provider.ts';

/** Algorithm field of the Provisioning Start PDU: Confirmation, Random and AuthValue of 16 octets. */
export const BTM_ECDH_P256_CMAC_AES128_AES_CCM = 0x00;
/** Algorithm field of the Provisioning Start PDU: Confirmation, Random and AuthValue of 32 octets. */
export const BTM_ECDH_P256_HMAC_SHA256_AES_CCM = 0x01;

/** Which of the two [Mesh Protocol 1.1, 5.4.1]. */
export type ProvisioningAlgorithm = typeof BTM_ECDH_P256_CMAC_AES128_AES_CCM | typeof BTM_ECDH_P256_HMAC_SHA256_AES_CCM;

/** The parameters of the PDUs exchanged so far, without their type octets. With an OOB public key the device's is that one. */
export interface ConfirmationInputs {
  /** 1 octet. */
  readonly invite: Uint8Array;
  /** 11 octets. */
  readonly capabilities: Uint8Array;
  /** 5 octets. */
  readonly start: Uint8Array;
  /** 64 octets, X ‖ Y. */
  readonly publicKeyProvisioner: Uint8Array;
  /** 64 octets, X ‖ Y. */
  readonly publicKeyDevice: Uint8Array;
}

/** What secures the Provisioning Data PDU, and the new node's device key. */
export interface ProvisioningKeys {
  /** 16 octets. */
  readonly sessionKey: Uint8Array;
  /** 13 octets. */
  readonly sessionNonce: Uint8Array;
  /** DevKey, 16 octets. */
  readonly deviceKey: Uint8Array;
}

/** ConfirmationSalt: 16 octets (CMAC) or 32 (HMAC) [Mesh Protocol 1.1, 5.4.2.4]. */
export function confirmationSalt(
  provider: CryptoProvider,
  algorithm: ProvisioningAlgorithm,
  inputs: ConfirmationInputs,
): Uint8Array {
  const { invite, capabilities, start, publicKeyProvisioner, publicKeyDevice } = inputs;
  const all = concat(invite, capabilities, start, publicKeyProvisioner, publicKeyDevice);
  return algorithm === BTM_ECDH_P256_CMAC_AES128_AES_CCM ? s1(provider, all) : s2(provider, all);
}

/** ConfirmationKey: 16 octets (CMAC, where `authValue` has no part in it) or 32 (HMAC) [Mesh Protocol 1.1, 5.4.2.4]. */
export function confirmationKey(
  provider: CryptoProvider,
  algorithm: ProvisioningAlgorithm,
  ecdhSecret: Uint8Array,
  salt: Uint8Array,
  authValue: Uint8Array,
): Uint8Array {
  return algorithm === BTM_ECDH_P256_CMAC_AES128_AES_CCM
    ? k1(provider, ecdhSecret, salt, utf8('prck'))
    : k5(provider, concat(ecdhSecret, authValue), salt, utf8('prck256'));
}

/**
 * Confirmation of the side whose Random is given: 16 octets (CMAC) or 32 (HMAC, where `authValue` is in the key instead)
 * [Mesh Protocol 1.1, 5.4.2.4]. Compare with `equalConstantTime`.
 */
export function confirmation(
  provider: CryptoProvider,
  algorithm: ProvisioningAlgorithm,
  key: Uint8Array,
  random: Uint8Array,
  authValue: Uint8Array,
): Uint8Array {
  return algorithm === BTM_ECDH_P256_CMAC_AES128_AES_CCM
    ? provider.aes(key).cmac(concat(random, authValue))
    : provider.hmacSha256(key, random);
}

/** ProvisioningSalt, 16 octets with both algorithms [Mesh Protocol 1.1, 5.4.2.5]. `salt` is the ConfirmationSalt. */
export function provisioningSalt(
  provider: CryptoProvider,
  salt: Uint8Array,
  randomProvisioner: Uint8Array,
  randomDevice: Uint8Array,
): Uint8Array {
  return s1(provider, concat(salt, randomProvisioner, randomDevice));
}

/** SessionKey, SessionNonce and DevKey from the ECDHSecret and the ProvisioningSalt [Mesh Protocol 1.1, 5.4.2.5]. */
export function provisioningKeys(provider: CryptoProvider, ecdhSecret: Uint8Array, salt: Uint8Array): ProvisioningKeys {
  return {
    sessionKey: k1(provider, ecdhSecret, salt, utf8('prsk')),
    sessionNonce: k1(provider, ecdhSecret, salt, utf8('prsn')).slice(3),
    deviceKey: k1(provider, ecdhSecret, salt, utf8('prdk')),
  };
}
