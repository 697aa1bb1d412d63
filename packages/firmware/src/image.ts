import { fail, ok, type Result } from '@meshferry/core';
import { PROTECTED_TLV_MAGIC, TLV_MAGIC, type Tlv, TlvType, tlvName } from './tlv.ts';
import { readVersion, type Version } from './version.ts';

/** What can be wrong with an MCUboot image [spec: mcuboot-image section 10]. */
export type ImageErrorCode =
  | 'too-short'
  | 'bad-magic'
  | 'old-magic'
  | 'bad-header-size'
  | 'size-overflow'
  | 'no-tlv'
  | 'tlv-magic'
  | 'protected-size'
  | 'tlv-overrun'
  | 'hash-missing'
  | 'hash-duplicate'
  | 'hash-mismatch'
  | 'signature-invalid'
  | 'key-unknown';

/** Why octets are not a sound image: `offset` counts from the start of the image, `message` names field and value. */
export interface ImageError {
  readonly code: ImageErrorCode;
  readonly offset: number;
  readonly message: string;
}

/** The hash algorithms an image can name. */
export type HashAlgorithm = 'SHA256' | 'SHA384' | 'SHA512';

/** A parsed MCUboot image: header fields by their usual names, all sizes and offsets in octets. */
export interface McubootImage {
  /** The octets that were parsed; not copied. */
  readonly bytes: Uint8Array;
  /** Where the image must be loaded or executed, 0 when that is free. */
  readonly loadAddr: number;
  /** Size of the header; the payload starts behind it. */
  readonly hdrSize: number;
  /** Size of the protected TLV area with its head, 0 when there is none. */
  readonly protectTlvSize: number;
  /** Size of the payload. */
  readonly imgSize: number;
  /** Bits as in {@link ImageFlag}. */
  readonly flags: number;
  readonly version: Version;
  readonly protectedTlvs: readonly Tlv[];
  readonly tlvs: readonly Tlv[];
  /** Where the unprotected TLV area starts; header, payload and protected TLVs before it are hashed and signed. */
  readonly tlvAreaOffset: number;
  /** Where the TLV area ends; what follows is padding or a trailer. */
  readonly imageEnd: number;
  readonly hashAlgorithm: HashAlgorithm;
  /** The value of the hash TLV: the identity of the image in SMP. Parsing does not check it, see `verifyImageHash`. */
  readonly hash: Uint8Array;
}

/** Bits of {@link McubootImage.flags}. */
export const ImageFlag = {
  encryptedAes128: 0x4,
  encryptedAes256: 0x8,
  nonBootable: 0x10,
  ramLoad: 0x20,
  romFixed: 0x100,
  lzma1: 0x200,
  lzma2: 0x400,
  armThumb: 0x800,
} as const;

/** A version of another image that must be there before this one runs [spec: mcuboot-image section 5]. */
export interface ImageDependency {
  readonly image: number;
  readonly minVersion: Version;
}

/** First octets of an image, read little-endian. */
export const IMAGE_MAGIC = 0x96f3b83d;
const OLD_IMAGE_MAGIC = 0x96f3b83c;
const HEADER_LENGTH = 32;
const AREA_HEAD = 4;

const HASHES: ReadonlyMap<number, { algorithm: HashAlgorithm; length: number }> = new Map([
  [TlvType.SHA256, { algorithm: 'SHA256', length: 32 }],
  [TlvType.SHA384, { algorithm: 'SHA384', length: 48 }],
  [TlvType.SHA512, { algorithm: 'SHA512', length: 64 }],
]);

