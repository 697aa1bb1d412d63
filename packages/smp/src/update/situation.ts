import { type MeshError, toHex } from '@meshferry/core';
import { usableMode } from './bootloader-kind.ts';
import { type DeviceView, placeOf } from './device-view.ts';
import type { SmpImagePlace, SmpUpdateNote } from './plan-types.ts';
import { nameOf, updateError } from './update-errors.ts';
import type { SavedSmpUpdate } from './update-record.ts';
import type { SmpUpdateImage, SmpUpdateMode, SmpUpdateOutcome } from './update-types.ts';

/** Everything that says what comes next. */
export interface Situation {
  readonly view: DeviceView;
  /** The builds that this device gets. */
  readonly images: readonly SmpUpdateImage[];
  readonly saved: SavedSmpUpdate;
  readonly eraseSettings: boolean;
  /** Hash (hex) of an image that was not sent to its end: that it is listed means nothing, its signature may be missing. */
  readonly openUpload: string | null;
  /** What this run found out by trying. */
  readonly tried: Tried;
}

export interface Tried {
  /** The device knows no test and confirm. */
  readonly marksUnknown: boolean;
  /** What runs could not be confirmed to free the other slot. */
  readonly keepingRefused: boolean;
  /** Hashes (hex) of images that run, whose confirmation was refused. */
  readonly confirmRefused: ReadonlySet<string>;
}

export const NOTHING_TRIED: Tried = {
  marksUnknown: false,
  keepingRefused: false,
  confirmRefused: new Set(),
};

/** What is to be done next with a device, or how the update has ended. */
export type SmpUpdateAction =
  /** Reset to the loader or to serial recovery, which can write the slot that runs. */
  | { readonly do: 'enter-loader'; readonly withName: boolean }
  /** Confirm what runs on trial, so that the slot it replaced becomes free. */
  | { readonly do: 'keep-running'; readonly image: number; readonly hash: Uint8Array }
  /** Give what is pending its boot, which frees the slot. */
  | { readonly do: 'free-by-reset'; readonly image: number }
  | { readonly do: 'upload'; readonly image: SmpUpdateImage }
  | { readonly do: 'erase-settings' }
  | { readonly do: 'test' | 'confirm'; readonly image: SmpUpdateImage }
  | { readonly do: 'reset' }
  | SmpUpdateEnd;

export interface SmpUpdateEnd {
  readonly do: 'end';
  readonly outcome: Extract<SmpUpdateOutcome, 'updated' | 'current' | 'unconfirmed' | 'unverified' | 'failed'>;
  readonly error: MeshError | null;
  readonly note: SmpUpdateNote | null;
}

/** The mode in force with this device. */
export function modeOf({ saved, view, tried }: Pick<Situation, 'saved' | 'view' | 'tried'>): SmpUpdateMode {
  if (tried.marksUnknown || view.speaker === 'recovery' || view.speaker === 'loader') return 'upload-only';
  return usableMode(saved.mode, view.kind).mode;
}

/** Where an image is; one that runs where nothing can be confirmed is there to stay. */
export function placeIn({ view, saved, tried, openUpload }: Situation, image: SmpUpdateImage): SmpImagePlace {
  const key = toHex(image.hash);
  const place = placeOf(view, image, (saved.uploads[key] ?? 0) > 0);
  if (openUpload === key && isUploadable(place, view)) return 'absent';
  return place === 'running' && tried.marksUnknown ? 'kept' : place;
}

function isUploadable(place: SmpImagePlace, { speaker }: DeviceView): boolean {
  return place === 'stored' || (speaker !== 'application' && place === 'staged-for-good');
}

export function isRunning(place: SmpImagePlace): boolean {
  return place === 'kept' || place === 'running' || place === 'unlisted';
}

/** What runs on trial, to stay. */
export function confirmRunning({ view, tried }: Situation, image: SmpUpdateImage): SmpUpdateAction {
  if (!tried.confirmRefused.has(toHex(image.hash))) return { do: 'confirm', image };
  const isOther = image.image > 0;
  return failed(
    updateError(
      'smp-confirm-refused',
      `${nameOf(image)} runs, but the device refuses to confirm it: it will be reverted at the next reset`,
      isOther
        ? 'SMP servers may confirm only the image they run in: let the application confirm the other one, or use --mode confirm-only.'
        : `Let the application confirm it, or use --mode confirm-only (bootloader: ${view.kind.name}).`,
    ),
  );
}

export function end(outcome: SmpUpdateEnd['outcome'], note: SmpUpdateNote | null = null): SmpUpdateEnd {
  return { do: 'end', outcome, error: null, note };
}

export function failed(error: MeshError): SmpUpdateEnd {
  return { do: 'end', outcome: 'failed', error, note: null };
}
