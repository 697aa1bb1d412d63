import { MeshError } from '@meshferry/core';
import { trailerMagic } from '@meshferry/firmware';
import { Bootloader } from '../../bootloader/bootloader.ts';
import { Flash, FlashArea } from '../../bootloader/flash.ts';
import { swapTypeOf } from '../../bootloader/swap-type.ts';
import { AreaTrailer } from '../../bootloader/trailer-writer.ts';
import type { ImageHost, ImageSlot, NextBoot } from '../image-host.ts';

const WRITE_FAILED = 12;
const BAD_MAGIC = 23;

/** A device that swaps using move, with the slots of the recorded one: what a server test needs of a device, and no more. */
export class FlashHost implements ImageHost {
  readonly imageCount: number;
  writableState = true;
  readonly flash: Flash;
  readonly loader: Bootloader;

  constructor(images = 1, slotSize = 0x69000) {
    this.imageCount = images;
    this.flash = new Flash({ size: 0xc000 + 2 * images * slotSize, eraseMs: 0, writeMs: 0 });
    const area = (n: number) => new FlashArea(this.flash, 0xc000 + n * slotSize, slotSize);
    const map = {
      images: Array.from({ length: images }, (_, i) => ({ primary: area(2 * i), secondary: area(2 * i + 1) })),
    };
    this.loader = new Bootloader(map, { mode: 'move', trust: 'any' });
  }

  /** Puts an image into slot 0, confirmed, as a programmer would. */
  program(image: number, octets: Uint8Array): void {
    const { primary } = this.loader.map.images[image]!;
    const { layout } = this.loader;
    const flash = this.flash.octets.subarray(primary.offset, primary.offset + primary.size);
    flash.fill(0xff).set(octets);
    flash.set(trailerMagic(layout.maxAlign), primary.size - layout.magic);
    flash[primary.size - layout.imageOk] = 1;
  }

  slot(image: number, slot: number): ImageSlot | undefined {
    const area = this.#area(image, slot);
    if (area === undefined) return undefined;
    return {
      size: area.size,
      sectorSize: area.sectorSize,
      imageOffset: 0,
      maxImageSize: this.loader.maxImageSize(image),
      read: (offset, length) => area.octets.subarray(offset, offset + length),
      write: (offset, octets) => refused(() => area.write(offset, octets)),
      erase: (offset, length) => refused(() => area.erase(offset, length)),
    };
  }

  activeSlot(): number {
    return 0;
  }

  nextBoot(image: number): NextBoot {
    switch (swapTypeOf(this.#trailer(image, 0).read(), this.#trailer(image, 1).read())) {
      case 'none':
        return { slot: 0, kind: 'normal' };
      case 'perm':
        return { slot: 1, kind: 'normal' };
      case 'test':
        return { slot: 1, kind: 'test' };
      case 'revert':
        return { slot: 1, kind: 'revert' };
    }
  }

  setNextBoot(image: number, slot: number, confirm: boolean): number {
    const trailer = this.#trailer(image, slot);
    const { magic, imageOk } = trailer.read();
    if (magic === 'bad') return BAD_MAGIC;
    const written = refused(() => {
      if (slot === 0) {
        if (magic === 'good' && imageOk === 'unset') trailer.writeImageOk();
      } else if (magic === 'unset') {
        if (confirm) trailer.writeImageOk();
        trailer.writeSwapInfo(confirm ? 'perm' : 'test', image);
        trailer.writeMagic();
      }
    });
    return written ? 0 : WRITE_FAILED;
  }

  #area(image: number, slot: number): FlashArea | undefined {
    const slots = this.loader.map.images[image];
    return slot === 0 ? slots?.primary : slots?.secondary;
  }

  #trailer(image: number, slot: number): AreaTrailer {
    return new AreaTrailer(this.#area(image, slot)!, this.loader.layout);
  }
}

function refused(run: () => void): boolean {
  try {
    run();
    return true;
  } catch (thrown) {
    if (thrown instanceof MeshError) return false;
    throw thrown;
  }
}
