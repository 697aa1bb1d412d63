import type { SwapType, TrailerLayout } from '@meshferry/firmware';
import type { FlashArea } from './flash.ts';
import type { SlotHeader } from './slot-image.ts';
import { AreaTrailer } from './trailer-writer.ts';

/** Where the status of a swap that may be under way was found. */
export type StatusSource = 'none' | 'primary' | 'scratch';

/** How far a swap has come: the status entry that is written next. */
export interface SwapProgress {
  source: StatusSource;
  /** Swap using move first moves the primary image up by a sector. */
  step: 'move' | 'swap';
  /** Number of the sector (or of the run of sectors, with scratch), in the order in which they are treated. */
  index: number;
  /** What was done with it already. */
  state: number;
  /** As the trailer keeps it; `none` where no swap had begun. */
  swapType: SwapType;
}

/** One image of a bootloader that swaps or copies: its slots, and what this boot found out about them. */
export class SwapImage {
  readonly number: number;
  readonly primary: FlashArea;
  readonly secondary: FlashArea;
  readonly primaryTrailer: AreaTrailer;
  readonly secondaryTrailer: AreaTrailer;
  readonly scratchTrailer: AreaTrailer | undefined;
  readonly layout: TrailerLayout;
  progress: SwapProgress = { source: 'none', step: 'swap', index: 0, state: 0, swapType: 'none' };
  /** Headers of both slots. */
  headers: [SlotHeader | undefined, SlotHeader | undefined] = [undefined, undefined];
  /** Where the image in the secondary slot starts. */
  secondaryOffset = 0;
  /** What this boot does. */
  swapType: SwapType = 'none';

  constructor(
    number: number,
    slots: { readonly primary: FlashArea; readonly secondary: FlashArea; readonly scratch?: FlashArea | undefined },
    layout: TrailerLayout,
  ) {
    this.number = number;
    this.primary = slots.primary;
    this.secondary = slots.secondary;
    this.layout = layout;
    this.primaryTrailer = new AreaTrailer(slots.primary, layout);
    this.secondaryTrailer = new AreaTrailer(slots.secondary, layout);
    this.scratchTrailer = slots.scratch && new AreaTrailer(slots.scratch, { ...layout, status: layout.scratchStatus });
  }

  get sectorSize(): number {
    return this.primary.sectorSize;
  }

  /** Writes status entry `entry` (counted from the start of the status) as done. */
  writeStatus(trailer: AreaTrailer, entry: number): void {
    const { area, layout } = trailer;
    const { writeSize } = area;
    // The octet says which state; only whether it is erased is ever read.
    area.write(area.size - layout.status + entry * writeSize, Uint8Array.of(this.progress.state + 1));
  }

  /** Writes the trailer that belongs to the swap that begins; the magic last, as it makes the rest count. */
  beginStatus(trailer: AreaTrailer, swapSize: number, tlvSizes?: readonly [number, number]): void {
    const { swapType } = this.progress;
    const { imageOk } = this.secondaryTrailer.read();
    if (swapType !== 'none') trailer.writeSwapInfo(swapType, this.number);
    if (imageOk === 'set') trailer.writeImageOk();
    trailer.writeSwapSize(swapSize);
    if (tlvSizes !== undefined) trailer.writeTlvSizes(...tlvSizes);
    trailer.writeMagic();
  }
}

/** One of the ways to swap [spec: mcuboot-image section 8]. */
export interface SwapAlgorithm {
  /** The step that a swap begins with. */
  readonly firstStep: SwapProgress['step'];
  /** Whether an image to install starts one sector into the secondary slot, and the trailer table knows it. */
  readonly usesOffset: boolean;
  /** Where the status of an interrupted swap would be. */
  statusSource(image: SwapImage): StatusSource;
  /** Sets step, index and state of the progress by the status entries at its source. */
  readStatus(image: SwapImage): void;
  /** Whether a header without magic in the primary slot keeps the boot from touching the slots at all. */
  readonly needsPrimary: boolean;
  /** Largest image with TLVs that can be swapped, octets. */
  maxSize(primary: FlashArea, layout: TrailerLayout, scratch: FlashArea | undefined): number;
  /** Swaps, from where the progress stands to the end. `swapSize`: octets of the larger image. */
  run(image: SwapImage, swapSize: number): void;
}

/** Number of status entries from the first up to the last one that is written. */
export function writtenEntries({ area, layout }: AreaTrailer, entries: number): number {
  const start = area.size - layout.status;
  for (let count = entries; count > 0; count--) {
    if (area.octets[start + (count - 1) * area.writeSize] !== 0xff) return count;
  }
  return 0;
}

/** Entries that the status of a slot has room for. */
export function statusEntries({ status, tlvSizes, writeSize }: TrailerLayout): number {
  return (status - tlvSizes) / writeSize;
}

/** Octets of the sectors that a trailer lies in. */
export function trailerSectors({ status }: TrailerLayout, sectorSize: number): number {
  return Math.ceil(status / sectorSize) * sectorSize;
}
