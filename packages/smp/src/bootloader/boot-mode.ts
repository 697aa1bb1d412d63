/** What a bootloader does with its slots [spec: smp section 4.1, bootloader info]. */
export type BootMode = keyof typeof BOOT_MODES;

/** The numbers that SMP tells the modes by. */
export const BOOT_MODES = {
  /** One slot. */
  single: 0,
  /** Swap using a scratch area. */
  scratch: 1,
  /** The new image is copied over the old one. */
  overwrite: 2,
  /** Swap using move, without scratch. */
  move: 3,
  /** Direct-XIP: the newest of both slots runs where it is. */
  xip: 4,
  /** Direct-XIP, where an image that was not confirmed is erased. */
  'xip-revert': 5,
  /** The newest of both slots runs from RAM. */
  ram: 6,
  /** One slot, and a firmware loader that updates it in place. */
  loader: 7,
  /** One slot that runs from RAM. */
  'single-ram': 8,
  /** Swap using offset: new images start one sector into the second slot. */
  offset: 9,
} as const;

/** Whether both images change places, and can change back. */
export function swaps(mode: BootMode): boolean {
  return mode === 'move' || mode === 'scratch' || mode === 'offset';
}

/** Whether an image runs from whichever slot it is in, so that both slots are equal. */
export function choosesSlot(mode: BootMode): boolean {
  return mode === 'xip' || mode === 'xip-revert' || mode === 'ram';
}
