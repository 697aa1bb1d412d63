import { equal } from '@meshferry/core';
import { ed25519 } from '@noble/curves/ed25519.js';
import { readDer } from './der.ts';
import { ecdsaCurve } from './ecdsa-curve.ts';
import { hashedRegion, isEncrypted, type McubootImage } from './image.ts';
import { digest } from './image-hash.ts';
import { keyHash, type PublicKey } from './public-key.ts';
import { rsaModulusBits, verifyRsaPss } from './rsa-pss.ts';
import { type Tlv, TlvType } from './tlv.ts';

/** One signature of an image, and whose it is. */
export interface SignatureCheck {
  /** `RSA-PSS 2048`, `RSA-PSS 3072`, `ECDSA P-224` (obsolete), `ECDSA`, `Ed25519` or `Ed25519 pure`. */
  readonly kind: string;
  /** `valid` and `invalid`: by {@link key}. `unknown-key`: by none of the known keys. `unchecked`: the image is encrypted. */
  readonly state: 'valid' | 'invalid' | 'unknown-key' | 'unchecked';
  /** The known key that made it, or that it claims to be of; null for an unknown one. */
  readonly key: PublicKey | null;
  /** Hash of the key as the image gives it, null when it gives none. */
  readonly keyHash: Uint8Array | null;
}

/**
 * What the signatures of an image say, given the known keys [spec: mcuboot-image section 3]:
 * `unsigned`; `unknown-key`: signed, but by none of the keys; `valid`: by that key; `invalid`: one that names a known key is
 * not of it; `unchecked`: encrypted.
 */
export interface SignatureState {
  readonly state: 'unsigned' | 'unknown-key' | 'valid' | 'invalid' | 'unchecked';
  /** The key of the signature that decides: an invalid one, else the valid one whose key stands first among the known; or null. */
  readonly key: PublicKey | null;
  /** Hash of the signing key as the image gives it, null when it gives none. */
  readonly keyHash: Uint8Array | null;
  /** One text per signature that was checked, such as `ECDSA ok` or `Ed25519 ok over sha512`. */
  readonly checked: readonly string[];
  /** All signatures of the image in their order. */
  readonly signatures: readonly SignatureCheck[];
}

/** Checks every signature whose key is among `keys`. The hash must have been verified before. */
export function verifySignature(image: McubootImage, keys: readonly PublicKey[]): SignatureState {
  const found = signaturesOf(image);
  const readable = !isEncrypted(image) || equal(digest(image.hashAlgorithm, hashedRegion(image)), image.hash);
  const checks = found.map((signature) => check(image, signature, readable ? keys : null));
  const decisive =
    checks.find(({ state }) => state === 'invalid') ??
    checks.filter(({ state }) => state === 'valid').sort((a, b) => keys.indexOf(a.key!) - keys.indexOf(b.key!))[0] ??
    checks[0];
  return {
    state: decisive?.state ?? 'unsigned',
    key: decisive?.key ?? null,
    keyHash: decisive?.keyHash ?? null,
    checked: checks.flatMap((one, i) => describeCheck(image, found[i]!.tlv, one)),
    signatures: checks,
  };
}

/** A signature TLV and what the image says before it about its key. */
interface Signature {
  readonly tlv: Tlv;
  readonly keyHash: Uint8Array | null;
  readonly publicKey: Uint8Array | null;
}

/** Which keys can make the signature of a TLV. */
const SIGNERS: ReadonlyMap<number, (key: PublicKey) => boolean> = new Map([
  [TlvType.RSA2048_PSS, ({ kind, raw }) => kind === 'rsa' && rsaModulusBits(raw) === 2048],
  [TlvType.RSA3072_PSS, ({ kind, raw }) => kind === 'rsa' && rsaModulusBits(raw) === 3072],
  [TlvType.ECDSA224, ({ kind }) => kind === 'ec-p224'],
  [TlvType.ECDSA_SIG, ({ kind }) => kind === 'ec-p256' || kind === 'ec-p384'],
  [TlvType.ED25519, ({ kind }) => kind === 'ed25519'],
]);