/** Parses header and TLV areas [spec: mcuboot-image section 1]. Neither hash nor signature are checked here. */
export function parseImage(bytes: Uint8Array): Result<McubootImage, ImageError> {
  if (bytes.length < HEADER_LENGTH) {
    return bad('too-short', 0, `${bytes.length} octets, the header alone has ${HEADER_LENGTH}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const magic = view.getUint32(0, true);
  if (magic === OLD_IMAGE_MAGIC) return bad('old-magic', 0, 'the old header format 0x96f3b83c is not supported');
  if (magic !== IMAGE_MAGIC) return bad('bad-magic', 0, `magic ${hex32(magic)} instead of ${hex32(IMAGE_MAGIC)}`);
  const header = {
    loadAddr: view.getUint32(4, true),
    hdrSize: view.getUint16(8, true),
    protectTlvSize: view.getUint16(10, true),
    imgSize: view.getUint32(12, true),
    flags: view.getUint32(16, true),
    version: readVersion(bytes, 20),
  };
  if (header.hdrSize < HEADER_LENGTH) {
    return bad('bad-header-size', 8, `header size ${header.hdrSize}, at least ${HEADER_LENGTH} needed`);
  }
  const payloadEnd = header.hdrSize + header.imgSize;
  if (payloadEnd > bytes.length) {
    return bad(
      'size-overflow',
      12,
      `header ${header.hdrSize} + payload ${header.imgSize} exceed ${bytes.length} octets`,
    );
  }
  let protectedTlvs: readonly Tlv[] = [];
  if (header.protectTlvSize !== 0) {
    const area = parseArea(view, payloadEnd, PROTECTED_TLV_MAGIC);
    if (!area.ok) return area;
    if (area.value.end - payloadEnd !== header.protectTlvSize) {
      const found = area.value.end - payloadEnd;
      return bad(
        'protected-size',
        payloadEnd + 2,
        `protected area of ${found} octets, header: ${header.protectTlvSize}`,
      );
    }
    protectedTlvs = area.value.tlvs;
  }
  const tlvAreaOffset = payloadEnd + header.protectTlvSize;
  const area = parseArea(view, tlvAreaOffset, TLV_MAGIC);
  if (!area.ok) return area;
  const hash = findHash([...protectedTlvs, ...area.value.tlvs], tlvAreaOffset);
  if (!hash.ok) return hash;
  return ok({
    bytes,
    ...header,
    protectedTlvs,
    tlvs: area.value.tlvs,
    tlvAreaOffset,
    imageEnd: area.value.end,
    ...hash.value,
  });
}

/** Whether the octets start with the magic of an MCUboot image. */
export function startsWithImageMagic(bytes: Uint8Array): boolean {
  return bytes[0] === 0x3d && bytes[1] === 0xb8 && bytes[2] === 0xf3 && bytes[3] === 0x96;
}

/** What hash and signature are computed over: header, payload and protected TLVs. */
export function hashedRegion(image: McubootImage): Uint8Array {
  return image.bytes.subarray(0, image.tlvAreaOffset);
}

/**
 * Whether the header says that the payload is encrypted: then hash and signature cannot be checked without the device's key,
 * unless the payload was left in the clear for the primary slot (`verifyImageHash` finds out).
 */
export function isEncrypted(image: McubootImage): boolean {
  return (image.flags & (ImageFlag.encryptedAes128 | ImageFlag.encryptedAes256)) !== 0;
}

/** Whether the payload is compressed: the bootloader of the device must be able to unpack it. */
export function isCompressed(image: McubootImage): boolean {
  return (image.flags & (ImageFlag.lzma1 | ImageFlag.lzma2)) !== 0;
}

/** What the header says of the image, by the names of the flags: `encryptedAes128`, `romFixed`, `lzma2` … */
export function flagNames({ flags }: McubootImage): string[] {
  return Object.entries(ImageFlag).flatMap(([name, bit]) => ((flags & bit) === 0 ? [] : [name]));
}

/** How the key of an encrypted image is packed, as its TLV is called (`ENC_EC256` …); null without one. */
export function encryptionName({ tlvs }: McubootImage): string | null {
  const tlv = tlvs.find(({ type }) => type >= TlvType.ENC_RSA2048 && type <= TlvType.ENC_X25519_SHA512);
  return tlv === undefined ? null : tlvName(tlv.type);
}

/** The dependencies that the protected TLVs name. */
export function imageDependencies(image: McubootImage): ImageDependency[] {
  return image.protectedTlvs
    .filter((tlv) => tlv.type === TlvType.DEPENDENCY && tlv.value.length === 12)
    .map((tlv) => ({ image: tlv.value[0] as number, minVersion: readVersion(tlv.value, 4) }));
}

/** The security counter of the protected TLVs, or undefined. */
export function securityCounter(image: McubootImage): number | undefined {
  const tlv = image.protectedTlvs.find((entry) => entry.type === TlvType.SEC_CNT && entry.value.length === 4);
  return tlv && new DataView(tlv.value.buffer, tlv.value.byteOffset, 4).getUint32(0, true);
}

/** One TLV area: head (magic, total size with the head), then entries that fill it exactly. */
function parseArea(view: DataView, start: number, magic: number): Result<{ tlvs: Tlv[]; end: number }, ImageError> {
  if (start + AREA_HEAD > view.byteLength) return bad('no-tlv', start, 'no TLV area behind the payload');
  const found = view.getUint16(start, true);
  if (found !== magic)
    return bad('tlv-magic', start, `TLV magic 0x${found.toString(16)} instead of 0x${magic.toString(16)}`);
  const end = start + view.getUint16(start + 2, true);
  if (end > view.byteLength || end < start + AREA_HEAD) {
    return bad('tlv-overrun', start + 2, `TLV area of ${end - start} octets, ${view.byteLength - start} are there`);
  }
  const tlvs: Tlv[] = [];
  let at = start + AREA_HEAD;
  while (at < end) {
    const length = at + 4 <= end ? view.getUint16(at + 2, true) : end;
    if (at + 4 + length > end) return bad('tlv-overrun', at, 'a TLV entry runs over the end of its area');
    const value = new Uint8Array(view.buffer, view.byteOffset + at + 4, length);
    tlvs.push({ type: view.getUint16(at, true), offset: at, value });
    at += 4 + length;
  }
  return ok({ tlvs, end });
}

function findHash(
  tlvs: readonly Tlv[],
  areaOffset: number,
): Result<{ hashAlgorithm: HashAlgorithm; hash: Uint8Array }, ImageError> {
  const [first, second] = tlvs.filter((tlv) => HASHES.has(tlv.type));
  if (first === undefined) return bad('hash-missing', areaOffset, 'no SHA256, SHA384 or SHA512 TLV');
  if (second !== undefined) return bad('hash-duplicate', second.offset, 'more than one hash TLV');
  const { algorithm, length } = HASHES.get(first.type)!;
  if (first.value.length !== length) {
    return bad(
      'hash-missing',
      first.offset,
      `the ${algorithm} TLV has ${first.value.length} octets instead of ${length}`,
    );
  }
  return ok({ hashAlgorithm: algorithm, hash: first.value });
}

function bad(code: ImageErrorCode, offset: number, message: string): { ok: false; error: ImageError } {
  return fail({ code, offset, message });
}

function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
