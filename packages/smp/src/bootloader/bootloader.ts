import { compareVersions, securityCounter, type TrailerLayout, trailerLayout, type Version } from '@meshferry/firmware';
import { bootChoosing } from './boot-choosing.ts';
import { type BootMode, choosesSlot } from './boot-mode.ts';
import { bootSwapping } from './boot-swapping.ts';
import type { Flash, FlashArea } from './flash.ts';
import { type ImageRules, imageFault, readSlotHeader, readSlotImage, type Trust } from './slot-image.ts';
import { swapUsingMove } from './swap-move.ts';
import { swapUsingOffset } from './swap-offset.ts';
import { swapUsingScratch } from './swap-scratch.ts';

/** Where the images are. */
export interface FlashMap {
  /** Both slots of each image; the second one is missing on boards with one slot. */
  readonly images: readonly { readonly primary: FlashArea; readonly secondary?: FlashArea }[];
  /** Of swap using scratch. */
  readonly scratch?: FlashArea;
}

/** How a bootloader was built. */
export interface BootloaderOptions {
  readonly mode: BootMode;
  /** Public keys that images must be signed for; `any`: a hash is enough. */
  readonly trust: Trust;
  /** Whether an older image may replace a newer one. Default true. */
  readonly allowDowngrade?: boolean;
  /** Whether build numbers count where versions are compared. Default false. */
  readonly compareBuild?: boolean;
  /**
   * Security counters of the images, which the device stores for good; the bootloader raises them in place. Undefined: images
   * need none. Default undefined.
   */
  readonly securityCounters?: number[];
  /** Most sectors of a slot; the trailer has room for their status. Default 128. */
  readonly maxSectors?: number;
  /** Told what is found and done, in words. */
  readonly log?: (line: string) => void;
}

/** The image that runs after a boot. */
export interface RunningImage {
  readonly slot: 0 | 1;
  readonly version: Version;
}

/** How a boot ended: what runs of each image, or why nothing does. */
export type BootResult =
  | { readonly booted: true; readonly running: readonly RunningImage[] }
  | { readonly booted: false; readonly reason: string };

/**
 * A bootloader that decides as MCUboot does, from the octets of the flash alone: trailers, headers, hashes and signatures
 * [spec: mcuboot-image sections 6 to 8]. A boot that the power ends at any operation is taken up by the next one.
 *
 * ```ts
 * const bootloader = new Bootloader({ images: [{ primary, secondary }] }, { mode: 'move', trust: SAMPLE_KEYS });
 * const result = bootloader.boot(); // { booted: true, running: [{ slot: 0, version: { major: 1, … } }] }
 * ```
 */
export class Bootloader {
  readonly map: FlashMap;
  readonly mode: BootMode;
  readonly layout: TrailerLayout;
  readonly allowDowngrade: boolean;
  readonly securityCounters: number[] | undefined;
  readonly log: (line: string) => void;
  readonly #trust: Trust;
  readonly #compareBuild: boolean;

  constructor(map: FlashMap, options: BootloaderOptions) {
    this.map = map;
    this.mode = options.mode;
    this.allowDowngrade = options.allowDowngrade ?? true;
    this.securityCounters = options.securityCounters;
    this.log = options.log ?? (() => {});
    this.#trust = options.trust;
    this.#compareBuild = options.compareBuild ?? false;
    this.layout = trailerLayout({
      writeSize: this.flash.writeSize,
      sectors: options.maxSectors ?? 128,
      usingOffset: this.mode === 'offset',
    });
  }

  get flash(): Flash {
    return this.#first.primary.flash;
  }

  /**
   * Boots: finishes a swap that was interrupted, does what the trailers ask for, checks what will run. `intoLoader`: with a
   * firmware loader, starts that instead of the application. Throws {@link PowerLoss} only.
   */
  boot(intoLoader = false): BootResult {
    if (choosesSlot(this.mode)) return bootChoosing(this);
    if (this.mode === 'single' || this.mode === 'single-ram' || this.mode === 'loader')
      return this.#bootOnly(intoLoader);
    return bootSwapping(this);
  }

  /** Negative, 0 or positive as MCUboot compares versions here. */
  compare(a: Version, b: Version): number {
    return compareVersions(a, b, { withBuild: this.#compareBuild });
  }

  /** Why the image at an offset may not run; null when it may. */
  faultOf(image: number, area: FlashArea, offset: number): string | null {
    const rules: ImageRules = {
      trust: this.#trust,
      maxSize: this.maxImageSize(image),
      minCounter: this.securityCounters && (this.securityCounters[image] ?? 0),
    };
    return imageFault(area, offset, rules);
  }

  /** Largest image with its TLVs that leaves the bootloader the room it needs, octets [spec: mcuboot-image section 5]. */
  maxImageSize(image: number): number {
    const { layout, map } = this;
    const { primary } = map.images[image] ?? this.#first;
    switch (this.mode) {
      case 'move':
        return swapUsingMove.maxSize(primary, layout, undefined);
      case 'offset':
        return swapUsingOffset.maxSize(primary, layout, undefined);
      case 'scratch':
        return swapUsingScratch.maxSize(primary, layout, map.scratch);
      case 'single':
      case 'single-ram':
      case 'loader':
        return primary.size - layout.tlvSizes;
      default:
        return primary.size - layout.swapInfo;
    }
  }

  /** Raises the stored security counter to that of an image which runs for good. */
  raiseCounter(image: number, area: FlashArea): void {
    const counters = this.securityCounters;
    const parsed = counters && readSlotImage(area, 0);
    const counter = parsed && securityCounter(parsed);
    if (counters !== undefined && counter !== undefined) counters[image] = Math.max(counters[image] ?? 0, counter);
  }

  get #first(): { readonly primary: FlashArea; readonly secondary?: FlashArea } {
    const [first] = this.map.images;
    if (first === undefined) throw new Error('a flash map without an image');
    return first;
  }

  /** Boards on which nothing is ever swapped; a firmware loader starts when asked for, or when there is nothing else. */
  #bootOnly(intoLoader: boolean): BootResult {
    const { primary, secondary } = this.#first;
    const fault = this.faultOf(0, primary, 0);
    if (fault === null && !intoLoader) return this.#running(primary, 0);
    if (this.mode === 'loader' && secondary !== undefined && this.faultOf(0, secondary, 0) === null) {
      return this.#running(secondary, 1);
    }
    if (fault === null) return this.#running(primary, 0);
    return { booted: false, reason: `the image in slot 0 cannot run: ${fault}` };
  }

  #running(area: FlashArea, slot: 0 | 1): BootResult {
    return { booted: true, running: [{ slot, version: readSlotHeader(area, 0).version }] };
  }
}
