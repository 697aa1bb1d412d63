import { concat, MeshError } from '@meshferry/core';
import { sha256 } from '@noble/hashes/sha2.js';
import { IMAGE_MAGIC } from './image.ts';
import { keyHash } from './public-key.ts';
import type { SigningKey } from './signing-key.ts';
import { PROTECTED_TLV_MAGIC, TLV_MAGIC, TlvType } from './tlv.ts';
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
  /** Protected TLVs in their order. Default none. */
  readonly protectedTlvs?: readonly { readonly type: number; readonly value: Uint8Array }[];
  /** Signs with ECDSA P-256; without it the image holds its hash only. */
  readonly key?: SigningKey;
}

/**
 * A signed MCUboot image as the image tool makes it [spec: mcuboot-image section 9]: header, payload padded with 0xFF to a
 * multiple of 4, then SHA256, KEYHASH and ECDSA_SIG. The same input gives the same octets.
 */
export function buildImage(parts: ImageParts): Uint8Array {
  const { headerSize = 512, key } = parts;
  if (!Number.isInteger(headerSize) || headerSize < 32 || headerSize > 0xffff) {
    throw new MeshError('bad-header-size', `header size ${headerSize} is not from 32 to 65535`);
  }
  const payload = new Uint8Array(Math.ceil(parts.payload.length / 4) * 4).fill(0xff);
  payload.set(parts.payload);
  const entries = (parts.protectedTlvs ?? []).map(({ type, value }) => tlv(type, value));
  const protectedArea = entries.length === 0 ? new Uint8Array(0) : tlvArea(PROTECTED_TLV_MAGIC, entries);
  const header = buildHeader(parts, headerSize, protectedArea.length, payload.length);
  const region = concat(header, payload, protectedArea);
  const hash = sha256(region);
  const tlvs = [tlv(TlvType.SHA256, hash)];
  if (key !== undefined) {
    tlvs.push(tlv(TlvType.KEYHASH, keyHash(key.publicKey, 'SHA256')), tlv(TlvType.ECDSA_SIG, key.sign(hash)));
  }
  return concat(region, tlvArea(TLV_MAGIC, tlvs));
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
