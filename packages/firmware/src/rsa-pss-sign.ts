import { concat, MeshError } from '@meshferry/core';
import { sha256 } from '@noble/hashes/sha2.js';
import { DerTag, writeDer } from './der.ts';
import { bitLength, derIntegers, integer, mgf1, octetsOf, PSS_HASH, PSS_SALT, PSS_TRAILER, power } from './rsa-pss.ts';

/** An RSA private key with the parts of the Chinese remainder theorem [RFC 8017, 3.2]. */
export interface RsaPrivateKey {
  readonly modulus: bigint;
  readonly exponent: bigint;
  readonly secret: bigint;
  readonly primes: readonly [p: bigint, q: bigint];
  readonly exponents: readonly [p: bigint, q: bigint];
  readonly coefficient: bigint;
}

/** Reads RSAPrivateKey [RFC 8017, A.1.2] in DER; undefined for anything else. */
export function rsaPrivateKey(der: Uint8Array): RsaPrivateKey | undefined {
  const [version, modulus, exponent, secret, p, q, dp, dq, coefficient, ...more] = derIntegers(der);
  if (coefficient === undefined || more.length > 0 || version !== 0n) return undefined;
  const [n, e, d] = [modulus!, exponent!, secret!];
  if (p! * q! !== n || p! < 3n || q! < 3n) return undefined;
  return { modulus: n, exponent: e, secret: d, primes: [p!, q!], exponents: [dp!, dq!], coefficient };
}

/** RSAPublicKey in DER. */
export function rsaPublicKeyOf({ modulus, exponent }: RsaPrivateKey): Uint8Array {
  return writeDer(DerTag.sequence, derInteger(modulus), derInteger(exponent));
}

/**
 * RSASSA-PSS over `message` with SHA-256, MGF1-SHA-256 and a salt of 32 octets [RFC 8017, 8.1.1], which is drawn from key and
 * message: the same signature every time. The arithmetic takes a time that depends on the key: sign on a build machine, not
 * in a service that others can measure.
 */
export function signRsaPss(key: RsaPrivateKey, message: Uint8Array): Uint8Array {
  const bits = bitLength(key.modulus);
  const octets = Math.ceil(bits / 8);
  const digest = sha256(message);
  const salt = sha256(concat(octetsOf(key.secret, octets), digest)).subarray(0, PSS_SALT);
  const encoded = encodeMessage(digest, salt, bits - 1);
  const value = integer(encoded);
  const [p, q] = key.primes;
  const [low, high] = [power(value, key.exponents[0], p), power(value, key.exponents[1], q)];
  const step = (((low - high) * key.coefficient) % p) + p;
  const signature = high + q * (step % p);
  // A wrong part of the key, or an error of the machine, would give away the primes [RFC 8017, 8.1.1 note].
  if (power(signature, key.exponent, key.modulus) !== value) {
    throw new MeshError('bad-key', 'the RSA key does not fit together', { hint: 'Give another key.' });
  }
  return octetsOf(signature, octets);
}

/** EMSA-PSS-ENCODE [RFC 8017, 9.1.1]. */
function encodeMessage(digest: Uint8Array, salt: Uint8Array, bits: number): Uint8Array {
  const length = Math.ceil(bits / 8);
  const hash = sha256(concat(new Uint8Array(8), digest, salt));
  const block = new Uint8Array(length - PSS_HASH - 1);
  block[block.length - PSS_SALT - 1] = 1;
  block.set(salt, block.length - PSS_SALT);
  const mask = mgf1(hash, block.length);
  for (let i = 0; i < block.length; i++) block[i]! ^= mask[i]!;
  block[0]! &= 0xff >> (8 * length - bits);
  return concat(block, hash, Uint8Array.of(PSS_TRAILER));
}

/** Non-negative: a zero octet before a first bit that is set. */
function derInteger(value: bigint): Uint8Array {
  return writeDer(DerTag.integer, octetsOf(value, Math.floor(bitLength(value) / 8) + 1));
}
