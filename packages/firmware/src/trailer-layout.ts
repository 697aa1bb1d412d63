/** What the magic of a trailer says; `unset`: erased. */
export type MagicState = 'good' | 'bad' | 'unset';
/** A flag of a trailer: 1 is `set`, erased `unset`, anything else `bad`. */
export type FlagState = 'set' | 'bad' | 'unset';
/** What a bootloader did, or is asked to do, with two slots [spec: mcuboot-image sections 6 and 7]. */
export type SwapType = 'none' | 'test' | 'perm' | 'revert';

/** What a trailer is laid out for. */
export interface TrailerShape {
  /** Octets that the flash writes at once: 1, 2, 4, 8, 16 or 32. */
  readonly writeSize: number;
  /** Most sectors of a slot that the bootloader was built for. Default 128. */
  readonly sectors?: number;
  /** Of a bootloader that swaps using offset: sizes of both TLV areas are kept, and a sector has two states, not three. Default false. */
  readonly usingOffset?: boolean;
}

/** Where the fields of a trailer stand: octets from the end of the slot to the start of the field. */
export interface TrailerLayout {
  readonly writeSize: number;
  /** Distance of the fields: the write size, at least 8. */
  readonly maxAlign: number;
  readonly magic: number;
  readonly imageOk: number;
  readonly copyDone: number;
  readonly swapInfo: number;
  readonly swapSize: number;
  /** The same as `swapSize` where there is no such field. */
  readonly tlvSizes: number;
  /** Start of the swap status in a slot: this is the size of the whole trailer. */
  readonly status: number;
  /** Start of the swap status in a scratch area, which has room for that of one sector. */
  readonly scratchStatus: number;
}

/** The fields of a trailer as a bootloader sees them. */
export interface TrailerState {
  readonly magic: MagicState;
  /** Of the swap that was done or is under way; `none` where it is erased or unknown. */
  readonly swapType: SwapType;
  /** The image that the swap is of, 0 where it is not told. */
  readonly image: number;
  readonly copyDone: FlagState;
  readonly imageOk: FlagState;
  /** The octet that swap type and image stand in. */
  readonly swapInfo: number;
}

/** Octets of the magic. */
export const TRAILER_MAGIC_LENGTH = 16;
/** A flag that is set. */
export const TRAILER_FLAG_SET = 0x01;

const DEFAULT_ALIGN = 8;
const ERASED = 0xff;
const MAGIC = [0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f, 0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80];
/** Behind the alignment (u16) where that is larger than 8. */
const ALIGNED_MAGIC = [0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d, 0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a];
/** By the low half of the octet. */
const SWAP_TYPES: readonly SwapType[] = ['none', 'none', 'test', 'perm', 'revert'];

/** The layout of the trailers of a flash [spec: mcuboot-image section 6]. */
export function trailerLayout({ writeSize, sectors = 128, usingOffset = false }: TrailerShape): TrailerLayout {
  const maxAlign = Math.max(DEFAULT_ALIGN, writeSize);
  const imageOk = Math.ceil(TRAILER_MAGIC_LENGTH / maxAlign) * maxAlign + maxAlign;
  const swapSize = imageOk + 3 * maxAlign;
  const information = swapSize + (usingOffset ? maxAlign : 0);
  const sectorStatus = (usingOffset ? 2 : 3) * writeSize;
  return {
    writeSize,
    maxAlign,
    magic: TRAILER_MAGIC_LENGTH,
    imageOk,
    copyDone: imageOk + maxAlign,
    swapInfo: imageOk + 2 * maxAlign,
    swapSize,
    tlvSizes: information,
    status: information + sectors * sectorStatus,
    scratchStatus: information + sectorStatus,
  };
}

/** The 16 octets that mark a trailer of this alignment (8 or more). */
export function trailerMagic(maxAlign: number): Uint8Array {
  if (maxAlign <= DEFAULT_ALIGN) return Uint8Array.from(MAGIC);
  return Uint8Array.of(maxAlign & 0xff, maxAlign >>> 8, ...ALIGNED_MAGIC);
}

/** Reads the trailer at the end of a slot, or of any octets that end where the slot does. */
export function readTrailer(octets: Uint8Array, layout: TrailerLayout): TrailerState {
  const octet = (fromEnd: number) => octets[octets.length - fromEnd] ?? ERASED;
  const swapInfo = octet(layout.swapInfo);
  const type = swapInfo & 0x0f;
  const isKnown = swapInfo !== ERASED && type < SWAP_TYPES.length;
  return {
    magic: magicState(octets.subarray(-TRAILER_MAGIC_LENGTH), layout.maxAlign),
    swapType: isKnown ? (SWAP_TYPES[type] as SwapType) : 'none',
    image: isKnown ? swapInfo >>> 4 : 0,
    copyDone: flagState(octet(layout.copyDone)),
    imageOk: flagState(octet(layout.imageOk)),
    swapInfo,
  };
}

/** The octet that names a swap and its image (0 to 15). */
export function swapInfoOctet(type: SwapType, image: number): number {
  return Math.max(1, SWAP_TYPES.lastIndexOf(type)) | (image << 4);
}

/** The alignment that goes with 16 octets of magic; undefined when they are none. */
export function alignmentOfMagic(magic: Uint8Array): number | undefined {
  if (magic.length < TRAILER_MAGIC_LENGTH) return undefined;
  if (MAGIC.every((octet, i) => magic[i] === octet)) return DEFAULT_ALIGN;
  const align = magic[0]! | (magic[1]! << 8);
  const isAligned = align > DEFAULT_ALIGN && ALIGNED_MAGIC.every((octet, i) => magic[i + 2] === octet);
  return isAligned ? align : undefined;
}

function magicState(magic: Uint8Array, maxAlign: number): MagicState {
  if (magic.every((octet) => octet === ERASED)) return 'unset';
  return alignmentOfMagic(magic) === maxAlign ? 'good' : 'bad';
}

function flagState(octet: number): FlagState {
  if (octet === ERASED) return 'unset';
  return octet === TRAILER_FLAG_SET ? 'set' : 'bad';
}
