import type { MeshError } from '@meshferry/core';
import { compareVersions } from '@meshferry/firmware';
import { startsNewest, takesMarks, usableMode } from './bootloader-kind.ts';
import {
  compareWithRunning,
  type DeviceView,
  placeOf,
  runningEntry,
  runningVersion,
  slotKey,
  uploadSlot,
} from './device-view.ts';
import type { SmpUpdateNote } from './plan-types.ts';
import { isSampleKey, nameOf, notNewest, shortVersion, updateError } from './update-errors.ts';
import type { SmpUpdateImage, SmpUpdateMode } from './update-types.ts';

/** What was asked for, as far as it matters for the checks. */
export interface CheckWishes {
  readonly mode: SmpUpdateMode;
  /** Whether the mode was chosen by what the device is, not asked for. */
  readonly isAutomatic: boolean;
  readonly upgradeOnly: boolean;
  readonly ignoreDependencies: boolean;
}

/** What speaks against an update, and what is worth knowing. */
export interface CheckResult {
  /** The first reason not to begin; null when there is none. */
  readonly error: MeshError | null;
  readonly notes: readonly SmpUpdateNote[];
}

/** Looks for what would go wrong before anything is sent [spec: firmware-packages section 4, mcuboot-image section 5]. */
export function checkUpdate(view: DeviceView, images: readonly SmpUpdateImage[], wishes: CheckWishes): CheckResult {
  const notes: SmpUpdateNote[] = [];
  const errors: MeshError[] = [];
  const found: Findings = {
    note: (severity, code, message) => notes.push({ severity, code, message }),
    error: (error) => errors.push(error),
  };
  checkMode(view, images, wishes, found);
  for (const image of images) {
    describeSignature(image, found);
    describeContents(image, found);
    checkNumber(view, image, found);
    const place = placeOf(view, image);
    if (place === 'kept') continue;
    checkSize(view, image, found);
    if (place !== 'running') checkVersion(view, image, wishes, found);
    checkMark(image, wishes, found);
    checkHashLength(view, image, found);
    checkDependencies(view, image, images, wishes, found);
  }
  return { error: errors[0] ?? null, notes };
}

interface Findings {
  note(severity: SmpUpdateNote['severity'], code: string, message: string): void;
  error(error: MeshError): void;
}

function checkMode(
  { kind, speaker }: DeviceView,
  images: readonly SmpUpdateImage[],
  wishes: CheckWishes,
  { note }: Findings,
): void {
  const { mode, because } = usableMode(wishes.mode, kind);
  if (speaker === 'recovery') {
    note(
      'info',
      'recovery',
      "MCUboot's serial recovery answers: the image goes straight to slot 0 and cannot be reverted",
    );
  } else if (because !== null) note('info', 'mode-changed', `${because} (${mode} instead of ${wishes.mode})`);
  if (speaker !== 'application') return;
  if (wishes.mode === 'upload-only' && takesMarks(kind.scheme) && images.every(({ mark }) => mark === null)) {
    const message = `this bootloader (${kind.name}) starts only images that were tested or confirmed: upload-only will leave the old one running`;
    note('warning', 'upload-only', message);
  }
  for (const image of images) {
    if (kind.scheme !== 'unknown' || image.slot === undefined) continue;
    const message = `the device does not tell its bootloader: ${nameOf(image)} is sent as built for slot ${image.slot} (direct-XIP), and does not start if the bootloader moves images to slot 0`;
    note('warning', 'slot-guessed', message);
  }
  const others = images.filter(({ image }) => image > 0).map(({ image }) => `image ${image}`);
  const isNotConfirmed = `${others.join(' and ')} cannot be confirmed after a trial by stock firmware`;
  if (mode === 'test-and-confirm' && others.length > 0) {
    const message = `${isNotConfirmed}: then the next reset brings all old images back; --mode confirm-only confirms them before the reset`;
    note('warning', 'several-images', message);
  }
  if (mode !== 'confirm-only' || kind.scheme === 'overwrite') return;
  if (wishes.isAutomatic && others.length > 0) {
    const all = images.length > 1 ? 'all are confirmed before the reset' : 'it is confirmed before the reset';
    const message = `${isNotConfirmed}: ${all}, there is no way back; --mode test-and-confirm insists on the trial`;
    note('warning', 'several-images', message);
  } else note('warning', 'no-way-back', 'confirm-only: if the new image does not work there is no way back by itself');
}

