import type { TrailerState } from '@meshferry/firmware';
import type { BootMode } from '../bootloader/boot-mode.ts';
import type { Bootloader } from '../bootloader/bootloader.ts';
import type { FlashArea } from '../bootloader/flash.ts';
import { readSlotImage } from '../bootloader/slot-image.ts';
import { swapTypeOf } from '../bootloader/swap-type.ts';
import { AreaTrailer } from '../bootloader/trailer-writer.ts';
import type { NextBoot } from '../server/image-host.ts';

/** Codes of the image group that writing the state ends with [spec: smp section 3.2]. */
const FLASH_WRITE = 12;
const BAD_MAGIC = 23;
const BAD_VECTOR = 29;

/** Both slots of an image and the one that runs. */
export interface SlotPair {
  readonly slots: readonly [FlashArea, FlashArea | undefined];
  readonly active: 0 | 1;
}

/** What the next boot does with an image, as an application works it out from the trailers [spec: smp section 4.3]. */
export function nextBootOf(bootloader: Bootloader, { slots, active }: SlotPair): NextBoot {
  const [first, second] = slots;
  const stays: NextBoot = { slot: active, kind: 'normal' };
  if (second === undefined) return stays;
  const trailer = (area: FlashArea) => new AreaTrailer(area, bootloader.layout).read();
  switch (bootloader.mode) {
    case 'single':
    case 'single-ram':
    case 'loader':
      return stays;
    case 'xip':
    case 'ram':
      return isNewer(bootloader, slots, active) ? { slot: 1 - active, kind: 'normal' } : stays;
    case 'xip-revert': {
      const states = [trailer(first), trailer(second)];
      const [own, other] = [marking(states[active]!), marking(states[1 - active]!)];
      if (own === 'revert') return { slot: 1 - active, kind: 'revert' };
      if (other === 'unset') return own === 'once' ? { slot: active, kind: 'test' } : stays;
      if (!isNewer(bootloader, slots, active)) return stays;
      if (other === 'forever') return { slot: 1 - active, kind: 'normal' };
      return other === 'once' ? { slot: 1 - active, kind: 'test' } : stays;
    }
    default: {
      const type = swapTypeOf(trailer(first), trailer(second), bootloader.mode === 'offset');
      if (type === 'none') return stays;
      return { slot: 1, kind: type === 'perm' ? 'normal' : type };
    }
  }
}

/** Writes what makes a slot boot next, as `boot_set_next` does [spec: mcuboot-image section 6]; 0 or a code of the image group. */
export function setNextBoot(
  bootloader: Bootloader,
  place: SlotPair & { image: number },
  slot: number,
  confirm: boolean,
): number {
  const area = place.slots[slot];
  if (area === undefined) return FLASH_WRITE;
  const trailer = new AreaTrailer(area, bootloader.layout);
  const isActive = slot === place.active;
  const { magic } = trailer.read();
  if (magic === 'bad') return isActive ? BAD_VECTOR : BAD_MAGIC;
  if (bootloader.mode === 'xip-revert') markToRun(trailer, confirm || isActive);
  else if (!isActive) markToSwap(trailer, place.image, confirm);
  // Without a magic nothing was swapped: there is nothing to confirm.
  else if (magic === 'good' && trailer.read().imageOk === 'unset') trailer.writeImageOk();
  return 0;
}

/** Whether state writes have an effect at all [spec: smp section 4.4]. */
export function choosesByState(mode: BootMode): boolean {
  return mode !== 'xip' && mode !== 'ram' && mode !== 'loader';
}

/** A slot that is marked already stays as it is. */
function markToSwap(trailer: AreaTrailer, image: number, permanent: boolean): void {
  if (trailer.read().magic === 'good') return;
  trailer.writeMagic();
  if (permanent) trailer.writeImageOk();
  trailer.writeSwapInfo(permanent ? 'perm' : 'test', image);
}

function markToRun(trailer: AreaTrailer, confirm: boolean): void {
  const { magic, copyDone, imageOk } = trailer.read();
  if (magic === 'unset') trailer.writeMagic();
  if (!confirm) return;
  if (copyDone === 'unset') trailer.writeCopyDone();
  if (imageOk === 'unset') trailer.writeImageOk();
}

/** What the trailer of a slot says with direct-XIP and revert. */
function marking({ magic, copyDone, imageOk }: TrailerState): 'unset' | 'once' | 'revert' | 'forever' {
  if (magic !== 'good') return 'unset';
  if (imageOk === 'set') return 'forever';
  return copyDone === 'set' ? 'revert' : 'once';
}

/** Like a real server, which reads the TLVs first: what is not a whole image counts for nothing. */
function isNewer(bootloader: Bootloader, [first, second]: SlotPair['slots'], active: 0 | 1): boolean {
  const images = [readSlotImage(first, 0), second && readSlotImage(second, 0)];
  const [own, other] = [images[active], images[1 - active]];
  return own !== undefined && other !== undefined && bootloader.compare(other.version, own.version) > 0;
}
