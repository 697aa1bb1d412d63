import { MeshError } from '@meshferry/core';
import type { FlashArea } from '../bootloader/flash.ts';
import type { ImageSlot } from '../server/image-host.ts';

/** A slot of a device as its SMP server sees it: a flash that fails is said, not thrown. */
export class DeviceSlot implements ImageSlot {
  readonly imageOffset: number;
  readonly #area: FlashArea;
  readonly #maxImageSize: () => number;

  constructor(area: FlashArea, imageOffset: number, maxImageSize: () => number) {
    this.#area = area;
    this.imageOffset = imageOffset;
    this.#maxImageSize = maxImageSize;
  }

  get size(): number {
    return this.#area.size;
  }

  get sectorSize(): number {
    return this.#area.sectorSize;
  }

  get maxImageSize(): number {
    return this.#maxImageSize();
  }

  read(offset: number, length: number): Uint8Array {
    return this.#area.octets.subarray(offset, offset + length);
  }

  write(offset: number, octets: Uint8Array): boolean {
    return succeeds(() => this.#area.write(offset, octets));
  }

  erase(offset: number, length: number): boolean {
    return succeeds(() => this.#area.erase(offset, length));
  }
}

/** Whether the flash did it. A power cut is not for the one who writes to see. */
export function succeeds(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (thrown) {
    if (thrown instanceof MeshError) return false;
    throw thrown;
  }
}
