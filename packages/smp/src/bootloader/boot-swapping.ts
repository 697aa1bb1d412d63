import { ImageFlag, type SwapType } from '@meshferry/firmware';
import { swaps } from './boot-mode.ts';
import type { Bootloader, BootResult } from './bootloader.ts';
import { dependencyFault, readSlotHeader, readSlotImage } from './slot-image.ts';
import type { SwapAlgorithm } from './swap-image.ts';
import { SwapImage } from './swap-image.ts';
import { swapUsingMove } from './swap-move.ts';
import { swapUsingOffset } from './swap-offset.ts';
import { swapUsingScratch, trailerOfSource } from './swap-scratch.ts';
import { swapTypeOf } from './swap-type.ts';

/**
 * A boot of a bootloader that swaps both slots, or copies one over the other [spec: mcuboot-image section 8]: interrupted swaps
 * of all images are finished, then dependencies are checked, then all images change, then what will run is checked.
 */
export function bootSwapping(bootloader: Bootloader): BootResult {
  return new SwappingBoot(bootloader).run();
}

const ALGORITHMS: Partial<Record<Bootloader['mode'], SwapAlgorithm>> = {
  move: swapUsingMove,
  scratch: swapUsingScratch,
  offset: swapUsingOffset,
};

class SwappingBoot {
  readonly #loader: Bootloader;
  readonly #images: readonly SwapImage[];
  /** Undefined: the secondary slot is copied over the primary one. */
  readonly #algorithm: SwapAlgorithm | undefined;

