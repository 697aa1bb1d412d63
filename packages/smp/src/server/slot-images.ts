import { equal } from '@meshferry/core';
import { type McubootImage, parseImage, type Version } from '@meshferry/firmware';
import type { ImageHost, ImageSlot } from './image-host.ts';

/** A slot by image and number, and its number counted over all images. */
export interface SlotPlace {
  readonly image: number;
  readonly slot: number;
}

/** The image in a slot, by header and TLVs alone: whether it is sound is the bootloader's matter. Undefined when there is none. */
export function imageIn(slot: ImageSlot): McubootImage | undefined {
  const parsed = parseImage(slot.read(slot.imageOffset, slot.size - slot.imageOffset));
  return parsed.ok ? parsed.value : undefined;
}

/** All slots of the device, image by image. */
export function* slotsOf(host: ImageHost): Generator<SlotPlace & { readonly octets: ImageSlot }> {
  for (let image = 0; image < host.imageCount; image++) {
    for (let slot = 0; slot < 2; slot++) {
      const octets = host.slot(image, slot);
      if (octets !== undefined) yield { image, slot, octets };
    }
  }
}

/** The first slot whose image has this hash TLV. */
export function findByHash(host: ImageHost, hash: Uint8Array): SlotPlace | undefined {
  for (const { image, slot, octets } of slotsOf(host)) {
    const found = imageIn(octets);
    if (found !== undefined && equal(found.hash, hash)) return { image, slot };
  }
  return undefined;
}

/** Whether a slot runs, or will [spec: smp section 4.6]; one that will may be given up where `allowPending` says so. */
export function inUse(host: ImageHost, { image, slot }: SlotPlace, allowPending: boolean): boolean {
  const active = host.activeSlot(image);
  if (slot === active) return true;
  const next = host.nextBoot(image);
  return next.slot === slot && (next.kind === 'revert' || !allowPending);
}

/** Whether nothing was written since the slot was erased. */
export function isErased(slot: ImageSlot): boolean {
  const octets = slot.read(0, slot.size);
  for (let i = 0; i < octets.length; i++) if (octets[i] !== 0xff) return false;
  return true;
}

/** "major.minor.revision", then ".build" when that is not 0 [spec: smp section 4.2]. */
export function listedVersion({ major, minor, revision, build }: Version): string {
  return `${major}.${minor}.${revision}${build === 0 ? '' : `.${build}`}`;
}