function describeSignature({ signature, ...image }: SmpUpdateImage, { note }: Findings): void {
  const name = nameOf(image);
  if (signature.state === 'unsigned') {
    note('warning', 'unsigned', `${name} is not signed: bootloaders that check signatures erase it`);
  } else if (signature.state === 'invalid') {
    note('warning', 'signature-invalid', `the signature of ${name} is wrong: a bootloader will erase it`);
  } else if (signature.state === 'unknown-key') {
    note(
      'info',
      'key-unknown',
      `${name} is signed with a key that is not known here: only the device can tell whether it is its own`,
    );
  } else if (signature.state === 'valid' && signature.key !== null && isSampleKey(signature.key)) {
    const message = `${name} is signed with ${signature.key.name}, a public sample key: a device that accepts it accepts anybody's firmware`;
    note('warning', 'sample-key', message);
  }
}

function describeContents(image: SmpUpdateImage, { note }: Findings): void {
  const name = nameOf(image);
  if (image.encrypted) note('info', 'encrypted', `${name} is encrypted: the bootloader must have the key`);
  if (image.compressed) note('info', 'compressed', `${name} is compressed: the bootloader must be able to unpack it`);
  if (image.mark !== null) {
    const does = image.mark === 'confirmed' ? 'it is started for good' : 'it is started for a test';
    note('warning', 'padded', `${name} is padded with a trailer: at the next reset ${does}, whatever the mode`);
  }
}

/** A server that counts no images has only image 0, and takes an upload for another one as one for that. */
function checkNumber(view: DeviceView, image: SmpUpdateImage, { error }: Findings): void {
  const has = view.imageNumbers?.includes(image.image) ?? (image.image === 0 || view.countsImages);
  if (!has && view.speaker !== 'no-images') {
    const message = `the device has no image ${image.image}, which ${image.file ?? 'the file'} is for`;
    error(
      updateError(
        'smp-no-such-image',
        message,
        'Send the package of a board with this core, or the application alone (app_update.bin); or the firmware of the device was built for one image.',
      ),
    );
  } else if (image.image > 0 && view.speaker === 'recovery' && !view.uploadNumbers.has(slotKey(image.image, 0))) {
    const message = `serial recovery does not tell under which number ${nameOf(image)} is uploaded`;
    error(
      updateError(
        'smp-no-such-image',
        message,
        'Update this image through the application, or send the application alone.',
      ),
    );
  }
}

/** The image has to leave room for the trailer, the file only has to fit: it may be padded up to the end of the slot. */
function checkSize(view: DeviceView, image: SmpUpdateImage, { error, note }: Findings): void {
  const { size = null, maxImageSize = null } =
    view.sizes.get(slotKey(image.image, uploadSlot(view, image.image))) ?? {};
  const { length } = image.bytes;
  const tooLarge = (octets: number, what: string, limit: number): void => {
    const hint = 'Build a smaller image (CONFIG_SIZE_OPTIMIZATIONS, less logging), or for a device with larger slots.';
    error(updateError('smp-image-too-large', `${nameOf(image)} has ${octets} octets, ${what} has ${limit}`, hint));
  };
  if (maxImageSize !== null && image.end > maxImageSize)
    tooLarge(image.end, 'the largest image that the slot takes', maxImageSize);
  else if (size !== null && length > size) tooLarge(length, 'the slot', size);
  else if (size !== null && maxImageSize === null && image.mark === null && image.end > size - SMALLEST_TRAILER) {
    const message = `${nameOf(image)} leaves ${size - image.end} octets of its slot: the bootloader may lack room for its trailer`;
    note('warning', 'tight', message);
  }
}

