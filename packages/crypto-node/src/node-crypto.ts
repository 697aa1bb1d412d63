import { createHash, createHmac } from 'node:crypto';
import type { Aes, CryptoProvider } from '@meshferry/crypto';
import { NativeAes } from './native-aes.ts';

/**
 * The primitives of `node:crypto`, constant-time where the processor has AES instructions: the provider for real keys.
 * Each `Aes` holds memory outside the JavaScript heap from its first use on: keep one per key, not one per PDU.
 */
export const nodeCrypto: CryptoProvider = {
  aes: (key: Uint8Array): Aes => new NativeAes(key),
  sha256: (message: Uint8Array): Uint8Array => plain(createHash('sha256').update(message).digest()),
  hmacSha256: (key: Uint8Array, message: Uint8Array): Uint8Array =>
    plain(createHmac('sha256', key).update(message).digest()),
};

/** Not a Buffer, whose `slice` would share its memory. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
