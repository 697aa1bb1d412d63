import { concat, fromHex, utf8 } from '@meshferry/core';
import { checkKeyLength } from './checks.ts';
import type { CryptoProvider } from './provider.ts';

/** What {@link k2} makes of a NetKey: how Network PDUs of one kind are marked and secured. */
export interface NetworkCredentials {
  /** 7 bits, sent in clear in each Network PDU. Different keys may have the same: a match identifies nothing. */
  readonly nid: number;
  /** 16 octets: AES-CCM key of Network PDUs. */
  readonly encryptionKey: Uint8Array;
  /** 16 octets: key of the header obfuscation. */
  readonly privacyKey: Uint8Array;
}

/** Salt generation s1(M) = AES-CMAC(zeros, M): 16 octets [Mesh Protocol 1.1, 3.9.2]. M is not empty. */
export function s1(provider: CryptoProvider, m: Uint8Array): Uint8Array {
  return provider.aes(ZERO_16).cmac(m);
}

/** Salt generation s2(M) = HMAC-SHA-256(zeros, M): 32 octets [Mesh Protocol 1.1, 3.9.2]. M is not empty. */
export function s2(provider: CryptoProvider, m: Uint8Array): Uint8Array {
  return provider.hmacSha256(ZERO_32, m);
}

/** k1(N, SALT, P): 16 octets; SALT has 16 octets (`bad-key-length`) [Mesh Protocol 1.1, 3.9.2]. */
export function k1(provider: CryptoProvider, n: Uint8Array, salt: Uint8Array, p: Uint8Array): Uint8Array {
  const t = provider.aes(salt).cmac(n);
  return provider.aes(t).cmac(p);
}

/** k2(N, P): network credentials; N has 16 octets (`bad-key-length`), P is not empty [Mesh Protocol 1.1, 3.9.2]. */
export function k2(provider: CryptoProvider, n: Uint8Array, p: Uint8Array): NetworkCredentials {
  checkKeyLength(n);
  const t = provider.aes(provider.aes(SALT_SMK2).cmac(n));
  const t1 = t.cmac(concat(p, ONE));
  const encryptionKey = t.cmac(concat(t1, p, TWO));
  const privacyKey = t.cmac(concat(encryptionKey, p, THREE));
  return { nid: t1[15]! & 0x7f, encryptionKey, privacyKey };
}

/** k3(N): 8 octets, public; N has 16 octets (`bad-key-length`) [Mesh Protocol 1.1, 3.9.2]. */
export function k3(provider: CryptoProvider, n: Uint8Array): Uint8Array {
  checkKeyLength(n);
  return k1(provider, n, SALT_SMK3, ID64_1).slice(8);
}

/** k4(N): 6 bits; N has 16 octets (`bad-key-length`) [Mesh Protocol 1.1, 3.9.2]. */
export function k4(provider: CryptoProvider, n: Uint8Array): number {
  checkKeyLength(n);
  return k1(provider, n, SALT_SMK4, ID6_1)[15]! & 0x3f;
}

/** k5(N, SALT, P): 32 octets; SALT is the 32-octet HMAC key [Mesh Protocol 1.1, 3.9.2]. */
export function k5(provider: CryptoProvider, n: Uint8Array, salt: Uint8Array, p: Uint8Array): Uint8Array {
  const t = provider.hmacSha256(salt, n);
  return provider.hmacSha256(t, p);
}

const ZERO_16 = new Uint8Array(16);
const ZERO_32 = new Uint8Array(32);
const ONE = Uint8Array.of(1);
const TWO = Uint8Array.of(2);
const THREE = Uint8Array.of(3);
const ID64_1 = concat(utf8('id64'), ONE);
const ID6_1 = concat(utf8('id6'), ONE);
const SALT_SMK2 = fromHex('4f90480c1871bfbffd16971f4d8d10b1'); // s1("smk2")
const SALT_SMK3 = fromHex('0036443503f195cc8a716e136291c302'); // s1("smk3")
const SALT_SMK4 = fromHex('0e9ac1b7cefa66874c97ee54ac5f49be'); // s1("smk4")
