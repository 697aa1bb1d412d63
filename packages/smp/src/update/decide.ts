import { toHex } from '@meshferry/core';
import { startsNewest } from './bootloader-kind.ts';
import { activeEntry, compareWithRunning, type DeviceView, isConfirmed, uploadEntry } from './device-view.ts';
import { judge } from './judge.ts';
import type { SmpImagePlace, SmpSlotEntry } from './plan-types.ts';
import {
  confirmRunning,
  end,
  failed,
  isRunning,
  modeOf,
  placeIn,
  type Situation,
  type SmpUpdateAction,
} from './situation.ts';
import { bootloaderRefused, nameOf, reverted, updateError, uploadCorrupt } from './update-errors.ts';
import type { SavedSmpUpdate } from './update-record.ts';
import type { SmpUpdateImage } from './update-types.ts';

/** Resets that free a slot, and resets into the loader, at most. */
const MOST_FREEING = 2;
/** An image that is not in its slot after so many uploads never will be. */
const MOST_UPLOADS = 2;

/**
 * What comes next, by nothing but the list of the device and what the job remembers [spec: smp sections 5.1 and 5.2]: whoever
 * lost the link, or his memory of what was answered, asks again and gets the right answer.
 */
export function decide(situation: Situation): SmpUpdateAction {
  if (situation.saved.resetsAsked > 0) return judge(situation);
  return prepare(situation);
}

/** Until the reset into the new images. */
function prepare(situation: Situation): SmpUpdateAction {
  const { view, images, saved } = situation;
  if (view.speaker === 'no-images') return withoutImageGroup(situation);
  const places = images.map((image) => placeIn(situation, image));
  if (places.every((place) => place === 'kept')) return end(hasDoneAnything(saved) ? 'updated' : 'current');
  if (view.speaker === 'application' && !canWriteWhileRunning(view)) return leaveApplication(situation);
  const missing = images.findIndex((_, i) => places[i] === 'absent');
  if (missing >= 0) return send(situation, images[missing]!);
  if (situation.eraseSettings && !saved.settingsErased) return { do: 'erase-settings' };
  for (const [i, image] of images.entries()) {
    const action = mark(situation, image, places[i]!);
    if (action !== undefined) return action;
  }
  return places.every(isRunning) ? end('unconfirmed') : { do: 'reset' };
}

function canWriteWhileRunning({ kind: { scheme } }: DeviceView): boolean {
  return scheme !== 'single-slot' && scheme !== 'loader';
}

function withoutImageGroup(situation: Situation): SmpUpdateAction {
  if (situation.view.kind.scheme === 'loader') return leaveApplication(situation);
  return failed(
    updateError(
      'smp-no-image-group',
      'the device answers, but has no image group: its firmware was built without image management',
      'Build it with CONFIG_MCUMGR_GRP_IMG=y, or update it by the serial recovery of its bootloader.',
    ),
  );
}

/** One slot: only the loader beside the application or the bootloader itself can write it [spec: smp section 5.1]. */
function leaveApplication({ view, saved }: Situation): SmpUpdateAction {
  const isLoader = view.kind.scheme === 'loader';
  if ((isLoader || view.isSerial) && saved.freeingResets < MOST_FREEING)
    return { do: 'enter-loader', withName: isLoader };
  const tries =
    saved.freeingResets === 0
      ? ''
      : `, and it came back ${saved.freeingResets} times when it was reset into its bootloader`;
  return failed(
    updateError(
      'smp-single-slot',
      `the device has one slot, which its application runs from (${view.kind.name})${tries}`,
      isLoader
        ? 'Bring the firmware loader up by the button of the device, and run the update again.'
        : "Update it over a serial line by MCUboot's serial recovery (by its button or pin).",
    ),
  );
}

function send(situation: Situation, image: SmpUpdateImage): SmpUpdateAction {
  const { view, saved } = situation;
  const found = uploadEntry(view, image.image);
  if (saved.selected.includes(toHex(image.hash))) {
    return failed(bootloaderRefused(image, (compareWithRunning(view, image) ?? 0) < 0));
  }
  if (found !== undefined && view.speaker === 'application') {
    const free = freeSlot(situation, image, found);
    if (free !== undefined) return free;
  }
  if ((saved.uploads[toHex(image.hash)] ?? 0) < MOST_UPLOADS) return { do: 'upload', image };
  return failed(uploadCorrupt(image, found === undefined ? 'it is listed as empty' : `it holds ${found.version}`));
}

/** What is in the slot and must not be overwritten; undefined: it can be. */
function freeSlot(
  { view, saved, tried }: Situation,
  image: SmpUpdateImage,
  found: SmpSlotEntry,
): SmpUpdateAction | undefined {
  // A bootloader that starts the newest calls it pending for its version alone, and lets it be overwritten.
  if (startsNewest(view.kind.scheme)) return undefined;
  if (found.pending) return freeByReset(saved, image, found.version);
  if (!found.confirmed || isConfirmed(view, image.image)) return undefined;
  const running = activeEntry(view, image.image)?.hash ?? null;
  if (running === null || tried.keepingRefused) return freeByReset(saved, image, found.version);
  return { do: 'keep-running', image: image.image, hash: running };
}

function freeByReset({ freeingResets }: SavedSmpUpdate, image: SmpUpdateImage, version: string): SmpUpdateAction {
  if (freeingResets < MOST_FREEING) return { do: 'free-by-reset', image: image.image };
  return failed(
    updateError(
      'smp-slot-blocked',
      `image ${image.image}: the slot for the upload holds another image (${version}) that waits for its boot, and ${freeingResets} resets did not free it`,
      'Erase the slot (smp erase) where the device allows it, or reset the device by its power, then run the update again.',
    ),
  );
}

/** Undefined: nothing is to be marked, or cannot be. */
function mark(situation: Situation, image: SmpUpdateImage, place: SmpImagePlace): SmpUpdateAction | undefined {
  const mode = modeOf(situation);
  if (place === 'staged-for-good' && mode === 'test-only') {
    return failed(
      updateError(
        'smp-already-permanent',
        `${nameOf(image)} is marked to stay on the device already, and only a test was asked for`,
        'Use --mode confirm-only, or erase the slot (smp erase) and run the update again.',
      ),
    );
  }
  if (place === 'running')
    return mode === 'test-only' || mode === 'upload-only' ? undefined : confirmRunning(situation, image);
  if (place !== 'stored' || mode === 'upload-only') return undefined;
  // It was going to be booted, and is not any more: the device was reset twice, behind our back.
  if (situation.saved.selected.includes(toHex(image.hash))) return failed(reverted(image));
  return { do: mode === 'confirm-only' ? 'confirm' : 'test', image };
}

function hasDoneAnything({ uploads, selected }: SavedSmpUpdate): boolean {
  return selected.length > 0 || Object.keys(uploads).length > 0;
}
