import { encodeRecord, equal, MeshError, readRecord, type Store, toHex } from '@meshferry/core';
import { formatVersion } from '@meshferry/firmware';
import type { SmpUnfinishedUpdate, SmpUpdateImage, SmpUpdateMode } from './update-types.ts';

/** What is kept of an update until it has ended: written before what it says is done. */
export interface SavedSmpUpdate {
  readonly mode: SmpUpdateMode;
  readonly images: readonly SavedSmpImage[];
  /** What was listed as running before, by image number. */
  readonly before: Readonly<Record<string, string>>;
  /** The name that the firmware loader was told to advertise under; null: it was not started. */
  readonly loaderName: string | null;
  readonly settingsErased: boolean;
  /** Hashes (hex) that the device was told to test or to keep: without that a reset does not start them. */
  readonly selected: readonly string[];
  /** Resets that were asked for to free a slot. */
  readonly freeingResets: number;
  /** Resets into the new images that were asked for, and that were seen to happen: the link went. */
  readonly resetsAsked: number;
  readonly resetsSeen: number;
  /** Times that an image had to be sent anew because the slot did not hold it afterwards. */
  readonly uploads: Readonly<Record<string, number>>;
}

/** One image of the package: of two builds for two slots both are here. */
export interface SavedSmpImage {
  readonly image: number;
  readonly slot: number | null;
  readonly file: string | null;
  readonly version: string;
  readonly hash: Uint8Array;
  readonly sha256: Uint8Array;
  readonly size: number;
}

const KEY = 'update';

/** The unfinished update of a store; undefined when there is none. */
export function unfinishedSmpUpdate(store: Store): SmpUnfinishedUpdate | undefined {
  const saved = readSmpUpdate(store);
  return saved && { mode: saved.mode, images: saved.images, wasReset: saved.resetsAsked > 0 };
}

/** Forgets the unfinished update of a store, so that another file can be sent. The device is left as it is. */
export function discardSmpUpdate(store: Store): void {
  store.batch([[KEY, null]]);
}

export function readSmpUpdate(store: Store): SavedSmpUpdate | undefined {
  return readRecord<SavedSmpUpdate>(store, KEY);
}

export function writeSmpUpdate(store: Store, saved: SavedSmpUpdate): void {
  store.batch([[KEY, encodeRecord(saved)]]);
}

export function newSmpUpdate(images: readonly SmpUpdateImage[], mode: SmpUpdateMode): SavedSmpUpdate {
  return {
    mode,
    images: images.map(({ image, slot = null, file, version, hash, sha256, bytes }) => ({
      image,
      slot,
      file,
      version: formatVersion(version),
      hash,
      sha256,
      size: bytes.length,
    })),
    before: {},
    loaderName: null,
    settingsErased: false,
    selected: [],
    freeingResets: 0,
    resetsAsked: 0,
    resetsSeen: 0,
    uploads: {},
  };
}

/**
 * The unfinished update of the same images, or a new one. Another mode can be taken up until the device was told of the old one.
 * Throws `smp-update-unfinished` otherwise.
 */
export function takeUpSmpUpdate(store: Store, images: readonly SmpUpdateImage[], mode: SmpUpdateMode): SavedSmpUpdate {
  const saved = readSmpUpdate(store);
  if (saved === undefined) return newSmpUpdate(images, mode);
  const isSame = isOfImages(saved, images);
  if (isSame && saved.mode === mode) return saved;
  if (isSame && saved.selected.length === 0 && saved.resetsAsked === 0) return { ...saved, mode };
  const names = saved.images.map(({ file, version }) => `${file ?? 'image'} ${version}`).join(', ');
  const other = isSame ? `in mode ${saved.mode}` : 'of another file';
  throw new MeshError('smp-update-unfinished', `an update ${other} was not finished on this device: ${names}`, {
    hint: 'Go on with that file and mode (run it again), or give it up (cancel) and start this one.',
  });
}

function isOfImages({ images: saved }: SavedSmpUpdate, images: readonly SmpUpdateImage[]): boolean {
  const keys = new Set(saved.map(({ image, slot, sha256 }) => `${image}/${slot}/${toHex(sha256)}`));
  return (
    saved.length === images.length &&
    images.every(({ image, slot = null, sha256 }) => keys.has(`${image}/${slot}/${toHex(sha256)}`)) &&
    images.every(({ hash }) => saved.some((other) => equal(other.hash, hash)))
  );
}
