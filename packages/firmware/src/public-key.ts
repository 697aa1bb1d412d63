import { concat, fail, fromHex, MeshError, ok, type Result, toHex } from '@meshferry/core';
import { ed25519 } from '@noble/curves/ed25519.js';
import { DerTag, readDer, readDerList, writeDer } from './der.ts';
import { type EcdsaKind, ecdsaCurve } from './ecdsa-curve.ts';
import type { HashAlgorithm } from './image.ts';
import { digest } from './image-hash.ts';
import { type PemBlock, readPem } from './pem.ts';

/** A public key that images can be signed with [spec: mcuboot-image section 3]. */
export interface PublicKey {
  /** How people call it, for example the name of its file. */
  readonly name: string;
  readonly kind: PublicKeyKind;
  /** SubjectPublicKeyInfo in DER. */
  readonly spki: Uint8Array;
  /** What KEYHASH is computed over: PKCS#1 RSAPublicKey for RSA, else the same as {@link spki}. DER. */
  readonly hashed: Uint8Array;
  /** The key itself: an uncompressed point, the 32 octets of Ed25519, or RSAPublicKey in DER. */
  readonly raw: Uint8Array;
}

/** Which algorithm a {@link PublicKey} belongs to. */
export type PublicKeyKind = 'rsa' | EcdsaKind | 'ed25519';

/** AlgorithmIdentifier in DER of each kind. */
const ALGORITHMS: Record<PublicKeyKind, Uint8Array> = {
  rsa: fromHex('300d06092a864886f70d0101010500'),
  'ec-p224': fromHex('301006072a8648ce3d020106052b81040021'),
  'ec-p256': fromHex('301306072a8648ce3d020106082a8648ce3d030107'),
  'ec-p384': fromHex('301006072a8648ce3d020106052b81040022'),
  ed25519: fromHex('300506032b6570'),
};

/**
 * Reads the first public key of a PEM text (`PUBLIC KEY` or `RSA PUBLIC KEY`). Fails with `bad-key` when there is none
 * or its algorithm signs no MCUboot images.
 */
export function parsePublicKey(pem: string, name: string): Result<PublicKey, MeshError> {
  for (const block of readPem(pem)) {
    const key = keyOf(block, name);
    if (key !== undefined) return ok(key);
  }
  return fail(
    new MeshError('bad-key', `"${name}" holds no public key that could verify an MCUboot image`, {
      hint: 'Give a PEM file with a PUBLIC KEY block: RSA, ECDSA P-256 or P-384, or Ed25519.',
    }),
  );
}

/** The key of a SubjectPublicKeyInfo, or undefined when it is of another algorithm or not a valid point. */
export function publicKeyFromSpki(spki: Uint8Array, name: string): PublicKey | undefined {
  const outer = readDer(spki);
  if (outer?.tag !== DerTag.sequence || outer.whole.length !== spki.length) return undefined;
  const [algorithm, bits] = readDerList(outer.contents) ?? [];
  if (algorithm === undefined || bits?.tag !== DerTag.bitString || bits.contents[0] !== 0) return undefined;
  const kind = keyKindOf(algorithm.whole);
  const raw = bits.contents.slice(1);
  if (kind === undefined || !isValid(kind, raw)) return undefined;
  return { name, kind, spki: spki.slice(), hashed: kind === 'rsa' ? raw : spki.slice(), raw };
}

/** SubjectPublicKeyInfo for the raw form of a key. */
export function spkiOf(kind: PublicKeyKind, raw: Uint8Array): Uint8Array {
  return writeDer(DerTag.sequence, ALGORITHMS[kind], writeDer(DerTag.bitString, concat(Uint8Array.of(0), raw)));
}

/** The KEYHASH that an image hashed with `algorithm` carries for this key. */
export function keyHash(key: PublicKey, algorithm: HashAlgorithm): Uint8Array {
  return digest(algorithm, key.hashed);
}

/** The kind of key that an AlgorithmIdentifier in DER stands for; undefined for one that signs no images. */
export function keyKindOf(algorithm: Uint8Array): PublicKeyKind | undefined {
  const hex = toHex(algorithm);
  return (Object.keys(ALGORITHMS) as PublicKeyKind[]).find((kind) => toHex(ALGORITHMS[kind]) === hex);
}

function keyOf(block: PemBlock, name: string): PublicKey | undefined {
  if (block.label === 'PUBLIC KEY') return publicKeyFromSpki(block.bytes, name);
  if (block.label === 'RSA PUBLIC KEY') return publicKeyFromSpki(spkiOf('rsa', block.bytes), name);
  return undefined;
}

function isValid(kind: PublicKeyKind, raw: Uint8Array): boolean {
  try {
    const curve = ecdsaCurve(kind)?.curve;
    if (curve !== undefined) curve.Point.fromBytes(raw).assertValidity();
    else if (kind === 'ed25519') ed25519.Point.fromBytes(raw).assertValidity();
    else return isRsaPublicKey(raw);
    return true;
  } catch {
    return false;
  }
}

/** Two integers, and a modulus that MCUboot's RSA-2048 or RSA-3072 could have. */
function isRsaPublicKey(der: Uint8Array): boolean {
  const outer = readDer(der);
  const numbers = outer && readDerList(outer.contents);
  return numbers?.length === 2 && numbers.every(({ tag }) => tag === DerTag.integer) && der.length < 1024;
}
