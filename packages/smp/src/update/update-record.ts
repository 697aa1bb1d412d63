import { encodeRecord, equal, MeshError, readRecord, type Store, toHex } from '@meshferry/core';
import { formatVersion } from '@meshferry/firmware';
import { USUAL_MODE } from './choose-mode.ts';
import type { SmpUpdateDevice } from './plan-types.ts';
import { placeIn, type Situation, type SmpUpdateAction } from './situation.ts';
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
  /** Hashes (hex) that were listed as going to be booted, or as confirmed by us: without that a reset does not start them. */
  readonly selected: readonly string[];
  /** Which of two builds was sent, by image number, and who was told to reset into it; from the reset on. */
  readonly builds: Readonly<Record<string, number>>;
  readonly resetFrom: SmpUpdateDevice['speaker'] | null;
  /** Resets that were asked for to free a slot, or to get into the loader. */
  readonly freeingResets: number;
  /** Resets into the new images that were asked for, and that were seen to happen: the link went. */
  readonly resetsAsked: number;
  readonly resetsSeen: number;
  /** How often an image was sent to its end, by its hash (hex). */
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
/** Of an upload that was not finished; it outlives an update that was given up. */
const OPEN_KEY = 'open-upload';

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

/** Hash (hex) of the image whose upload was begun last, unless it has come to its end. */
export function readOpenUpload(store: Store): string | null {
  return readRecord<string>(store, OPEN_KEY) ?? null;
}

export function writeOpenUpload(store: Store, hash: string | null): void {
  store.batch([[OPEN_KEY, hash === null ? null : encodeRecord(hash)]]);
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
    builds: {},
    resetFrom: null,
    freeingResets: 0,
    resetsAsked: 0,
    resetsSeen: 0,
    uploads: {},
  };
}

/**
 * The unfinished update of the same images, or a new one. Another mode can be taken up until the device was told of the old one; no
 * mode is that of the unfinished update. Throws `smp-update-unfinished` otherwise.
 */
export function takeUpSmpUpdate(
  store: Store,
  images: readonly SmpUpdateImage[],
  mode: SmpUpdateMode | undefined,
): SavedSmpUpdate {
  const saved = readSmpUpdate(store);
  if (saved === undefined) return newSmpUpdate(images, mode ?? USUAL_MODE);
  const isSame = isOfImages(saved, images);
  if (isSame && (mode === undefined || saved.mode === mode)) return saved;
  if (isSame && mode !== undefined && saved.selected.length === 0 && saved.resetsAsked === 0) return { ...saved, mode };
  const names = saved.images.map(({ file, version }) => `${file ?? 'image'} ${version}`).join(', ');
  const other = isSame ? `in mode ${saved.mode}` : 'of another file';
  throw new MeshError('smp-update-unfinished', `an update ${other} was not finished on this device: ${names}`, {
    hint: 'Go on with that file and mode (run it again), or give it up (cancel) and start this one.',
  });
}

/** What must be known of an action before it is done: after that it may have happened. */
export function recordBefore(situation: Situation, action: SmpUpdateAction): SavedSmpUpdate {
  const { saved, images, view } = situation;
  if (action.do === 'enter-loader' || action.do === 'free-by-reset') {
    return { ...saved, freeingResets: saved.freeingResets + 1 };
  }
  if (action.do !== 'reset') return saved;
  const staged = images.filter((image) => placeIn(situation, image).startsWith('staged'));
  return {
    ...saved,
    resetsAsked: saved.resetsAsked + 1,
    resetFrom: view.speaker,
    selected: [...new Set([...saved.selected, ...staged.map(({ hash }) => toHex(hash))])],
    builds: Object.fromEntries(images.flatMap(({ image, slot }) => (slot === undefined ? [] : [[image, slot]]))),
  };
}

/** What is known once an action has been done, for a mark: once the device lists it. */
export function recordAfter({ saved }: Situation, action: SmpUpdateAction): SavedSmpUpdate {
  if (action.do === 'erase-settings') return { ...saved, settingsErased: true };
  if (action.do === 'reset') return { ...saved, resetsSeen: saved.resetsSeen + 1 };
  if (action.do === 'test' || action.do === 'confirm') {
    return { ...saved, selected: [...new Set([...saved.selected, toHex(action.image.hash)])] };
  }
  if (action.do !== 'upload') return saved;
  const key = toHex(action.image.hash);
  return { ...saved, uploads: { ...saved.uploads, [key]: (saved.uploads[key] ?? 0) + 1 } };
}

function isOfImages({ images: saved }: SavedSmpUpdate, images: readonly SmpUpdateImage[]): boolean {
  const keys = new Set(saved.map(({ image, slot, sha256 }) => `${image}/${slot}/${toHex(sha256)}`));
  return (
    saved.length === images.length &&
    images.every(({ image, slot = null, sha256 }) => keys.has(`${image}/${slot}/${toHex(sha256)}`)) &&
    images.every(({ hash }) => saved.some((other) => equal(other.hash, hash)))
  );
}
