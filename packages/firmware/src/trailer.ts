import type { McubootImage } from './image.ts';
import { alignmentOfMagic, TRAILER_FLAG_SET, TRAILER_MAGIC_LENGTH, trailerLayout } from './trailer-layout.ts';

/** What the trailer of an image that is padded to its slot tells the bootloader [spec: mcuboot-image section 6]. */
export type TrailerMark = 'test' | 'confirmed';

/**
 * The mark at the end of an image that is padded with a trailer: `test` (run once, keep only if confirmed), `confirmed` (stays).
 * Undefined without a trailer. Whoever uploads such a file sets the state of the slot with it.
 */
export function trailerMark({ bytes, imageEnd }: McubootImage): TrailerMark | undefined {
  const align = alignmentOfMagic(bytes.subarray(-TRAILER_MAGIC_LENGTH));
  if (align === undefined) return undefined;
  const imageOk = bytes.length - trailerLayout({ writeSize: align }).imageOk;
  if (imageOk < imageEnd) return undefined;
  return bytes[imageOk] === TRAILER_FLAG_SET ? 'confirmed' : 'test';
}
