import { concat, equal, fromHex, toHex } from '@meshferry/core';
import { sha256 } from '@noble/hashes/sha2.js';
import { DerTag, readDer, readDerList } from './der.ts';

/** Octets of SHA-256, and of the salt that MCUboot's tools use. */
export const PSS_HASH = 32;
export const PSS_SALT = 32;
export const PSS_TRAILER = 0xbc;
/** A public exponent of more bits only costs time. */
const MAX_EXPONENT = 2n ** 32n;

/**
 * Whether a signature is RSASSA-PSS over `message` with SHA-256, MGF1-SHA-256 and a salt of 32 octets [RFC 8017, 8.1.2].
 * `publicKey`: RSAPublicKey in DER. Nothing here is secret, so plain arithmetic does.
 */
export function verifyRsaPss(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  const [modulus, exponent] = derIntegers(publicKey);
  if (modulus === undefined || exponent === undefined || exponent > MAX_EXPONENT) return false;
  const bits = bitLength(modulus);
  const octets = Math.ceil(bits / 8);
  const value = integer(signature);
  if (signature.length !== octets || value >= modulus) return false;
  const encoded = octetsOf(power(value, exponent, modulus), octets);
  // The encoded message has one bit less than the modulus, which can be an octet less.
  return isEncodedMessage(encoded.subarray(octets - Math.ceil((bits - 1) / 8)), bits - 1, sha256(message));
}

/** Bits of the modulus of an RSAPublicKey in DER; 0 when it is none. */
export function rsaModulusBits(publicKey: Uint8Array): number {
  const [modulus] = derIntegers(publicKey);
  return modulus === undefined ? 0 : bitLength(modulus);
}

/** The integers of a SEQUENCE in DER; empty when it is none. */
export function derIntegers(sequence: Uint8Array): bigint[] {
  const outer = readDer(sequence);
  const numbers = (outer?.tag === DerTag.sequence && readDerList(outer.contents)) || [];
  return numbers.filter(({ tag }) => tag === DerTag.integer).map(({ contents }) => integer(contents));
}

/** MGF1 with SHA-256 [RFC 8017, B.2.1]. */
export function mgf1(seed: Uint8Array, length: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(length / PSS_HASH) }, (_, i) =>
    sha256(concat(seed, Uint8Array.of(0, 0, i >> 8, i & 0xff))),
  );
  return concat(...blocks).subarray(0, length);
}

export function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let square = base % modulus, left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

export function integer(octets: Uint8Array): bigint {
  return octets.length === 0 ? 0n : BigInt(`0x${toHex(octets)}`);
}

/** Big-endian, with zeros before it. */
export function octetsOf(value: bigint, length: number): Uint8Array {
  return fromHex(value.toString(16).padStart(2 * length, '0'));
}

export function bitLength(value: bigint): number {
  return value.toString(2).length;
}

/** EMSA-PSS-VERIFY [RFC 8017, 9.1.2]. */
function isEncodedMessage(encoded: Uint8Array, bits: number, digest: Uint8Array): boolean {
  const split = encoded.length - PSS_HASH - 1;
  if (split < PSS_SALT + 1 || encoded.at(-1) !== PSS_TRAILER) return false;
  const hash = encoded.subarray(split, split + PSS_HASH);
  const unused = 0xff >> (8 * encoded.length - bits);
  if ((encoded[0]! & ~unused) !== 0) return false;
  const mask = mgf1(hash, split);
  const block = encoded.subarray(0, split).map((octet, i) => octet ^ mask[i]!);
  block[0]! &= unused;
  const padding = split - PSS_SALT - 1;
  if (block[padding] !== 1 || block.subarray(0, padding).some((octet) => octet !== 0)) return false;
  return equal(hash, sha256(concat(new Uint8Array(8), digest, block.subarray(padding + 1))));
}
