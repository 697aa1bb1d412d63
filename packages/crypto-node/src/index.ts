/**
 * The security toolbox on node:crypto: constant-time AES for real keys.
 *
 * ```ts
 * import { networkCredentials } from '@meshferry/crypto';
 * import { nodeCrypto } from '@meshferry/crypto-node';
 *
 * const { encryptionKey } = networkCredentials(nodeCrypto, netKey);
 * const aes = nodeCrypto.aes(encryptionKey);
 * ```
 *
 * @packageDocumentation
 */
export { nodeCrypto } from './node-crypto.ts';
