/**
 * The Bluetooth Mesh security toolbox: s1, s2, k1 to k5, AES-CMAC, AES-CCM, identities and virtual addresses.
 *
 * Functions that derive keys take a {@link CryptoProvider} first; those that use one key again and again take an
 * {@link Aes} bound to it.
 *
 * ```ts
 * import { applicationNonce, networkCredentials, portableCrypto } from '@meshferry/crypto';
 *
 * const { nid, encryptionKey } = networkCredentials(portableCrypto, netKey);
 *
 * const aes = portableCrypto.aes(appKey);
 * const nonce = applicationNonce(false, seq, src, dst, ivIndex);
 * const sealed = aes.seal(nonce, message, 4);
 * aes.open(nonce, sealed, 4); // the message, or null if one bit has changed
 * ```
 *
 * @packageDocumentation
 */
export * from './beacons.ts';
export * from './checks.ts';
export * from './derivation.ts';
export * from './fcs.ts';
export * from './identities.ts';
export * from './keys.ts';
export * from './nonces.ts';
export * from './p256.ts';
export { portableCrypto } from './portable.ts';
export * from './provider.ts';
export * from './provisioning.ts';
export { sharedCrypto } from './shared.ts';
