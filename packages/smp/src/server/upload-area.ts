import type { ImageSlot } from './image-host.ts';

/** Octets that are gathered before they are written [spec: smp section 4.5]. */
const BLOCK = 512;

/** What can go wrong, by the numbers of the image group. */
export const FLASH_WRITE_ERROR = 12;
export const FLASH_ERASE_ERROR = 13;

/** A refusal of the flash that a test asks for. */
export interface FlashFaults {
  readonly flashErrorAt?: number;
  readonly eraseError?: boolean;
}

/** What of an {@link UploadArea} is not in the flash. */
export interface UploadAreaSnapshot {
  /** Octets of the image that are in the flash. */
  readonly written: number;
  /** Those after them, less than 512. */
  readonly gathered: Uint8Array;
}

/**
 * Where an upload goes: like Zephyr it writes blocks of 512 octets, so that of a smaller beginning nothing is in the flash yet.
 * What is gathered is lost with the power.
 */
export class UploadArea {
  readonly slot: ImageSlot;
  readonly #faults: FlashFaults;
  readonly #block: Uint8Array = new Uint8Array(BLOCK);
  #gathered = 0;
  /** Octets of the image that are in the flash. */
  #written = 0;

  /** `before`: goes on where another one was. */
  constructor(slot: ImageSlot, faults: FlashFaults, before?: UploadAreaSnapshot) {
    this.slot = slot;
    this.#faults = faults;
    if (before === undefined) return;
    this.#written = before.written;
    this.#gathered = before.gathered.length;
    this.#block.set(before.gathered);
  }

  snapshot(): UploadAreaSnapshot {
    return { written: this.#written, gathered: this.#block.slice(0, this.#gathered) };
  }

  /**
   * Erases what an image of `length` octets will cover, and the end of the slot, where a trailer may be. Gives the number of
   * sectors, or an error of the image group.
   */
  erase(length: number): { readonly sectors: number; readonly error: number } {
    const { size, sectorSize, imageOffset, maxImageSize } = this.slot;
    if (this.#faults.eraseError === true) return { sectors: 0, error: FLASH_ERASE_ERROR };
    const imageEnd = Math.min(size, Math.ceil((imageOffset + length) / sectorSize) * sectorSize);
    const trailer = Math.min(size, Math.max(imageEnd, Math.floor(maxImageSize / sectorSize) * sectorSize));
    const erased = this.slot.erase(0, imageEnd) && (trailer === size || this.slot.erase(trailer, size - trailer));
    const sectors = (imageEnd + size - trailer) / sectorSize;
    return { sectors, error: erased ? 0 : FLASH_ERASE_ERROR };
  }

  /** Takes the next octets of the image; with the `last` ones nothing stays gathered. Gives 0 or an error of the image group. */
  append(octets: Uint8Array, last: boolean): number {
    let taken = 0;
    while (taken < octets.length) {
      const part = octets.subarray(taken, taken + BLOCK - this.#gathered);
      this.#block.set(part, this.#gathered);
      this.#gathered += part.length;
      taken += part.length;
      if (this.#gathered === BLOCK && !this.#flush()) return FLASH_WRITE_ERROR;
    }
    return last && this.#gathered > 0 && !this.#flush() ? FLASH_WRITE_ERROR : 0;
  }

  #flush(): boolean {
    const octets = this.#block.slice(0, this.#gathered);
    const { flashErrorAt } = this.#faults;
    if (flashErrorAt !== undefined && flashErrorAt < this.#written + octets.length) return false;
    const at = this.slot.imageOffset + this.#written;
    // A first chunk may be longer than the slot is: 3.4.99 looks at what was announced only.
    if (at + octets.length > this.slot.size || !this.slot.write(at, octets)) return false;
    this.#written += octets.length;
    this.#gathered = 0;
    return true;
  }
}
