import { toHex } from '@meshferry/core';
import { reverts, startsNewest } from './bootloader-kind.ts';
import { activeEntry, compareWithRunning } from './device-view.ts';
import type { SmpImagePlace, SmpUpdateNote } from './plan-types.ts';
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
import {
  bootloaderRefused,
  nameOf,
  notNewest,
  notReset,
  notSelected,
  notStarted,
  reverted,
  swapHeld,
  updateError,
} from './update-errors.ts';
import type { SmpUpdateImage } from './update-types.ts';

/** Resets into the new images, at most; and how many must have been seen to blame the bootloader for what did not change. */
const MOST_RESETS = 3;
const SURE_RESETS = 2;

/**
 * What the boot has made of the images, after the reset [spec: smp section 5.1, check]: only a new hash in the active slot is
 * success, whatever was answered before.
 */
export function judge(situation: Situation): SmpUpdateAction {
  const { view, images } = situation;
  if (view.speaker === 'recovery') return stillInRecovery(situation);
  if (view.speaker === 'loader') return stillInLoader(situation);
  if (view.speaker === 'no-images') return withoutList(situation);
  const places = images.map((image) => placeAfterBoot(situation, image));
  if (!places.every(isRunning)) return explain(situation, places);
  const mode = modeOf(situation);
  // The application last: if another image cannot be confirmed, both are still reverted together.
  const onTrial = images.findLast((_, i) => places[i] === 'running');
  if (onTrial === undefined) return end('updated', unlistedNote(images, places));
  return mode === 'test-only' || mode === 'upload-only' ? end('unconfirmed') : confirmRunning(situation, onTrial);
}

/** Some devices do not list what runs on another core: there its slot being used up is all that can be seen. */
function placeAfterBoot(situation: Situation, image: SmpUpdateImage): SmpImagePlace {
  const place = placeIn(situation, image);
  const { view } = situation;
  const isListed = image.image === 0 || view.slots.some((entry) => entry.image === image.image && entry.active);
  return place === 'absent' && !isListed ? 'unlisted' : place;
}

/** The first image that nothing can be done about decides; else there is another reset. */
function explain(situation: Situation, places: readonly SmpImagePlace[]): SmpUpdateAction {
  for (const [i, image] of situation.images.entries()) {
    const place = places[i]!;
    if (isRunning(place)) continue;
    const action = explainOne(situation, image, place);
    if (action.do !== 'reset') return action;
  }
  return { do: 'reset' };
}

function explainOne(situation: Situation, image: SmpUpdateImage, place: SmpImagePlace): SmpUpdateAction {
  const { view, saved } = situation;
  const isOlder = (compareWithRunning(view, image) ?? 0) < 0;
  const { scheme } = view.kind;
  const mayTryAgain = saved.resetsAsked < MOST_RESETS;
  if (place === 'absent') return failed(bootloaderRefused(image, isOlder));
  if (place === 'staged' || place === 'staged-for-good') {
    if (saved.resetsSeen >= SURE_RESETS) {
      const isHeld = image.dependencies.length > 0 || (!startsNewest(scheme) && scheme !== 'direct-xip-revert');
      return failed(isHeld ? swapHeld(image) : notStarted(image, view.kind.name, isOlder));
    }
    return mayTryAgain ? { do: 'reset' } : failed(notReset(image, saved.resetsAsked));
  }
  const wasSelected = saved.selected.includes(toHex(image.hash));
  if (wasSelected && reverts(scheme)) return failed(reverted(image));
  if (!wasSelected && saved.resetsSeen === 0 && mayTryAgain) return { do: 'reset' };
  const choosesItself = startsNewest(scheme) || situation.tried.marksUnknown;
  if (choosesItself && (compareWithRunning(view, image) ?? 0) <= 0) {
    return failed(notNewest(image, activeEntry(view, image.image)?.version));
  }
  if (!wasSelected && !choosesItself) return failed(notSelected(image));
  return failed(notStarted(image, view.kind.name, isOlder));
}

/** The bootloader did not leave its recovery, or fell into it. */
function stillInRecovery({ saved, images }: Situation): SmpUpdateAction {
  if (saved.resetFrom === 'recovery' && saved.resetsSeen < SURE_RESETS && saved.resetsAsked < MOST_RESETS)
    return { do: 'reset' };
  return failed(
    updateError(
      'smp-still-in-recovery',
      `after the reset MCUboot's serial recovery answers instead of the application: it found nothing to start (${images.map(nameOf).join(', ')})`,
      'Is the pin for the recovery still held? Else the bootloader refused the image: sign it with the key of this bootloader and send it again.',
    ),
  );
}

function stillInLoader({ saved, images }: Situation): SmpUpdateAction {
  if (saved.resetsSeen < SURE_RESETS && saved.resetsAsked < MOST_RESETS) return { do: 'reset' };
  return failed(
    updateError(
      'smp-bootloader-refused',
      `after ${saved.resetsSeen} resets the firmware loader still answers instead of ${images.map(nameOf).join(', ')}: the bootloader did not accept it`,
      'Sign the image with the key whose public half is in the bootloader, and run the update again: the loader waits for it.',
    ),
  );
}

/** What answers lists no images. The loader and recovery have shown the hash in the slot that was started. */
function withoutList(situation: Situation): SmpUpdateAction {
  const { saved, images } = situation;
  const message =
    'the application answers, but lists no images: that it is the new one follows from the slot it was started from';
  if (saved.resetFrom === 'loader' || saved.resetFrom === 'recovery') return end('updated', info('no-list', message));
  const mode = modeOf(situation);
  if (mode === 'confirm-only' || mode === 'upload-only') {
    return end(
      'unverified',
      info('no-list', 'the application answers, but lists no images: which one runs cannot be asked'),
    );
  }
  return failed(
    updateError(
      'smp-no-image-group',
      `after the reset the application lists no images any more (${images.map(nameOf).join(', ')}): if it is the new one it cannot be confirmed, and is reverted at the next reset`,
      'Build the new firmware with CONFIG_MCUMGR_GRP_IMG=y, or let it confirm itself (--mode test-only).',
    ),
  );
}

function unlistedNote(images: readonly SmpUpdateImage[], places: readonly SmpImagePlace[]): SmpUpdateNote | null {
  const unlisted = images.filter((_, i) => places[i] === 'unlisted');
  if (unlisted.length === 0) return null;
  return info(
    'unlisted',
    `the device does not list what runs of ${unlisted.map(nameOf).join(', ')}: its slot was used up by the boot`,
  );
}

function info(code: string, message: string): SmpUpdateNote {
  return { severity: 'info', code, message };
}
