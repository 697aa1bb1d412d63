import type { FlashArea } from './flash.ts';
import { type StatusSource, type SwapAlgorithm, type SwapImage, statusEntries } from './swap-image.ts';
import type { AreaTrailer } from './trailer-writer.ts';

/**
 * Swap using scratch: runs of sectors that fit into the scratch area change places through it, from the last run to the first.
 * Three status entries for each run. A run that reaches into the sectors of the trailer keeps its status in the scratch area.
 */
export const swapUsingScratch: SwapAlgorithm = {
  firstStep: 'swap',
  usesOffset: false,
  needsPrimary: false,

  statusSource(image) {
    const primary = image.primaryTrailer.read();
    const scratch = scratchOf(image).read();
    if (scratch.magic !== 'good') {
      if (primary.magic === 'good' && primary.copyDone === 'set') return 'none';
      const mayBeUnderWay = primary.magic === 'good' || primary.magic === 'unset';
      return mayBeUnderWay && primary.copyDone === 'unset' ? 'primary' : 'none';
    }
    // With several images the scratch area may hold the status of another one.
    return scratch.image === image.number ? 'scratch' : 'none';
  },

  readStatus(image) {
    const { progress, primaryTrailer, layout } = image;
    const isScratch = progress.source === 'scratch';
    const trailer = isScratch ? scratchOf(image) : primaryTrailer;
    const written = firstRunOfEntries(trailer, isScratch ? STATES : statusEntries(layout));
    progress.index = Math.floor(written / STATES);
    progress.state = written % STATES;
  },

  maxSize(primary, layout, scratch) {
    // The trailer's first sector also has to hold, in the scratch area, the status and what of the image is in it.
    const trailerStart = primary.size - layout.status;
    const firstSectorEnd = (Math.floor(trailerStart / primary.sectorSize) + 1) * primary.sectorSize;
    const inFirstSector = firstSectorEnd - trailerStart;
    const needed = scratch === undefined ? 0 : layout.scratchStatus;
    return trailerStart - Math.max(0, needed - inFirstSector);
  },

  run(image, swapSize) {
    const { sectorSize, progress } = image;
    const inScratch = Math.floor(scratchOf(image).area.size / sectorSize);
    let end = Math.max(1, Math.ceil(swapSize / sectorSize));
    for (let run = 0; end > 0; run++) {
      const first = Math.max(0, end - inScratch);
      if (run >= progress.index) swapRun(image, first * sectorSize, (end - first) * sectorSize, swapSize);
      end = first;
    }
  },
};

const STATES = 3;

/** Exchanges `length` octets at `at` of both slots. */
function swapRun(image: SwapImage, at: number, length: number, swapSize: number): void {
  const { progress, primary, secondary, primaryTrailer, secondaryTrailer, sectorSize, layout } = image;
  const scratch = scratchOf(image);
  const trailerSector = Math.floor((primary.size - layout.status) / sectorSize) * sectorSize;
  const reachesTrailer = at + length > trailerSector;
  const copied = reachesTrailer ? beforeTrailer(primary, scratch, at, layout.status) : length;
  const usesScratch = progress.index === 0 && copied !== length;
  const statusTrailer = usesScratch ? scratch : primaryTrailer;
  const entry = usesScratch ? 0 : STATES * progress.index;

  if (progress.state === 0) {
    scratch.area.erase(0, scratch.area.size);
    if (progress.index === 0) beginStatus(image, usesScratch, swapSize);
    scratch.area.copyFrom(secondary, at, 0, copied);
    image.writeStatus(statusTrailer, entry);
    progress.state = 1;
  }
  if (progress.state === 1) {
    // The status of the primary slot, or of the scratch area, is the only one from now on.
    if (progress.index === 0) secondaryTrailer.erase();
    secondary.erase(at, usesScratch ? trailerSector - at : length);
    secondary.copyFrom(primary, at, at, copied);
    image.writeStatus(statusTrailer, entry + 1);
    progress.state = 2;
  }
  if (usesScratch) primaryTrailer.erase();
  primary.erase(at, usesScratch ? trailerSector - at : length);
  primary.copyFrom(scratch.area, 0, at, copied);
  if (usesScratch) moveStatus(image, swapSize);
  image.writeStatus(primaryTrailer, STATES * progress.index + 2);
  progress.index++;
  progress.state = 0;
  if (usesScratch) scratch.area.eraseBackwards();
}

/** The swap type stands in the scratch area while the old trailer of the primary slot is erased. */
function beginStatus(image: SwapImage, usesScratch: boolean, swapSize: number): void {
  const scratch = scratchOf(image);
  image.beginStatus(scratch, swapSize);
  if (usesScratch) return;
  image.primaryTrailer.erase();
  image.beginStatus(image.primaryTrailer, swapSize);
  scratch.area.erase(0, scratch.area.size);
}

/** Moves the status that was kept in the scratch area into the trailer of the primary slot, which is free now. */
function moveStatus(image: SwapImage, swapSize: number): void {
  const { primaryTrailer, primary, layout } = image;
  const scratch = scratchOf(image);
  const kept = scratch.area.size - scratch.layout.status;
  primary.copyFrom(scratch.area, kept, primary.size - layout.status, (STATES - 1) * primary.writeSize);
  const { imageOk, swapType } = scratch.read();
  if (imageOk === 'set') primaryTrailer.writeImageOk();
  if (swapType !== 'none') primaryTrailer.writeSwapInfo(swapType, image.number);
  primaryTrailer.writeSwapSize(swapSize);
  primaryTrailer.writeMagic();
}

/** Octets from `at` that lie before the trailer, and leave the trailer of the scratch area its place. */
function beforeTrailer(primary: FlashArea, scratch: AreaTrailer, at: number, trailer: number): number {
  return Math.min(primary.size - at - trailer, scratch.area.size - scratch.layout.status);
}

/** Entries from the first written one up to the erased one behind it. */
function firstRunOfEntries({ area, layout }: AreaTrailer, entries: number): number {
  const start = area.size - layout.status;
  let isWritten = false;
  for (let i = 0; i < entries; i++) {
    const isErased = area.octets[start + i * area.writeSize] === 0xff;
    if (isErased && isWritten) return i;
    isWritten ||= !isErased;
  }
  return isWritten ? entries : 0;
}

function scratchOf({ scratchTrailer }: SwapImage): AreaTrailer {
  if (scratchTrailer === undefined) throw new Error('swap using scratch without a scratch area');
  return scratchTrailer;
}

/** Where an interrupted swap keeps the size that it swaps. */
export function trailerOfSource(image: SwapImage, source: StatusSource): AreaTrailer {
  return source === 'scratch' ? scratchOf(image) : image.primaryTrailer;
}
