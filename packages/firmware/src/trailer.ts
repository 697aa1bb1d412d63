import type { McubootImage } from './image.ts';

/** What the trailer of an image that is padded to its slot tells the bootloader [spec: mcuboot-image section 6]. */
export type TrailerMark = 'test' | 'confirmed';

const MAGIC_LENGTH = 16;
const DEFAULT_ALIGN = 8;
const MAGIC = [0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f, 0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80];
/** Behind the alignment (u16) where that is larger than 8. */
const ALIGNED_MAGIC = [0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d, 0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a];
const SET = 0x01;

/**
 * The mark at the end of an image that is padded with a trailer: `test` (run once, keep only if confirmed), `confirmed` (stays).
 * Undefined without a trailer. Whoever uploads such a file sets the state of the slot with it.
 */
export function trailerMark({ bytes, imageEnd }: McubootImage): TrailerMark | undefined {
  const align = alignmentOf(bytes.subarray(-MAGIC_LENGTH));
  if (align === undefined) return undefined;
  const imageOk = bytes.length - Math.ceil(MAGIC_LENGTH / align) * align - align;
  if (imageOk < imageEnd) return undefined;
  return bytes[imageOk] === SET ? 'confirmed' : 'test';
}

/** The flash alignment that goes with the magic; undefined when it is none. */
function alignmentOf(magic: Uint8Array): number | undefined {
  if (magic.length < MAGIC_LENGTH) return undefined;
  if (MAGIC.every((octet, i) => magic[i] === octet)) return DEFAULT_ALIGN;
  const align = magic[0]! | (magic[1]! << 8);
  const isAligned = align > DEFAULT_ALIGN && ALIGNED_MAGIC.every((octet, i) => magic[i + 2] === octet);
  return isAligned ? align : undefined;
}