/** Each signature belongs to the last KEYHASH or PUBKEY before it. */
function signaturesOf(image: McubootImage): Signature[] {
  const found: Signature[] = [];
  let names: Omit<Signature, 'tlv'> = { keyHash: null, publicKey: null };
  for (const tlv of image.tlvs) {
    if (tlv.type === TlvType.KEYHASH) names = { keyHash: tlv.value, publicKey: null };
    else if (tlv.type === TlvType.PUBKEY) names = { keyHash: null, publicKey: tlv.value };
    else if (SIGNERS.has(tlv.type)) found.push({ tlv, ...names });
  }
  return found;
}

/** `keys`: null when the image cannot be read. */
function check(image: McubootImage, signature: Signature, keys: readonly PublicKey[] | null): SignatureCheck {
  const kind = kindOf(image, signature.tlv);
  const named = signature.keyHash ?? (signature.publicKey && digest(image.hashAlgorithm, signature.publicKey));
  if (keys === null) return { kind, state: 'unchecked', key: null, keyHash: named };
  const able = keys.filter((key) => SIGNERS.get(signature.tlv.type)?.(key));
  if (named === null) {
    // Nothing says whose it is (the bootloader has one key only): every key is tried.
    const key = able.find((candidate) => isValid(image, signature.tlv, candidate)) ?? null;
    return { kind, state: key === null ? 'unknown-key' : 'valid', key, keyHash: null };
  }
  const key = able.find((candidate) => belongsTo(image, signature, candidate)) ?? null;
  if (key === null) return { kind, state: 'unknown-key', key, keyHash: named };
  return { kind, state: isValid(image, signature.tlv, key) ? 'valid' : 'invalid', key, keyHash: named };
}

function belongsTo(image: McubootImage, signature: Signature, key: PublicKey): boolean {
  if (signature.publicKey !== null) return equal(signature.publicKey, key.hashed);
  return signature.keyHash !== null && equal(signature.keyHash, keyHash(key, image.hashAlgorithm));
}

function kindOf(image: McubootImage, { type }: Tlv): string {
  if (type === TlvType.RSA2048_PSS) return 'RSA-PSS 2048';
  if (type === TlvType.RSA3072_PSS) return 'RSA-PSS 3072';
  if (type === TlvType.ECDSA224) return 'ECDSA P-224';
  if (type === TlvType.ECDSA_SIG) return 'ECDSA';
  return isPure(image) ? 'Ed25519 pure' : 'Ed25519';
}

/** The words of the ground truth; nothing for a signature that was not checked. */
function describeCheck(image: McubootImage, { type }: Tlv, { state }: SignatureCheck): string[] {
  if (state !== 'valid' && state !== 'invalid') return [];
  const outcome = state === 'valid' ? 'ok' : 'failed';
  if (type === TlvType.RSA2048_PSS || type === TlvType.RSA3072_PSS) return [`RSA-PSS ${outcome}`];
  if (type !== TlvType.ED25519) return [`ECDSA ${outcome}`];
  return [`Ed25519 ${outcome} over ${isPure(image) ? 'the image' : image.hashAlgorithm.toLowerCase()}`];
}

function isPure(image: McubootImage): boolean {
  return image.tlvs.some((tlv) => tlv.type === TlvType.SIG_PURE && tlv.value[0] === 1);
}

/** ECDSA over the digest of the region by the curve's own hash; Ed25519 over the hash TLV, or over the region (pure). */
function isValid(image: McubootImage, { value }: Tlv, key: PublicKey): boolean {
  if (key.kind === 'rsa') return verifyRsaPss(value, hashedRegion(image), key.raw);
  try {
    const ecdsa = ecdsaCurve(key.kind);
    if (ecdsa === undefined) {
      const message = isPure(image) ? hashedRegion(image) : image.hash;
      return ed25519.verify(value, message, key.raw, { zip215: false });
    }
    const hash = image.hashAlgorithm === ecdsa.hash ? image.hash : digest(ecdsa.hash, hashedRegion(image));
    // Some tools pad the TLV with zero octets: cut at the length that the DER itself gives.
    const der = readDer(value)?.whole;
    return der !== undefined && ecdsa.curve.verify(der, hash, key.raw, { prehash: false, lowS: false, format: 'der' });
  } catch {
    return false; // The library throws for signatures that are not even well formed.
  }
}
