import { ImageFlag } from '@meshferry/firmware';
import type { Bootloader, BootResult, RunningImage } from './bootloader.ts';
import type { FlashArea } from './flash.ts';
import { dependencyFault, readSlotHeader, readSlotImage } from './slot-image.ts';
import { AreaTrailer } from './trailer-writer.ts';

/**
 * A boot of a bootloader that runs the newest image from whichever slot it is in: direct-XIP with and without revert, and RAM
 * load [spec: mcuboot-image section 8]. An image that cannot run is erased, and the other slot has its turn.
 */
export function bootChoosing(bootloader: Bootloader): BootResult {
  return new ChoosingBoot(bootloader).run();
}

class ChoosingBoot {
  readonly #loader: Bootloader;
  /** Slots of each image that may still be chosen. */
  readonly #available: Set<0 | 1>[];
  readonly #chosen: (0 | 1 | undefined)[];

  constructor(loader: Bootloader) {
    this.#loader = loader;
    const { images } = loader.map;
    this.#chosen = images.map(() => undefined);
    this.#available = images.map((_, image) => {
      const slots = ([0, 1] as const).filter((slot) => {
        const area = this.#area(image, slot);
        return area !== undefined && readSlotHeader(area, 0).magic === 'good';
      });
      return new Set(slots);
    });
  }

  run(): BootResult {
    const images = this.#available.map((_, image) => image);
    do {
      for (const image of images) {
        if (!this.#choose(image))
          return { booted: false, reason: `no slot of image ${image} holds an image that can run` };
      }
    } while (!this.#checkDependencies());
    const running = images.map((image): RunningImage => {
      const slot = this.#chosen[image] as 0 | 1;
      const area = this.#area(image, slot) as FlashArea;
      if (!this.#reverts || this.#trailer(area).read().imageOk === 'set') this.#loader.raiseCounter(image, area);
      return { slot, version: readSlotHeader(area, 0).version };
    });
    return { booted: true, running };
  }

  get #reverts(): boolean {
    return this.#loader.mode === 'xip-revert';
  }

  /** Tries the slots of an image, the newest first; false when none is left. */
  #choose(image: number): boolean {
    while (this.#chosen[image] === undefined) {
      const slot = this.#newest(image);
      if (slot === undefined) return false;
      const fault = this.#fault(image, slot);
      if (fault === null) {
        this.#chosen[image] = slot;
      } else {
        this.#available[image]?.delete(slot);
        this.#loader.log(`image ${image}, slot ${slot}: not started: ${fault}`);
      }
    }
    return true;
  }

  /** Slot 0 where versions are equal. */
  #newest(image: number): 0 | 1 | undefined {
    const [first, second] = [...(this.#available[image] ?? [])].sort();
    if (first === undefined || second === undefined) return first;
    const version = (slot: 0 | 1) => readSlotHeader(this.#area(image, slot) as FlashArea, 0).version;
    return this.#loader.compare(version(second), version(first)) > 0 ? second : first;
  }

  #fault(image: number, slot: 0 | 1): string | null {
    const area = this.#area(image, slot) as FlashArea;
    const { flags, loadAddr } = readSlotHeader(area, 0);
    if (this.#loader.mode !== 'ram' && (flags & ImageFlag.romFixed) !== 0 && loadAddr !== area.offset) {
      return `it was built for 0x${loadAddr.toString(16)}, the slot is at 0x${area.offset.toString(16)}`;
    }
    if ((flags & ImageFlag.nonBootable) !== 0) return 'it is not bootable';
    const fault = (this.#reverts ? this.#select(area) : null) ?? this.#loader.faultOf(image, area, 0);
    if (fault !== null) area.erase(0, area.size);
    return fault;
  }

  /** Marks an image as started, so that the next boot sees whether it was confirmed in between. */
  #select(area: FlashArea): string | null {
    const trailer = this.#trailer(area);
    const { magic, copyDone, imageOk } = trailer.read();
    if (magic !== 'good') return 'its slot is not marked to run';
    if (copyDone === 'set' && imageOk !== 'set') return 'it ran and was not confirmed';
    if (copyDone !== 'set') trailer.writeCopyDone();
    return null;
  }

  /** False when an image was taken back, and another slot of it has to be tried. */
  #checkDependencies(): boolean {
    if (this.#chosen.length === 1) return true;
    const versionOf = (image: number) => {
      const slot = this.#chosen[image];
      const area = slot === undefined ? undefined : this.#area(image, slot);
      return area && readSlotHeader(area, 0).version;
    };
    for (const [image, slot] of this.#chosen.entries()) {
      const parsed = slot === undefined ? undefined : readSlotImage(this.#area(image, slot) as FlashArea, 0);
      if (parsed === undefined) continue;
      const fault = dependencyFault(parsed, versionOf, (a, b) => this.#loader.compare(a, b));
      if (fault === null) continue;
      this.#loader.log(`image ${image}, slot ${slot}: not started: ${fault}`);
      this.#available[image]?.delete(slot as 0 | 1);
      this.#chosen[image] = undefined;
      return false;
    }
    return true;
  }

  #area(image: number, slot: 0 | 1): FlashArea | undefined {
    const slots = this.#loader.map.images[image];
    return slot === 0 ? slots?.primary : slots?.secondary;
  }

  #trailer(area: FlashArea): AreaTrailer {
    return new AreaTrailer(area, this.#loader.layout);
  }
}
