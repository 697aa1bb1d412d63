import { equal } from '@meshferry/core';
import { ed25519 } from '@noble/curves/ed25519.js';
import { p256, p384 } from '@noble/curves/nist.js';
import { readDer } from './der.ts';
import { hashedRegion, isEncrypted, type McubootImage } from './image.ts';
import { digest } from './image-hash.ts';
import { keyHash, type PublicKey } from './public-key.ts';
import { verifyRsaPss } from './rsa-pss.ts';
import { type Tlv, TlvType } from './tlv.ts';

/**
 * What the signatures of an image say, given the known keys [spec: mcuboot-image section 3]:
 * `unsigned`; `unknown-key`: signed, but by none of the keys; `valid` and `invalid`: by that key;
 * `unchecked`: encrypted.
 */
export interface SignatureState {
  readonly state: 'unsigned' | 'unknown-key' | 'valid' | 'invalid' | 'unchecked';
  /** The known key that the image names, or null. */
  readonly key: PublicKey | null;
  /** Hash of the signing key as the image gives it, null when it gives none. */
  readonly keyHash: Uint8Array | null;
  /** One text per signature that was checked, such as `ECDSA ok` or `Ed25519 ok over sha512`. */
  readonly checked: readonly string[];
}

/** Checks every signature whose key is among `keys`. The hash must have been verified before. */
export function verifySignature(image: McubootImage, keys: readonly PublicKey[]): SignatureState {
  const checks = knownSignatures(image, keys).map((signed) => ({ signed, valid: isValid(image, signed) }));
  return conclude(image, checks);
}

/** A signature TLV and what the image says before it about its key. */
interface Signature {
  readonly tlv: Tlv;
  readonly keyHash: Uint8Array | null;
  readonly publicKey: Uint8Array | null;
}

interface KnownSignature extends Signature {
  readonly key: PublicKey;
}

interface Checked {
  readonly signed: KnownSignature;
  readonly valid: boolean;
}

const SIGNATURE_KINDS: ReadonlyMap<number, readonly PublicKey['kind'][]> = new Map([
  [TlvType.RSA2048_PSS, ['rsa']],
  [TlvType.RSA3072_PSS, ['rsa']],
  [TlvType.ECDSA224, []],
  [TlvType.ECDSA_SIG, ['ec-p256', 'ec-p384']],
  [TlvType.ED25519, ['ed25519']],
]);

/** Each signature belongs to the last KEYHASH or PUBKEY before it. */
function signatures(image: McubootImage): Signature[] {
  const found: Signature[] = [];
  let names: Omit<Signature, 'tlv'> = { keyHash: null, publicKey: null };
  for (const tlv of image.tlvs) {
    if (tlv.type === TlvType.KEYHASH) names = { keyHash: tlv.value, publicKey: null };
    else if (tlv.type === TlvType.PUBKEY) names = { keyHash: null, publicKey: tlv.value };
    else if (SIGNATURE_KINDS.has(tlv.type)) found.push({ tlv, ...names });
  }
  return found;
}

function knownSignatures(image: McubootImage, keys: readonly PublicKey[]): KnownSignature[] {
  if (isEncrypted(image)) return [];
  const known: KnownSignature[] = [];
  for (const signature of signatures(image)) {
    const key = keys.find((candidate) => belongsTo(image, signature, candidate));
    if (key !== undefined) known.push({ ...signature, key });
  }
  return known;
}

function belongsTo(image: McubootImage, signature: Signature, key: PublicKey): boolean {
  if (!SIGNATURE_KINDS.get(signature.tlv.type)!.includes(key.kind)) return false;
  if (signature.publicKey !== null) return equal(signature.publicKey, key.hashed);
  return signature.keyHash !== null && equal(signature.keyHash, keyHash(key, image.hashAlgorithm));
}

function conclude(image: McubootImage, checks: readonly Checked[]): SignatureState {
  const all = signatures(image);
  const decisive = checks.find(({ valid }) => !valid) ?? checks[0];
  const named = decisive?.signed ?? all[0];
  const publicKey = named?.publicKey ?? null;
  return {
    state: stateOf(image, all, decisive),
    key: decisive?.signed.key ?? null,
    keyHash: named?.keyHash ?? (publicKey && digest(image.hashAlgorithm, publicKey)),
    checked: checks.map((check) => describeCheck(image, check)),
  };
}

function stateOf(
  image: McubootImage,
  all: readonly Signature[],
  decisive: Checked | undefined,
): SignatureState['state'] {
  if (all.length === 0) return 'unsigned';
  if (isEncrypted(image)) return 'unchecked';
  if (decisive === undefined) return 'unknown-key';
  return decisive.valid ? 'valid' : 'invalid';
}

function describeCheck(image: McubootImage, { signed, valid }: Checked): string {
  const outcome = valid ? 'ok' : 'failed';
  if (signed.key.kind === 'rsa') return `RSA-PSS ${outcome}`;
  if (signed.key.kind !== 'ed25519') return `ECDSA ${outcome}`;
  return `Ed25519 ${outcome} over ${isPure(image) ? 'the image' : image.hashAlgorithm.toLowerCase()}`;
}

function isPure(image: McubootImage): boolean {
  return image.tlvs.some((tlv) => tlv.type === TlvType.SIG_PURE && tlv.value[0] === 1);
}

/** ECDSA over the digest of the region by the curve's own hash; Ed25519 over the hash TLV, or over the region (pure). */
function isValid(image: McubootImage, { tlv, key }: KnownSignature): boolean {
  if (key.kind === 'rsa') return verifyRsaPss(tlv.value, hashedRegion(image), key.raw);
  try {
    if (key.kind === 'ed25519') {
      const message = isPure(image) ? hashedRegion(image) : image.hash;
      return ed25519.verify(tlv.value, message, key.raw, { zip215: false });
    }
    const algorithm = key.kind === 'ec-p256' ? 'SHA256' : 'SHA384';
    const hash = image.hashAlgorithm === algorithm ? image.hash : digest(algorithm, hashedRegion(image));
    // Some tools pad the TLV with zero octets: cut at the length that the DER itself gives.
    const der = readDer(tlv.value)?.whole;
    const curve = key.kind === 'ec-p256' ? p256 : p384;
    return der !== undefined && curve.verify(der, hash, key.raw, { prehash: false, lowS: false, format: 'der' });
  } catch {
    return false; // The library throws for signatures that are not even well formed.
  }
}
