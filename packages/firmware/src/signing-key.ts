import { fail, MeshError, ok, type Random, type Result, toHex, utf8 } from '@meshferry/core';
import { ed25519 } from '@noble/curves/ed25519.js';
import { p256 } from '@noble/curves/nist.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { type DerElement, DerTag, readDer, readDerList } from './der.ts';
import { ECDSA_CURVES } from './ecdsa-curve.ts';
import type { HashAlgorithm } from './image.ts';
import { digest } from './image-hash.ts';
import { type PemBlock, readPem } from './pem.ts';
import { keyKindOf, type PublicKey, type PublicKeyKind, publicKeyFromSpki, spkiOf } from './public-key.ts';
import { rsaModulusBits } from './rsa-pss.ts';
import { rsaPrivateKey, rsaPublicKeyOf, signRsaPss } from './rsa-pss-sign.ts';
import { TlvType } from './tlv.ts';

/** A key that signs images. The private half does not show. */
export interface SigningKey {
  readonly publicKey: PublicKey;
  /** Type of the TLV that its signatures stand in. */
  readonly tlvType: number;
  /** The hashes that an image signed with it can have, the usual one first [spec: mcuboot-image section 3]. */
  readonly hashes: readonly HashAlgorithm[];
  /**
   * The signature over the hashed region of an image; the same one every time. `pure` (Ed25519 only): over the region itself
   * instead of its hash.
   */
  sign(region: Uint8Array, algorithm: HashAlgorithm, pure?: boolean): Uint8Array;
}

/** What signs: the private key of a kind, as octets or DER. */
type Secret = { readonly kind: Exclude<PublicKeyKind, 'ec-p224'>; readonly octets: Uint8Array };

/**
 * Reads the first private key of a PEM text (`PRIVATE KEY`, `EC PRIVATE KEY` or `RSA PRIVATE KEY`): ECDSA P-256 or P-384,
 * Ed25519, RSA of 2048 or 3072 bits. Fails with `bad-key`, never showing the key.
 */
export function parseSigningKey(pem: string, name: string): Result<SigningKey, MeshError> {
  const blocks = readPem(pem);
  for (const block of blocks) {
    const secret = secretOf(block);
    const key = secret && signingKey(secret, name);
    if (key !== undefined) return ok(key);
  }
  const locked = blocks.some(({ label }) => label === 'ENCRYPTED PRIVATE KEY') || /^Proc-Type: 4,ENCRYPTED/m.test(pem);
  return fail(
    new MeshError('bad-key', `"${name}" holds ${locked ? 'a key with a password' : 'no private key that could sign'}`, {
      hint: locked
        ? 'Take the password off: openssl pkey -in KEY -out KEY-WITHOUT.'
        : 'Give a private key in PEM, such as one of: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256.',
    }),
  );
}

/** A new ECDSA P-256 key pair. `random` must be cryptographic for anything that leaves a test bench. */
export function generateSigningKey(random: Random, name: string): SigningKey {
  for (;;) {
    const octets = random.bytes(32);
    const key = p256.utils.isValidSecretKey(octets) ? signingKey({ kind: 'ec-p256', octets }, name) : undefined;
    if (key !== undefined) return key;
  }
}

/**
 * The project's own demo key, the same everywhere so that a demo package is the same octets every time. Everybody has its
 * private half: readers of the package warn.
 */
export function demoSigningKey(): SigningKey {
  const octets = sha256(utf8('Meshferry demo signing key: known to everybody, never for a product'));
  const key = signingKey({ kind: 'ec-p256', octets }, 'meshferry-demo');
  if (key === undefined) throw new MeshError('internal', 'the demo key is none');
  return key;
}

