/**
 * What the image group of an SMP server needs from the device it runs on: slots of octets, and the bootloader's opinion of them.
 * Everything is decided from the octets of the flash, at the moment it is asked [spec: mcuboot-image sections 6 and 7].
 */
export interface ImageHost {
  /** Images that are updated on their own, each with up to two slots: 1 or more. */
  readonly imageCount: number;
  /** Whether a state write can choose what boots: not with RAM load and direct-XIP without revert [spec: smp section 4.4]. */
  readonly writableState: boolean;
  /** Slot 0 or 1 of an image; undefined where the device has none. */
  slot(image: number, slot: number): ImageSlot | undefined;
  /** The slot, 0 or 1, that the image's running code is in: always 0 where the bootloader swaps or copies. */
  activeSlot(image: number): number;
  /** What the next boot would choose for the image as the octets stand. */
  nextBoot(image: number): NextBoot;
  /** Milliseconds that the flash was busy since the last call; where it is missing the server reckons by its own timing. */
  takeBusyMs?(): number;
  /**
   * Writes what makes the bootloader choose the slot, once (`confirm` false: test) or for good. Whether it is allowed was
   * decided before. Gives 0 or an error of the image group (12 flash write, 23 magic bad …).
   */
  setNextBoot(image: number, slot: number, confirm: boolean): number;
}

/** The slot that boots next, and how [spec: smp sections 4.3 and 4.4]. */
export interface NextBoot {
  /** 0 or 1: equal to the active slot when nothing will change. */
  readonly slot: number;
  /**
   * `normal`: it runs and stays (swap type none, or perm when it is not the active slot); `test`: it runs once; `revert`: the
   * running code was under test and was not confirmed, the slot it replaced comes back.
   */
  readonly kind: 'normal' | 'test' | 'revert';
}

/** One slot of flash; offsets and lengths in octets from its start. */
export interface ImageSlot {
  readonly size: number;
  /** Size of what can be erased at once; divides `size`. */
  readonly sectorSize: number;
  /** Where an image starts: 0, or one sector in slot 1 of a bootloader that swaps using offset. */
  readonly imageOffset: number;
  /** Largest image that leaves the bootloader its room (trailer, spare sector). */
  readonly maxImageSize: number;
  /** The octets, inside the slot; possibly a view of the flash: not to be changed and not to be kept. */
  read(offset: number, length: number): Uint8Array;
  /** Writes erased octets, a last part of less than the flash's unit as well; false when the flash refuses. */
  write(offset: number, octets: Uint8Array): boolean;
  /** Erases whole sectors, to 0xFF; false when the flash refuses. */
  erase(offset: number, length: number): boolean;
}
