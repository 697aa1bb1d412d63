import { concat, equal, fromHex, toHex } from '@meshferry/core';
import { sha256 } from '@noble/hashes/sha2.js';
import { DerTag, readDer, readDerList } from './der.ts';

/** Of SHA-256, and of the salt that MCUboot's tools use. */
const HASH = 32;
const SALT = 32;
const TRAILER = 0xbc;
/** A public exponent of more bits only costs time. */
const MAX_EXPONENT = 2n ** 32n;

/**
 * Whether a signature is RSASSA-PSS over `message` with SHA-256, MGF1-SHA-256 and a salt of 32 octets [RFC 8017, 8.1.2].
 * `publicKey`: RSAPublicKey in DER. Nothing here is secret, so plain arithmetic does.
 */
export function verifyRsaPss(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  const [modulus, exponent] = integersOf(publicKey);
  if (modulus === undefined || exponent === undefined || exponent > MAX_EXPONENT) return false;
  const bits = modulus.toString(2).length;
  const octets = Math.ceil(bits / 8);
  const value = integer(signature);
  if (signature.length !== octets || value >= modulus) return false;
  const encoded = fromHex(
    power(value, exponent, modulus)
      .toString(16)
      .padStart(2 * octets, '0'),
  );
  // The encoded message has one bit less than the modulus, which can be an octet less.
  return isEncodedMessage(encoded.subarray(octets - Math.ceil((bits - 1) / 8)), bits - 1, sha256(message));
}

/** EMSA-PSS-VERIFY [RFC 8017, 9.1.2]. */
function isEncodedMessage(encoded: Uint8Array, bits: number, digest: Uint8Array): boolean {
  const split = encoded.length - HASH - 1;
  if (split < SALT + 1 || encoded.at(-1) !== TRAILER) return false;
  const hash = encoded.subarray(split, split + HASH);
  const unused = 0xff >> (8 * encoded.length - bits);
  if ((encoded[0]! & ~unused) !== 0) return false;
  const mask = mgf1(hash, split);
  const block = encoded.subarray(0, split).map((octet, i) => octet ^ mask[i]!);
  block[0]! &= unused;
  const padding = split - SALT - 1;
  if (block[padding] !== 1 || block.subarray(0, padding).some((octet) => octet !== 0)) return false;
  return equal(hash, sha256(concat(new Uint8Array(8), digest, block.subarray(padding + 1))));
}

/** MGF1 [RFC 8017, B.2.1]. */
function mgf1(seed: Uint8Array, length: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(length / HASH) }, (_, i) =>
    sha256(concat(seed, Uint8Array.of(0, 0, i >> 8, i & 0xff))),
  );
  return concat(...blocks).subarray(0, length);
}

function integersOf(publicKey: Uint8Array): bigint[] {
  const outer = readDer(publicKey);
  const numbers = (outer && readDerList(outer.contents)) ?? [];
  return numbers.filter(({ tag }) => tag === DerTag.integer).map(({ contents }) => integer(contents));
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let square = base, left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

function integer(octets: Uint8Array): bigint {
  return octets.length === 0 ? 0n : BigInt(`0x${toHex(octets)}`);
}
