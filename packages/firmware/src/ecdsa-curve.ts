import { type ECDSA, ecdsa, weierstrass } from '@noble/curves/abstract/weierstrass.js';
import { p256, p384 } from '@noble/curves/nist.js';
import { sha224 } from '@noble/hashes/sha2.js';
import type { HashAlgorithm } from './image.ts';

/** The curves that MCUboot images are or were signed on. */
export type EcdsaKind = 'ec-p224' | 'ec-p256' | 'ec-p384';

/** A curve and the hash that images are signed with on it [spec: mcuboot-image section 3]. */
interface EcdsaCurve {
  readonly curve: ECDSA;
  readonly hash: HashAlgorithm;
  /** Octets of a private key and of each coordinate. */
  readonly octets: number;
}

/** Obsolete, so the library does not bring it: NIST P-224 [SEC 2, section 2.2.2]. Only verified with, never signed. */
const p224: ECDSA = ecdsa(
  weierstrass({
    p: 0xffffffffffffffffffffffffffffffff000000000000000000000001n,
    n: 0xffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3dn,
    h: 1n,
    a: 0xfffffffffffffffffffffffffffffffefffffffffffffffffffffffen,
    b: 0xb4050a850c04b3abf54132565044b0b7d7bfd8ba270b39432355ffb4n,
    Gx: 0xb70e0cbd6bb4bf7f321390b94a03c1d356c21122343280d6115c1d21n,
    Gy: 0xbd376388b5f723fb4c22dfe6cd4375a05a07476444d5819985007e34n,
  }),
  sha224,
);

/** By the kind of key. */
export const ECDSA_CURVES: Readonly<Record<EcdsaKind, EcdsaCurve>> = {
  'ec-p224': { curve: p224, hash: 'SHA256', octets: 28 },
  'ec-p256': { curve: p256, hash: 'SHA256', octets: 32 },
  'ec-p384': { curve: p384, hash: 'SHA384', octets: 48 },
};

/** The curve of a kind of key, undefined for one that is on none of these. */
export function ecdsaCurve(kind: string): EcdsaCurve | undefined {
  return kind in ECDSA_CURVES ? ECDSA_CURVES[kind as EcdsaKind] : undefined;
}
