import { concat, MeshError } from '@meshferry/core';
import { type HashAlgorithm, IMAGE_MAGIC, type ImageDependency } from './image.ts';
import { digest } from './image-hash.ts';
import { keyHash } from './public-key.ts';
import type { SigningKey } from './signing-key.ts';
import { PROTECTED_TLV_MAGIC, TLV_MAGIC, type Tlv, TlvType } from './tlv.ts';
import { encodeVersion, type Version } from './version.ts';

/** What {@link buildImage} makes an image of. */
export interface ImageParts {
  readonly payload: Uint8Array;
  readonly version: Version;
  /** Octets of the header, 32 to 65 535. Default 512. */
  readonly headerSize?: number;
  /** Bits as in `ImageFlag`. Default 0. */
  readonly flags?: number;
  /** Default 0: anywhere. */
  readonly loadAddr?: number;
  /** Protected TLVs in their order. Default none; see {@link securityCounterTlv} and {@link dependencyTlv}. */
  readonly protectedTlvs?: readonly NewTlv[];
  /** Signs the image; without it the image holds its hash only. */
  readonly key?: SigningKey;
  /** Default: the usual one of the key (SHA512 for a pure signature), SHA256 without a key. */
  readonly hashAlgorithm?: HashAlgorithm;
  /** Ed25519 only: signs the image itself instead of its hash. Default false. */
  readonly pure?: boolean;
}

/** A TLV entry to write. */
export type NewTlv = Pick<Tlv, 'type' | 'value'>;

/**
 * A signed MCUboot image as the image tool makes it [spec: mcuboot-image section 9]: header, payload padded with 0xFF to a
 * multiple of 4, protected TLVs, then hash, KEYHASH and signature. The same input gives the same octets. Throws
 * `bad-header-size`, or `bad-signing` for a hash or form of signature that the key cannot make.
 */
export function buildImage(parts: ImageParts): Uint8Array {
  const { headerSize = 512, key, pure = false } = parts;
  if (!Number.isInteger(headerSize) || headerSize < 32 || headerSize > 0xffff) {
    throw new MeshError('bad-header-size', `header size ${headerSize} is not from 32 to 65535`, {
      hint: 'Usual are 512, 1024 and 2048: as the bootloader of the device expects it.',
    });
  }
  const algorithm = chooseHash(parts);
  const payload = new Uint8Array(Math.ceil(parts.payload.length / 4) * 4).fill(0xff);
  payload.set(parts.payload);
  const entries = (parts.protectedTlvs ?? []).map(({ type, value }) => tlv(type, value));
  const protectedArea = entries.length === 0 ? new Uint8Array(0) : tlvArea(PROTECTED_TLV_MAGIC, entries);
  const header = buildHeader(parts, headerSize, protectedArea.length, payload.length);
  const region = concat(header, payload, protectedArea);
  const tlvs = [tlv(HASH_TLVS[algorithm], digest(algorithm, region))];
  if (key !== undefined) {
    if (pure) tlvs.push(tlv(TlvType.SIG_PURE, Uint8Array.of(1)));
    tlvs.push(tlv(TlvType.KEYHASH, keyHash(key.publicKey, algorithm)));
    tlvs.push(tlv(key.tlvType, key.sign(region, algorithm, pure)));
  }
  return concat(region, tlvArea(TLV_MAGIC, tlvs));
}

/** The protected TLV with the security counter, 32 bits [spec: mcuboot-image section 5]. */
export function securityCounterTlv(counter: number): NewTlv {
  return { type: TlvType.SEC_CNT, value: concat(u16(counter & 0xffff), u16(counter >>> 16)) };
}

/** The security counter that "auto" of the image tool makes of a version. */
export function autoSecurityCounter({ major, minor, revision }: Version): number {
  return major * 0x100_0000 + minor * 0x1_0000 + revision;
}

/** The protected TLV that asks for another image [spec: mcuboot-image section 1]. */
export function dependencyTlv({ image, minVersion }: ImageDependency): NewTlv {
  return { type: TlvType.DEPENDENCY, value: concat(Uint8Array.of(image, 0, 0, 0), encodeVersion(minVersion)) };
}

const HASH_TLVS: Readonly<Record<HashAlgorithm, number>> = {
  SHA256: TlvType.SHA256,
  SHA384: TlvType.SHA384,
  SHA512: TlvType.SHA512,
};

function chooseHash({ key, hashAlgorithm, pure = false }: ImageParts): HashAlgorithm {
  if (pure && key?.tlvType !== TlvType.ED25519) {
    throw badSigning('a signature over the image itself (pure) is made with an Ed25519 key only');
  }
  const usual = pure ? 'SHA512' : (key?.hashes[0] ?? 'SHA256');
  const algorithm = hashAlgorithm ?? usual;
  if (key === undefined || key.hashes.includes(algorithm)) return algorithm;
  throw badSigning(
    `an ${key.publicKey.kind} key signs images hashed with ${key.hashes.join(' or ')}, not ${algorithm}`,
  );
}

function badSigning(message: string): MeshError {
  return new MeshError('bad-signing', message, { hint: 'Choose another key, or leave the hash to it.' });
}

function buildHeader(parts: ImageParts, size: number, protectTlvSize: number, imgSize: number): Uint8Array {
  const header = new Uint8Array(size);
  const view = new DataView(header.buffer);
  view.setUint32(0, IMAGE_MAGIC, true);
  view.setUint32(4, parts.loadAddr ?? 0, true);
  view.setUint16(8, size, true);
  view.setUint16(10, protectTlvSize, true);
  view.setUint32(12, imgSize, true);
  view.setUint32(16, parts.flags ?? 0, true);
  header.set(encodeVersion(parts.version), 20);
  return header;
}

function tlv(type: number, value: Uint8Array): Uint8Array {
  return concat(u16(type), u16(value.length), value);
}

function tlvArea(magic: number, entries: readonly Uint8Array[]): Uint8Array {
  const body = concat(...entries);
  return concat(u16(magic), u16(body.length + 4), body);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >>> 8);
}
