import { type SwapAlgorithm, type SwapImage, statusEntries, trailerSectors, writtenEntries } from './swap-image.ts';

/**
 * Swap using move: the primary image moves up by one sector, then both images change places sector by sector, without a
 * scratch area. Status: one entry for each sector moved, then two for each one swapped.
 */
export const swapUsingMove: SwapAlgorithm = {
  firstStep: 'move',
  usesOffset: false,
  needsPrimary: true,

  statusSource({ primaryTrailer, secondaryTrailer }) {
    const primary = primaryTrailer.read();
    const isUnderWay = primary.magic === 'good' && primary.copyDone === 'unset';
    return isUnderWay && secondaryTrailer.read().magic !== 'good' ? 'primary' : 'none';
  },

  readStatus(image) {
    const { primaryTrailer, layout, progress } = image;
    const written = writtenEntries(primaryTrailer, statusEntries(layout));
    const moves = movesOf(image);
    if (written === 0) return;
    progress.step = written < moves ? 'move' : 'swap';
    progress.index = written < moves ? written : Math.floor((written - moves) / 2);
    progress.state = written < moves ? 0 : (written - moves) % 2;
  },

  maxSize: (primary, layout) => primary.size - trailerSectors(layout, primary.sectorSize) - primary.sectorSize,

  run(image, swapSize) {
    const { progress } = image;
    const sectors = Math.max(1, Math.ceil(swapSize / image.sectorSize));
    prepareRevert(image, swapSize);
    if (progress.step === 'move') {
      for (let sector = sectors - progress.index; sector > 0; sector--) moveUp(image, sector, swapSize);
      progress.step = 'swap';
      progress.index = 0;
    }
    while (progress.index < sectors) swapSector(image);
  },
};

/** Moves sector `to - 1` of the primary slot to `to`. The first one also begins the status. */
function moveUp(image: SwapImage, to: number, swapSize: number): void {
  const { primary, primaryTrailer, secondaryTrailer, sectorSize, progress } = image;
  if (progress.index === 0) {
    if (progress.source !== 'primary') {
      primaryTrailer.erase();
      image.beginStatus(primaryTrailer, swapSize);
    }
    // From here on the status in the primary slot alone says what is under way.
    secondaryTrailer.erase();
  }
  primary.erase(to * sectorSize, sectorSize);
  primary.copyFrom(primary, (to - 1) * sectorSize, to * sectorSize, sectorSize);
  image.writeStatus(primaryTrailer, progress.index);
  progress.index++;
}

function swapSector(image: SwapImage): void {
  const { primary, secondary, primaryTrailer, sectorSize, progress } = image;
  const at = progress.index * sectorSize;
  const entry = movesOf(image) + 2 * progress.index;
  if (progress.state === 0) {
    primary.erase(at, sectorSize);
    primary.copyFrom(secondary, at, at, sectorSize);
    image.writeStatus(primaryTrailer, entry);
    progress.state = 1;
  }
  secondary.erase(at, sectorSize);
  secondary.copyFrom(primary, at + sectorSize, at, sectorSize);
  image.writeStatus(primaryTrailer, entry + 1);
  progress.index++;
  progress.state = 0;
}

/**
 * Makes a revert look like a permanent swap: its status would be lost with the power in the moment between the end of the
 * old trailer in the primary slot and the begin of the new one.
 */
function prepareRevert({ secondaryTrailer, progress }: SwapImage, swapSize: number): void {
  if (progress.swapType !== 'revert' || progress.step !== 'move' || progress.index !== 0) return;
  if (secondaryTrailer.read().magic !== 'unset') return;
  secondaryTrailer.erase();
  secondaryTrailer.writeImageOk();
  secondaryTrailer.writeSwapSize(swapSize);
  secondaryTrailer.writeMagic();
}

/** Entries that belong to the move: one for each sector that the trailer is laid out for. */
function movesOf({ layout }: SwapImage): number {
  return statusEntries(layout) / 3;
}
