import { readSlotImage } from './slot-image.ts';
import { type SwapAlgorithm, type SwapImage, statusEntries, trailerSectors, writtenEntries } from './swap-image.ts';
import { swapUsingMove } from './swap-move.ts';

/**
 * Swap using offset: the image to install lies one sector into the secondary slot, so that the old one fits in below it sector
 * by sector. A revert goes the same way back, from the last sector to the first. Two status entries for each sector.
 */
export const swapUsingOffset: SwapAlgorithm = {
  firstStep: 'swap',
  usesOffset: true,
  needsPrimary: true,
  statusSource: swapUsingMove.statusSource,

  readStatus({ primaryTrailer, layout, progress }) {
    const written = writtenEntries(primaryTrailer, statusEntries(layout));
    progress.index = Math.floor(written / 2);
    progress.state = written % 2;
  },

  maxSize: (primary, layout) => primary.size - trailerSectors(layout, primary.sectorSize) - primary.sectorSize,

  run(image, swapSize) {
    const { primaryTrailer, secondaryTrailer, secondary, sectorSize, progress } = image;
    const sectors = Math.max(1, Math.ceil(swapSize / sectorSize));
    const isRevert = progress.swapType === 'revert';
    const tlvSizes = tlvSizesOf(image);
    if (isRevert) prepareRevert(image, swapSize, tlvSizes);
    if (progress.index === 0) {
      if (progress.source !== 'primary') {
        primaryTrailer.erase();
        image.beginStatus(primaryTrailer, swapSize, tlvSizes);
      }
      secondaryTrailer.erase();
    }
    while (progress.index < sectors)
      swapSector(image, isRevert ? sectors - 1 - progress.index : progress.index, isRevert);
    if (isRevert) {
      // What is left at the start must not be taken for an image, and the trailer not for that of the next one.
      secondary.erase(0, sectorSize);
      secondaryTrailer.erase();
    }
  },
};

/** Exchanges sector `sector` of the primary slot with the one above (below, in a revert) its place in the secondary slot. */
function swapSector(image: SwapImage, sector: number, isRevert: boolean): void {
  const { primary, secondary, primaryTrailer, sectorSize, progress } = image;
  const at = sector * sectorSize;
  const above = at + sectorSize;
  if (progress.state === 0) {
    const to = isRevert ? above : at;
    secondary.erase(to, sectorSize);
    secondary.copyFrom(primary, at, to, sectorSize);
    image.writeStatus(primaryTrailer, 2 * progress.index);
    progress.state = 1;
  }
  primary.erase(at, sectorSize);
  primary.copyFrom(secondary, isRevert ? at : above, at, sectorSize);
  image.writeStatus(primaryTrailer, 2 * progress.index + 1);
  progress.index++;
  progress.state = 0;
}

/** Keeps the fact of a revert in the secondary slot while the trailer of the primary one is written anew. */
function prepareRevert(image: SwapImage, swapSize: number, tlvSizes: readonly [number, number]): void {
  const { secondaryTrailer, progress } = image;
  if (progress.index !== 0 || secondaryTrailer.read().magic !== 'unset') return;
  secondaryTrailer.erase();
  secondaryTrailer.writeCopyDone();
  image.beginStatus(secondaryTrailer, swapSize, tlvSizes);
}

/** Sizes of the unprotected TLV areas of both images; 0 for one that cannot be read any more. */
function tlvSizesOf({ primary, secondary, secondaryOffset }: SwapImage): [number, number] {
  const images = [readSlotImage(primary, 0), readSlotImage(secondary, secondaryOffset)];
  return images.map((image) => (image === undefined ? 0 : image.imageEnd - image.tlvAreaOffset)) as [number, number];
}
