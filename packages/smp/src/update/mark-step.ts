import { type MeshError, toHex } from '@meshferry/core';
import type { SmpClient } from '../client/client.ts';
import { isRefusal, SmpRefusedError } from '../client/errors.ts';
import { SmpGroup } from '../groups.ts';
import { EraseStorage } from '../messages/basic.ts';
import { ImageStateWrite } from '../messages/image.ts';
import { bootloaderKind } from './bootloader-kind.ts';
import { activeEntry, compareWithRunning, type DeviceView } from './device-view.ts';
import { withList } from './examine.ts';
import { askPatiently } from './patience.ts';
import { isRunning, placeIn, type Situation, type SmpUpdateAction } from './situation.ts';
import { nameOf, notNewest, notPending, updateError } from './update-errors.ts';
import { recordAfter } from './update-record.ts';
import type { UpdateRun } from './update-run.ts';
import type { SmpUpdateImage } from './update-types.ts';

type MarkAction = Extract<SmpUpdateAction, { do: 'test' | 'confirm' }>;

const NOT_SUPPORTED = 8;
/** Of the image group: no hash, or one of another length; and what version 1 has for that. */
const BAD_HASH = 24;
const BAD_VALUE = 3;
const SHA256_OCTETS = 32;
const SHA512_OCTETS = 64;
/** Of the image group: another image is pending already. */
const PENDING_ALREADY = 28;
/** The same in version 1, where it has a wider meaning: bad state. */
const BAD_STATE = 6;
/** An answer that says so is believed after another look at the list. */
const MOST_REFUSALS = 3;
/** A write of the settings area takes up to this, ms. */
const ERASE_SETTINGS_MS = 40_000;

/**
 * Has an image started at the next boot, or one that runs kept [spec: smp sections 4.4 and 5.1]. The list that answers must show
 * it; where the device refuses, what that means is decided by its next list.
 */
export async function markImage(run: UpdateRun, client: SmpClient, action: MarkAction): Promise<void> {
  const { image } = action;
  run.meter.enter(action.do === 'test' ? 'testing' : 'confirming', image.image);
  const isThere = isRunning(placeIn(run.situation, image));
  try {
    const request = { hash: image.hash, confirm: action.do === 'confirm' };
    const list = await askPatiently(client, ImageStateWrite, request);
    run.view = withList(run.view!, list);
  } catch (error) {
    if (!(error instanceof SmpRefusedError)) throw error;
    refused(run, image, isThere, error);
    return;
  }
  const place = placeIn(run.situation, image);
  if (isThere) noFurtherConfirm(run, image);
  else if (place === 'stored' || place === 'absent') throw notTaken(run.situation, image);
  run.keep(recordAfter(run.situation, action));
  run.progressed();
}

function refused(run: UpdateRun, image: SmpUpdateImage, isThere: boolean, error: SmpRefusedError): void {
  const { kind } = run.view!;
  if (isRefusal(error, 'smp', NOT_SUPPORTED) && kind.scheme === bootloaderKind(null).scheme) {
    run.tried = { ...run.tried, marksUnknown: true };
    run.note(
      'info',
      'no-marks',
      'the device knows no test and confirm: its bootloader chooses by itself what it starts',
    );
    return;
  }
  if (isThere) {
    run.log('warn', 'confirm refused', { image: image.image, message: error.message });
    noFurtherConfirm(run, image);
    return;
  }
  const octets = hashOctets(run.view!, image, error);
  if (octets !== image.hash.length) throw wrongHash(image, octets, error);
  const mayPass = isRefusal(error, SmpGroup.image, PENDING_ALREADY) || isRefusal(error, 'smp', BAD_STATE);
  if (mayPass && ++run.refusals < MOST_REFUSALS) return;
  throw updateError(
    'smp-select-refused',
    `the device does not mark ${nameOf(image)} for its next boot: ${error.message}`,
    error.hint ?? 'Reset the device and run the update again.',
    error,
  );
}

/** Of the firmware of a device that did not take a hash, octets: it is built for one length alone [spec: smp section 4.4]. */
function hashOctets(view: DeviceView, { image, hash }: SmpUpdateImage, error: SmpRefusedError): number {
  const running = activeEntry(view, image)?.hash?.length ?? hash.length;
  if (isRefusal(error, SmpGroup.image, BAD_HASH)) {
    if (running !== hash.length) return running;
    return hash.length === SHA256_OCTETS ? SHA512_OCTETS : SHA256_OCTETS;
  }
  return isRefusal(error, 'smp', BAD_VALUE) ? running : hash.length;
}

function wrongHash(image: SmpUpdateImage, known: number, error: SmpRefusedError): MeshError {
  const { length } = image.hash;
  return updateError(
    'smp-select-refused',
    `${nameOf(image)} has a hash of ${length} octets, and the firmware of the device was built for hashes of ${known}: ${error.message}`,
    `Sign the image with SHA-${8 * known} (imgtool sign --sha ${8 * known}); or bring firmware built for SHA-${8 * length} to the device by other means first.`,
    error,
  );
}

/** The mark has no effect: of two slots that are run from, the one with the newer image is started [spec: smp section 4.3]. */
function notTaken({ view }: Situation, image: SmpUpdateImage): MeshError {
  const isNewer = (compareWithRunning(view, image) ?? 1) > 0;
  if (view.kind.scheme !== 'direct-xip-revert' || isNewer) return notPending(image);
  return notNewest(image, activeEntry(view, image.image)?.version);
}

/** Once is enough, whatever was answered: the next list shows whether it is confirmed. */
function noFurtherConfirm(run: UpdateRun, { hash }: SmpUpdateImage): void {
  run.tried = { ...run.tried, confirmRefused: new Set([...run.tried.confirmRefused, toHex(hash)]) };
}

/** Confirms what runs on trial, so that the slot of the image before it can be written. */
export async function keepRunning(
  run: UpdateRun,
  client: SmpClient,
  { image, hash }: Extract<SmpUpdateAction, { do: 'keep-running' }>,
): Promise<void> {
  run.meter.enter('freeing-slot', image);
  try {
    await askPatiently(client, ImageStateWrite, { hash, confirm: true });
    run.note('info', 'kept-running', `what ran on trial of image ${image} was confirmed, to free the other slot`);
    // Once is enough: where the list shows no effect a reset has to free the slot.
    run.tried = { ...run.tried, keepingRefused: true };
    run.progressed();
  } catch (error) {
    if (!(error instanceof SmpRefusedError)) throw error;
    run.tried = { ...run.tried, keepingRefused: true };
  }
}

/** Erases the settings; an update goes on without [spec: smp section 5.1]. */
export async function eraseSettings(run: UpdateRun, client: SmpClient): Promise<void> {
  run.meter.enter('erasing-settings');
  try {
    await askPatiently(client, EraseStorage, {}, { timeoutMs: ERASE_SETTINGS_MS });
  } catch (error) {
    const isAnswered = error instanceof SmpRefusedError;
    // A server of version 1 answers the refusal with a bare header of another answer [spec: smp section 11].
    if (!isAnswered && (error as { code?: string }).code !== 'smp-timeout') throw error;
    const why = error instanceof Error ? error.message : String(error);
    run.note('warning', 'settings', `the settings of the device were not erased: ${why}`);
  }
  run.keep(recordAfter(run.situation, { do: 'erase-settings' }));
  run.progressed();
}
