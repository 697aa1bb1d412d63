import type { Field } from '../field.ts';
import { bytes, flag, int, key, list, optional, text, uint } from '../fields.ts';
import { SmpGroup } from '../groups.ts';
import { command, type Empty, type SmpCommand } from '../message.ts';
import { struct } from '../struct.ts';

const group = SmpGroup.image;
const source = 'smp section 4.2';

/** Most entries that an image list or a list of slots may have: more than any device has slots. */
const SLOTS_MAX = 64;

/** Octets of an image's hash: SHA-256, SHA-384, SHA-512. */
const HASH_SIZES = [32, 48, 64] as const;

/** One slot of the image list that holds an image [spec: smp sections 4.2 and 4.3]. */
export interface ImageEntry {
  /** Image number; a device with one image leaves it out. */
  readonly image?: number | undefined;
  readonly slot: number;
  /** "major.minor.revision", then ".build" when that is not 0; "<???>" when the device cannot read it. */
  readonly version: string;
  /** Of the image's hash TLV, 32, 48 or 64 octets. */
  readonly hash?: Uint8Array | undefined;
  readonly bootable: boolean;
  /** Boots next, once or (`permanent`) for good. */
  readonly pending: boolean;
  readonly confirmed: boolean;
  readonly active: boolean;
  readonly permanent: boolean;
}

/** Answer to {@link ImageStateRead} and {@link ImageStateWrite}. */
export interface ImageList {
  readonly images: readonly ImageEntry[];
  readonly splitStatus?: number | undefined;
}

const imageList = {
  images: list(
    struct({
      image: optional(uint(0xff)),
      slot: uint(0xff),
      version: text({ max: 64 }),
      hash: optional(bytes({ sizes: HASH_SIZES })),
      bootable: flag(),
      pending: flag(),
      confirmed: flag(),
      active: flag(),
      permanent: flag(),
    }),
    { max: SLOTS_MAX },
  ) as Field<readonly ImageEntry[]>,
  splitStatus: optional(int()),
};

/** Asks which images the slots hold. */
export const ImageStateRead: SmpCommand<Empty, ImageList> = command({
  name: 'image list',
  group,
  command: 0,
  op: 'read',
  source,
  response: imageList,
});

/** Parameters of {@link ImageStateWrite}. */
export interface ImageStateWrite {
  /** The image's hash TLV; left out: the image that runs. */
  readonly hash?: Uint8Array | undefined;
  /** True: for good; false: for one boot, a test. */
  readonly confirm?: boolean | undefined;
}

/** Chooses the image that boots next, or confirms the one that runs; answered by the list. */
export const ImageStateWrite: SmpCommand<ImageStateWrite, ImageList> = command({
  name: 'image test or confirm',
  group,
  command: 0,
  op: 'write',
  source: 'smp section 4.4',
  request: { hash: optional(bytes({ min: 1, max: 64 })), confirm: optional(flag()) },
  response: imageList,
});

/** Parameters of {@link ImageUpload}: the first chunk (`off` 0) has `len`, others have `off` and `data` only. */
export interface ImageUpload {
  /** Image number, in the first chunk; left out: 0. */
  readonly image?: number | undefined;
  /** Octets of the whole image, in the first chunk. */
  readonly len?: number | undefined;
  /** Where `data` begins in the image. */
  readonly off: number;
  /** SHA-256 of the whole file: what an interrupted upload is resumed by. */
  readonly sha?: Uint8Array | undefined;
  readonly data: Uint8Array;
  /** Refuse what is not newer than the running version. */
  readonly upgrade?: boolean | undefined;
}

/** Answer to {@link ImageUpload}. */
export interface ImageUploadAnswer {
  /** Where to go on. */
  readonly off: number;
  /** At the end, where the device checks: whether the file's SHA-256 is that of the flash. */
  readonly match?: boolean | undefined;
}

/** Sends a chunk of an image. */
export const ImageUpload: SmpCommand<ImageUpload, ImageUploadAnswer> = command({
  name: 'image upload',
  group,
  command: 1,
  op: 'write',
  source: 'smp section 4.5',
  request: {
    image: optional(uint()),
    len: optional(uint()),
    off: uint(),
    sha: optional(bytes({ max: 64 })),
    data: bytes(),
    upgrade: optional(flag()),
  },
  response: { off: uint(), match: optional(flag()) },
});

/** Parameters of {@link ImageErase}. */
export interface ImageErase {
  /** Counted over all images: 2 × image + slot. Left out: the slot opposite to the running one. */
  readonly slot?: number | undefined;
}

/** Erases a slot; takes up to a minute. */
export const ImageErase: SmpCommand<ImageErase, Empty> = command({
  name: 'image erase',
  group,
  command: 5,
  op: 'write',
  source: 'smp section 4.6',
  request: { slot: optional(uint()) },
});

/** A slot of {@link SlotInfo}. */
export interface SlotEntry {
  readonly slot: number;
  /** Octets. */
  readonly size?: number | undefined;
  /** What `image` of an upload must be for this slot. */
  readonly uploadImageId?: number | undefined;
}

/** An image of {@link SlotInfo}. */
export interface SlotsOfImage {
  readonly image: number;
  readonly slots: readonly SlotEntry[];
  /** Octets. */
  readonly maxImageSize?: number | undefined;
}

/** Asks for the sizes of the slots; newer servers only. */
export const SlotInfo: SmpCommand<Empty, { readonly images: readonly SlotsOfImage[] }> = command({
  name: 'slot info',
  group,
  command: 6,
  op: 'read',
  source,
  response: {
    images: list(
      struct({
        image: uint(),
        slots: list(
          struct({ slot: uint(), size: optional(uint()), uploadImageId: optional(key('upload_image_id', uint())) }),
          { max: SLOTS_MAX },
        ),
        maxImageSize: optional(key('max_image_size', uint())),
      }),
      { max: SLOTS_MAX },
    ),
  },
});