/** One sector of most flashes. */
const SMALLEST_TRAILER = 0x1000;

function checkVersion(view: DeviceView, image: SmpUpdateImage, wishes: CheckWishes, { error, note }: Findings): void {
  const order = compareWithRunning(view, image);
  if (order === undefined || order > 0) return;
  const running = runningEntry(view, image.image)?.version;
  const name = nameOf(image);
  if (wishes.upgradeOnly) {
    const message = `${name} is not newer than what runs (${running}), and only upgrades are wanted`;
    error(updateError('smp-downgrade', message, 'Leave out --upgrade-only to install it nevertheless.'));
  } else if (cannotBeNewest(view, image, order)) error(notNewest(image, running));
  else if (order === 0) {
    note('info', 'same-version', `the device runs another build of the same version ${shortVersion(image.version)}`);
  } else if (view.noDowngrade) {
    const message = `${name} is older than what runs (${running}), and the bootloader refuses downgrades`;
    error(
      updateError('smp-downgrade', message, 'Build it with a higher version; the bootloader cannot be told otherwise.'),
    );
  } else note('warning', 'downgrade', `${name} is older than what runs (${running})`);
}

/**
 * Whether the bootloader starts what runs rather than this image, whatever its marks [spec: mcuboot-image section 8]. Of equal ones
 * it starts that in slot 0, unless it was built to compare build numbers too.
 */
function cannotBeNewest(view: DeviceView, image: SmpUpdateImage, order: number): boolean {
  const { scheme } = view.kind;
  const place = placeOf(view, image);
  const isChosenByVersion = startsNewest(scheme) || (scheme === 'direct-xip-revert' && !place.startsWith('staged'));
  if (!isChosenByVersion || order !== 0) return isChosenByVersion;
  const running = runningVersion(view, image.image);
  return uploadSlot(view, image.image) === 1 && running !== undefined && compareVersions(image.version, running) <= 0;
}

function checkMark(image: SmpUpdateImage, { mode }: CheckWishes, { error }: Findings): void {
  if (image.mark !== 'confirmed' || mode !== 'test-only') return;
  const message = `${nameOf(image)} is padded and confirmed in the file: it would stay, and only a test was asked for`;
  error(
    updateError('smp-already-permanent', message, 'Give the image without trailer (*.signed.bin), or another mode.'),
  );
}

function checkHashLength(view: DeviceView, image: SmpUpdateImage, { note }: Findings): void {
  const running = runningEntry(view, image.image)?.hash;
  if (running == null || running.length === image.hash.length) return;
  const message = `${nameOf(image)} has a hash of ${image.hash.length} octets, what runs one of ${running.length}: the device may not know how to check it`;
  note('warning', 'hash-length', message);
}

function checkDependencies(
  view: DeviceView,
  image: SmpUpdateImage,
  images: readonly SmpUpdateImage[],
  { ignoreDependencies }: CheckWishes,
  { error, note }: Findings,
): void {
  for (const { image: number, minVersion } of image.dependencies) {
    const sent = images.find((other) => other.image === number)?.version;
    const there = sent ?? runningVersion(view, number);
    if (there !== undefined && compareVersions(there, minVersion, { withBuild: false }) >= 0) continue;
    const needs = `${nameOf(image)} needs image ${number} in version ${shortVersion(minVersion)}`;
    const has = `${sent === undefined ? 'the device' : 'the package'} has ${there === undefined ? 'none' : shortVersion(there)}`;
    if (ignoreDependencies) note('warning', 'dependency', `${needs}, ${has}: the bootloader may hold the update back`);
    else {
      const hint = 'Send a package with that image too (dfu_application.zip), or override with --ignore-dependencies.';
      error(updateError('smp-dependency-unmet', `${needs}, ${has}`, hint));
    }
  }
}
