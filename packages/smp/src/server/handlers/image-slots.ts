import { SmpGroup } from '../../groups.ts';
import { ImageErase, SlotInfo, type SlotsOfImage } from '../../messages/image.ts';
import type { ImageHost, ImageSlot } from '../image-host.ts';
import { answer, groupError, type Handler, handle } from '../reply.ts';
import { imageIn, inUse, isErased, type SlotPlace } from '../slot-images.ts';
import { FLASH_ERASE_ERROR } from '../upload-area.ts';
import type { GroupGround } from './ground.ts';
import type { UploadState } from './image-upload.ts';

const group = SmpGroup.image;
const UNKNOWN_ERROR = 1;
const SLOT_IN_USE = 9;

/** Erasing a slot, and the sizes of all of them [spec: smp sections 4.2 and 4.6]. */
export function imageSlotHandlers(host: ImageHost, upload: UploadState, ground: GroupGround): Handler[] {
  const { personality, timing, faults, options } = ground;
  return [
    handle(ImageErase, ({ slot: number }, work) => {
      const place =
        number === undefined ? { image: 0, slot: 1 - host.activeSlot(0) } : { image: number >> 1, slot: number & 1 };
      const slot = slotAt(host, place);
      if (slot === undefined) return closing(personality.noSuchSlot);
      const allowPending = options.imageOptions?.allowErasePending === true;
      if (imageIn(slot) !== undefined && inUse(host, place, allowPending)) return groupError(group, SLOT_IN_USE);
      if (isErased(slot)) return personality.emptySlotErrors ? closing(UNKNOWN_ERROR) : closing(0);
      work.spend((slot.size / slot.sectorSize) * timing.eraseSector);
      if (faults.eraseError === true || !slot.erase(0, slot.size)) return closing(FLASH_ERASE_ERROR);
      return closing(0);
    }),
    handle(SlotInfo, () => answer({ images: slotInfo(host, ground) })),
  ];

  /** Whatever comes of it, an upload that was open is not any more. */
  function closing(code: number): ReturnType<typeof groupError> | ReturnType<typeof answer<object>> {
    upload.close();
    return code === 0 ? answer({}) : groupError(group, code);
  }
}

function slotInfo(host: ImageHost, { personality, options }: GroupGround): SlotsOfImage[] {
  const { directUpload = false, allowErasePending = false } = options.imageOptions ?? {};
  const direct = directUpload || personality.recovery;
  const images: SlotsOfImage[] = [];
  for (let image = 0; image < host.imageCount; image++) {
    const slots = [];
    let maxImageSize = 0;
    for (let slot = 0; slot < 2; slot++) {
      const octets = host.slot(image, slot);
      if (octets === undefined) continue;
      maxImageSize = Math.max(maxImageSize, octets.maxImageSize);
      const free = !inUse(host, { image, slot }, allowErasePending);
      const uploadImageId = direct ? 2 * image + slot + 1 : free ? image : undefined;
      slots.push({ slot, size: octets.size, uploadImageId });
    }
    images.push({ image, slots, maxImageSize });
  }
  return images;
}

function slotAt(host: ImageHost, { image, slot }: SlotPlace): ImageSlot | undefined {
  return image < host.imageCount ? host.slot(image, slot) : undefined;
}
