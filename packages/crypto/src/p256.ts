import { MeshError, type Random } from '@meshferry/core';
import { p256 } from '@noble/curves/nist.js';

// NIST P-256 for provisioning [Mesh Protocol 1.1, 5.4.3]. In a file of its own so that a bundle without provisioning
// leaves the curve out. Private keys have 32 octets, public keys 64 (X ‖ Y, no prefix), big-endian throughout.

/** A key pair for one provisioning attempt. */
export interface P256KeyPair {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** A new key pair, its private key from 1 to r/2. `random` must be cryptographic outside tests. */
export function generateP256KeyPair(random: Random): P256KeyPair {
  for (;;) {
    const privateKey = random.bytes(32);
    privateKey[0]! &= 0x7f; // r/2 is a little below 2^255: nearly every draw fits
    if (isInLowerHalf(privateKey)) return { privateKey, publicKey: p256PublicKey(privateKey) };
  }
}

/** The public key of a private one; throws `bad-private-key` for 0, for r and above, and for another length. */
export function p256PublicKey(privateKey: Uint8Array): Uint8Array {
  checkPrivateKey(privateKey);
  return p256.getPublicKey(privateKey, false).slice(1);
}

/**
 * Whether a received public key is a point of the curve: 64 octets, X and Y below p, Y² = X³ - 3X + b. That it differs
 * from the own public key is the caller's to check (provisioning forbids it). Never throws.
 */
export function isP256PublicKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== 64) return false;
  return p256.utils.isValidPublicKey(withPrefix(publicKey), false);
}

/**
 * ECDHSecret, 32 octets: the X coordinate of private key × peer public key; null when the received `peerPublicKey` is
 * no point of the curve. Throws `bad-private-key` like {@link p256PublicKey}.
 */
export function p256SharedSecret(privateKey: Uint8Array, peerPublicKey: Uint8Array): Uint8Array | null {
  checkPrivateKey(privateKey);
  if (!isP256PublicKey(peerPublicKey)) return null;
  return p256.getSharedSecret(privateKey, withPrefix(peerPublicKey), true).slice(1);
}

/**
 * Whether `signature` (ASN.1 DER, as in X.509) is that of the message by ECDSA with SHA-256. Any of the two values of s is
 * taken. Never throws: what is no signature or no key verifies nothing.
 */
export function verifyP256Signature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (!isP256PublicKey(publicKey)) return false;
  try {
    return p256.verify(signature, message, withPrefix(publicKey), { format: 'der', lowS: false });
  } catch {
    return false; // not DER
  }
}

/** SEC1 uncompressed form, which the library wants. */
function withPrefix(publicKey: Uint8Array): Uint8Array {
  const encoded = new Uint8Array(65);
  encoded[0] = 0x04;
  encoded.set(publicKey, 1);
  return encoded;
}

function checkPrivateKey(privateKey: Uint8Array): void {
  if (privateKey.length === 32 && p256.utils.isValidSecretKey(privateKey)) return;
  throw new MeshError('bad-private-key', `no P-256 private key (${privateKey.length} octets)`, {
    hint: 'Give 32 octets, as a number from 1 to below the order of the curve.',
  });
}

function isInLowerHalf(privateKey: Uint8Array): boolean {
  let value = 0n;
  for (const octet of privateKey) value = (value << 8n) | BigInt(octet);
  return value > 0n && value <= p256.Point.Fn.ORDER / 2n;
}
