import { SeededRandom } from '@meshferry/core';
import {
  buildImage,
  formatVersion,
  generateSigningKey,
  type ImageParts,
  parseVersion,
  readTrailer,
  type SigningKey,
  trailerMagic,
} from '@meshferry/firmware';
import { Bootloader, type BootloaderOptions, type BootResult } from '../bootloader.ts';
import { Flash, FlashArea, PowerLoss } from '../flash.ts';
import { readSlotHeader } from '../slot-image.ts';

const random = new SeededRandom('bootloader tests');
/** The key that test images are signed with, and one that nobody trusts. */
export const KEY: SigningKey = generateSigningKey(random, 'test');
export const OTHER_KEY: SigningKey = generateSigningKey(random, 'other');

/** Sizes of the payloads: two sectors each with header and TLVs, as those that the recorded boots had. */
const PAYLOADS: Record<string, number> = { '1.0.0+0': 6000, '1.2.3+4': 7333, '0.9.9+7': 1500 };

/** A signed image of a version, always the same. */
export function testImage(version: string, parts: Partial<ImageParts> = {}): Uint8Array {
  const parsed = parseVersion(version);
  if (!parsed.ok) throw parsed.error;
  const payload = new SeededRandom(version).bytes(PAYLOADS[version] ?? 3000);
  return buildImage({ payload, version: parsed.value, headerSize: 32, key: KEY, ...parts });
}

/** What a slot holds, as the vectors tell it. */
export interface SlotView {
  version: string | null;
  imageAt: number | null;
  magic: string;
  imageOk: string;
  copyDone: string;
  swapInfo: number;
}

export interface BenchOptions extends Partial<BootloaderOptions> {
  readonly images?: number;
  readonly slotSize?: number;
  readonly sectorSize?: number;
  readonly writeSize?: number;
  readonly scratchSize?: number;
}

/** A flash with slots as those of the recorded boots, and its bootloader. */
export class BootBench {
  readonly flash: Flash;
  readonly loader: Bootloader;
  readonly lines: string[] = [];

  constructor(options: BenchOptions = {}) {
    const {
      images = 1,
      slotSize = 0x69000,
      sectorSize = 4096,
      writeSize = 4,
      scratchSize = 0x1e000,
      ...rest
    } = options;
    const start = 0xc000;
    this.flash = new Flash({ size: start + 2 * images * slotSize + scratchSize, sectorSize, writeSize });
    const area = (number: number) => new FlashArea(this.flash, start + number * slotSize, slotSize);
    this.loader = new Bootloader(
      {
        images: Array.from({ length: images }, (_, i) => ({ primary: area(2 * i), secondary: area(2 * i + 1) })),
        scratch: new FlashArea(this.flash, start + 2 * images * slotSize, scratchSize),
      },
      { mode: 'move', trust: [KEY.publicKey], log: (line) => this.lines.push(line), ...rest },
    );
  }

  area(slot: number, image = 0): FlashArea {
    const slots = this.loader.map.images[image]!;
    return slot === 0 ? slots.primary : slots.secondary!;
  }

  /** Puts octets into a slot as a programmer would, in no time. */
  put(slot: number, octets: Uint8Array, offset = 0, image = 0): void {
    const { flash } = this;
    const area = this.area(slot, image);
    flash.octets.set(octets, area.offset + offset);
  }

  /** Marks a slot with a trailer, octet by octet. */
  mark(slot: number, { magic, imageOk, copyDone, swapInfo = 0xff }: Partial<SlotView>, image = 0): void {
    const { layout } = this.loader;
    const { size } = this.area(slot, image);
    const flag = (text: string | undefined) => ({ set: 1, bad: 3 })[text ?? ''] ?? 0xff;
    if (magic === 'good') this.put(slot, trailerMagic(layout.maxAlign), size - layout.magic, image);
    if (magic === 'bad') this.put(slot, Uint8Array.of(0), size - 1, image);
    this.put(slot, Uint8Array.of(flag(imageOk)), size - layout.imageOk, image);
    this.put(slot, Uint8Array.of(flag(copyDone)), size - layout.copyDone, image);
    this.put(slot, Uint8Array.of(swapInfo), size - layout.swapInfo, image);
  }

  view(slot: number, image = 0): SlotView {
    const area = this.area(slot, image);
    const { magic, imageOk, copyDone, swapInfo } = readTrailer(area.octets, this.loader.layout);
    const offset = [0, area.sectorSize].find((at) => readSlotHeader(area, at).magic === 'good') ?? null;
    const version = offset === null ? null : formatVersion(readSlotHeader(area, offset).version);
    return { version, imageAt: offset, magic, imageOk, copyDone, swapInfo };
  }

  views(image = 0): { slot0: SlotView; slot1: SlotView } {
    return { slot0: this.view(0, image), slot1: this.view(1, image) };
  }

  boot(): BootResult {
    return this.loader.boot();
  }

  /** Boots with the power gone after so many operations, and again until the power stays: null when it was not cut at all. */
  bootInterrupted(operations: number, tears = false): BootResult | null {
    this.flash.faults.tears = tears;
    try {
      this.flash.faults.operationsLeft = operations;
      this.boot();
      return null;
    } catch (thrown) {
      if (!(thrown instanceof PowerLoss)) throw thrown;
    } finally {
      this.flash.faults.operationsLeft = undefined;
    }
    return this.boot();
  }
}
