import type { ImageHost, ImageSlot } from '../server/image-host.ts';

/** What an image of MCUboot begins with. */
export const IMAGE_MAGIC: Uint8Array = Uint8Array.of(0x3d, 0xb8, 0xf3, 0x96);

/** Flash that takes no time. */
export class MemorySlot implements ImageSlot {
  readonly sectorSize = 4096;
  readonly imageOffset = 0;
  readonly size: number;
  readonly maxImageSize: number;
  readonly octets: Uint8Array;

  constructor(octets: number) {
    this.size = Math.ceil(octets / this.sectorSize) * this.sectorSize;
    this.maxImageSize = this.size;
    this.octets = new Uint8Array(this.size).fill(0xff);
  }

  read(offset: number, length: number): Uint8Array {
    return this.octets.subarray(offset, offset + length);
  }

  write(offset: number, octets: Uint8Array): boolean {
    this.octets.set(octets, offset);
    return true;
  }

  erase(offset: number, length: number): boolean {
    this.octets.fill(0xff, offset, offset + length);
    return true;
  }
}

/** One image: what runs, and the slot to write. */
export function hostOf(free: MemorySlot): ImageHost {
  const running = new MemorySlot(8192);
  running.write(0, IMAGE_MAGIC);
  return {
    imageCount: 1,
    writableState: true,
    slot: (_, slot) => (slot === 0 ? running : free),
    activeSlot: () => 0,
    nextBoot: () => ({ slot: 0, kind: 'normal' }),
    takeBusyMs: () => 0,
    setNextBoot: () => 0,
  };
}