/** Undefined when the octets are no key of the kind. */
function signingKey({ kind, octets }: Secret, name: string): SigningKey | undefined {
  if (kind === 'rsa') return rsaSigningKey(octets, name);
  if (kind === 'ed25519') {
    if (octets.length !== 32) return undefined;
    const publicKey = publicKeyFromSpki(spkiOf(kind, ed25519.getPublicKey(octets)), name);
    const sign: SigningKey['sign'] = (region, algorithm, pure = false) =>
      ed25519.sign(pure ? region : digest(algorithm, region), octets);
    return publicKey && { publicKey, tlvType: TlvType.ED25519, hashes: ['SHA256', 'SHA512'], sign };
  }
  const { curve, hash } = ECDSA_CURVES[kind];
  if (!curve.utils.isValidSecretKey(octets)) return undefined;
  const publicKey = publicKeyFromSpki(spkiOf(kind, curve.getPublicKey(octets, false)), name);
  const sign: SigningKey['sign'] = (region) =>
    curve.sign(digest(hash, region), octets, { prehash: false, lowS: false, format: 'der' });
  return publicKey && { publicKey, tlvType: TlvType.ECDSA_SIG, hashes: [hash], sign };
}

function rsaSigningKey(der: Uint8Array, name: string): SigningKey | undefined {
  const secret = rsaPrivateKey(der);
  const publicKey = secret && publicKeyFromSpki(spkiOf('rsa', rsaPublicKeyOf(secret)), name);
  const bits = publicKey && rsaModulusBits(publicKey.raw);
  if (secret === undefined || publicKey === undefined || (bits !== 2048 && bits !== 3072)) return undefined;
  const tlvType = bits === 2048 ? TlvType.RSA2048_PSS : TlvType.RSA3072_PSS;
  return { publicKey, tlvType, hashes: ['SHA256'], sign: (region) => signRsaPss(secret, region) };
}

function secretOf({ label, bytes }: PemBlock): Secret | undefined {
  if (label === 'PRIVATE KEY') return fromPkcs8(bytes);
  if (label === 'EC PRIVATE KEY') return fromSec1(bytes);
  return label === 'RSA PRIVATE KEY' ? { kind: 'rsa', octets: bytes } : undefined;
}

/** PrivateKeyInfo [RFC 5958]: version, algorithm, OCTET STRING with a key of that algorithm. */
function fromPkcs8(der: Uint8Array): Secret | undefined {
  const [, algorithm, key] = sequenceOf(der) ?? [];
  const kind = algorithm && keyKindOf(algorithm.whole);
  if (kind === undefined || kind === 'ec-p224' || key?.tag !== DerTag.octetString) return undefined;
  if (kind === 'rsa') return { kind, octets: key.contents };
  if (kind === 'ed25519') {
    const inner = readDer(key.contents);
    return inner?.tag === DerTag.octetString ? { kind, octets: inner.contents } : undefined;
  }
  return fromSec1(key.contents, kind);
}

/** ECPrivateKey [RFC 5915]: version, OCTET STRING as long as the curve asks for, then the curve [0] and the public key [1]. */
function fromSec1(der: Uint8Array, known?: 'ec-p256' | 'ec-p384'): Secret | undefined {
  const [, secret, ...optional] = sequenceOf(der) ?? [];
  if (secret?.tag !== DerTag.octetString) return undefined;
  const curve = optional.find(({ tag }) => tag === CURVE_TAG);
  const kind = known ?? (curve === undefined ? kindByLength(secret) : CURVE_OIDS[toHex(curve.contents)]);
  return kind !== undefined && secret.contents.length === ECDSA_CURVES[kind].octets
    ? { kind, octets: secret.contents }
    : undefined;
}

const CURVE_TAG = 0xa0;
const CURVE_OIDS: Readonly<Record<string, 'ec-p256' | 'ec-p384' | undefined>> = {
  '06082a8648ce3d030107': 'ec-p256',
  '06052b81040022': 'ec-p384',
};

function kindByLength({ contents }: DerElement): 'ec-p256' | 'ec-p384' | undefined {
  if (contents.length === ECDSA_CURVES['ec-p256'].octets) return 'ec-p256';
  return contents.length === ECDSA_CURVES['ec-p384'].octets ? 'ec-p384' : undefined;
}

function sequenceOf(der: Uint8Array): DerElement[] | undefined {
  const outer = readDer(der);
  return outer?.tag === DerTag.sequence ? readDerList(outer.contents) : undefined;
}