  constructor(loader: Bootloader) {
    this.#loader = loader;
    this.#algorithm = swaps(loader.mode) ? ALGORITHMS[loader.mode] : undefined;
    const { images, scratch } = loader.map;
    this.#images = images.map(({ primary, secondary = primary }, number) => {
      return new SwapImage(number, { primary, secondary, scratch }, loader.layout);
    });
  }

  run(): BootResult {
    for (const image of this.#images) this.#prepare(image);
    this.#checkDependencies();
    for (const image of this.#images) this.#update(image);
    for (const image of this.#images) {
      const fault = this.#primaryFault(image);
      if (fault !== null)
        return { booted: false, reason: `the image in slot 0 of image ${image.number} cannot run: ${fault}` };
    }
    const running = this.#images.map(({ primary }) => ({
      slot: 0 as const,
      version: readSlotHeader(primary, 0).version,
    }));
    return { booted: true, running };
  }

  /** Finishes an interrupted swap, or finds out what the trailers ask for. */
  #prepare(image: SwapImage): void {
    const algorithm = this.#algorithm;
    const { progress } = image;
    if (algorithm !== undefined) {
      progress.step = algorithm.firstStep;
      progress.source = algorithm.statusSource(image);
      if (progress.source !== 'none') {
        algorithm.readStatus(image);
        progress.swapType = trailerOfSource(image, progress.source).read().swapType;
      }
    }
    this.#readHeaders(image);
    if (algorithm !== undefined) {
      if (progress.step !== algorithm.firstStep || progress.index > 0 || progress.state > 0) {
        this.#finishInterrupted(image, algorithm);
        return;
      }
      if (algorithm.needsPrimary && image.headers[0]?.magic !== 'good') {
        this.#log(image, 'there is no image in the primary slot');
        return;
      }
    }
    image.swapType = this.#validatedType(image);
    // Reverts beside an update of another image only look so: they were swapped just before the power went.
    if (image.swapType === 'test' || image.swapType === 'perm') this.#keepEarlier(image);
  }

  #finishInterrupted(image: SwapImage, algorithm: SwapAlgorithm): void {
    const { progress } = image;
    this.#log(image, `an interrupted swap (${progress.swapType}) goes on at sector ${progress.index}`);
    this.#keepEarlier(image);
    algorithm.run(image, trailerOfSource(image, progress.source).readSwapSize());
    this.#finish(image, progress.swapType);
    progress.swapType = 'none';
    this.#readHeaders(image);
  }

  #keepEarlier({ number }: SwapImage): void {
    for (const earlier of this.#images.slice(0, number)) if (earlier.swapType === 'revert') earlier.swapType = 'none';
  }

  /** What is to be done: what an interrupted beginning or the trailers say, if the image in the secondary slot can run. */
  #validatedType(image: SwapImage): SwapType {
    const begun = image.progress.swapType;
    const type = begun === 'none' ? this.#askedType(image) : begun;
    if (type === 'none') return 'none';
    this.#log(image, `swap type ${type}`);
    const fault = this.#secondaryFault(image, type);
    if (fault === null) return type;
    this.#log(image, `not installed: ${fault}`);
    if (begun !== 'none' && this.#algorithm !== undefined) this.#confirm(image); // as if it had been reverted
    return 'none';
  }

  #askedType({ primaryTrailer, secondaryTrailer }: SwapImage): SwapType {
    return swapTypeOf(primaryTrailer.read(), secondaryTrailer.read(), this.#algorithm?.usesOffset ?? false);
  }

  /** Why the image in the secondary slot cannot be installed; what can never be is erased. */
  #secondaryFault(image: SwapImage, type: SwapType): string | null {
    const { secondary, secondaryTrailer, primaryTrailer, secondaryOffset, headers } = image;
    const header = headers[1];
    if (header === undefined || header.magic === 'erased' || (header.flags & ImageFlag.nonBootable) !== 0) {
      // A trailer that is left over would keep new images from being loaded, or have the running one reverted at every boot.
      secondaryTrailer.erase();
      if (this.#loader.mode === 'move' && type === 'revert') primaryTrailer.erase();
      return 'there is no bootable image in the secondary slot';
    }
    const fault =
      this.#misplaced(image, type) ??
      this.#tooOld(image) ??
      this.#loader.faultOf(image.number, secondary, secondaryOffset);
    if (fault !== null) secondary.erase(0, secondary.size);
    return fault;
  }

  /** With swap using offset an image at the start of the slot was loaded to the wrong place. */
  #misplaced({ secondary, progress }: SwapImage, type: SwapType): string | null {
    const isPristine = progress.swapType === 'none';
    if (this.#algorithm?.usesOffset !== true || type === 'revert' || !isPristine) return null;
    return readSlotHeader(secondary, 0).magic === 'good' ? 'it is not one sector into the slot' : null;
  }

  /** An overwriting bootloader looks at the version before anything else. */
  #tooOld({ headers: [primary, secondary] }: SwapImage): string | null {
    if (this.#algorithm !== undefined || this.#loader.allowDowngrade) return null;
    return this.#isOlder(secondary, primary) ? 'its version is older than that of the running image' : null;
  }

  #isOlder(a: SwapImage['headers'][0], b: SwapImage['headers'][0]): boolean {
    return a !== undefined && b?.magic === 'good' && this.#loader.compare(a.version, b.version) < 0;
  }

  /** One dependency that is not met keeps all images as they are, and their trailers too. */
  #checkDependencies(): void {
    const images = this.#images;
    if (images.length === 1 || images.every(({ swapType }) => swapType === 'none')) return;
    const versionOf = (number: number) => {
      const image = images[number];
      return image?.headers[image.swapType === 'none' ? 0 : 1]?.version;
    };
    for (const image of images) {
      const [area, offset] = image.swapType === 'none' ? [image.primary, 0] : [image.secondary, image.secondaryOffset];
      const parsed = readSlotImage(area, offset);
      const fault =
        parsed === undefined
          ? 'it cannot be read'
          : dependencyFault(parsed, versionOf, (a, b) => this.#loader.compare(a, b));
      if (fault === null) continue;
      this.#log(image, `no image is installed: ${fault}`);
      for (const each of images) each.swapType = 'none';
      return;
    }
  }

  #update(image: SwapImage): void {
    const { swapType, secondary, headers } = image;
    if (swapType === 'none') return;
    if (swapType !== 'revert' && !this.#loader.allowDowngrade && this.#isOlder(headers[1], headers[0])) {
      secondary.erase(0, secondary.size);
      this.#log(image, 'not installed: its version is older than that of the running image');
      return;
    }
    if (this.#algorithm === undefined) this.#overwrite(image);
    else this.#swap(image, this.#algorithm);
  }

  #swap(image: SwapImage, algorithm: SwapAlgorithm): void {
    const { progress, primary, secondary, secondaryOffset, swapType } = image;
    progress.swapType = swapType;
    const sizes = [readSlotImage(primary, 0), readSlotImage(secondary, secondaryOffset)].map(
      (each) => each?.imageEnd ?? 0,
    );
    const size = Math.max(...sizes);
    if (size > this.#loader.maxImageSize(image.number)) {
      this.#log(image, `not installed: ${size} octets cannot be swapped in slots of ${primary.size}`);
      return;
    }
    algorithm.run(image, size);
    this.#finish(image, swapType);
  }

  /** Marks the swap as done: from now on an image under test is reverted unless it is confirmed. */
  #finish(image: SwapImage, type: SwapType): void {
    if (type === 'none') return;
    if (type !== 'test') this.#confirm(image);
    image.primaryTrailer.writeCopyDone();
    this.#log(image, `swapped (${type})`);
  }

  #confirm({ primaryTrailer }: SwapImage): void {
    if (primaryTrailer.read().imageOk === 'unset') primaryTrailer.writeImageOk();
  }

  /** Copies the whole slot, trailer included; what started it is erased last. */
  #overwrite(image: SwapImage): void {
    const { primary, secondary, number } = image;
    primary.erase(0, primary.size);
    primary.copyFrom(secondary, 0, 0, primary.size);
    this.#loader.raiseCounter(number, primary);
    secondary.erase(0, secondary.sectorSize);
    image.secondaryTrailer.erase();
    this.#log(image, 'overwritten');
  }

  #primaryFault(image: SwapImage): string | null {
    const { primary, primaryTrailer, number } = image;
    const header = readSlotHeader(primary, 0);
    if (header.magic === 'good' && (header.flags & ImageFlag.nonBootable) !== 0) return 'it is not bootable';
    const fault = this.#loader.faultOf(number, primary, 0);
    const { magic, imageOk } = primaryTrailer.read();
    if (fault === null && (magic !== 'good' || imageOk === 'set')) this.#loader.raiseCounter(number, primary);
    return fault;
  }

  #readHeaders(image: SwapImage): void {
    const { primary, secondary } = image;
    image.secondaryOffset = this.#algorithm?.usesOffset === true ? this.#offsetOf(image) : 0;
    image.headers = [readSlotHeader(primary, 0), readSlotHeader(secondary, image.secondaryOffset)];
  }

  /** Swap using offset: one sector into the slot, and at its start for a revert; where nothing is there, at the other place. */
  #offsetOf(image: SwapImage): number {
    const { secondary, sectorSize, progress } = image;
    const isRevert = progress.swapType === 'revert' || this.#askedType(image) === 'revert';
    const [expected, other] = isRevert ? [0, sectorSize] : [sectorSize, 0];
    const isOther =
      readSlotHeader(secondary, expected).magic !== 'good' && readSlotHeader(secondary, other).magic === 'good';
    return isOther ? other : expected;
  }

  #log({ number }: SwapImage, line: string): void {
    this.#loader.log(`image ${number}: ${line}`);
  }
}
