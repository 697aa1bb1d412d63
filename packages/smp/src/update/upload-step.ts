import { type MeshError, toHex } from '@meshferry/core';
import type { SmpClient } from '../client/client.ts';
import { isRefusal } from '../client/errors.ts';
import { SmpGroup } from '../groups.ts';
import { startImageUpload } from '../upload/image-upload.ts';
import type { TransferProgress } from '../upload/progress.ts';
import { slotKey, uploadSlot } from './device-view.ts';
import type { SmpUpdateAction } from './situation.ts';
import type { SmpUpdateErrorCode } from './update-error-codes.ts';
import { nameOf, updateError } from './update-errors.ts';
import { recordAfter } from './update-record.ts';
import type { UpdateRun } from './update-run.ts';
import type { SmpUpdateImage } from './update-types.ts';

/** Of the image group [spec: smp section 3.2]. */
const NO_FREE_SLOT = 9;
const BAD_STATE = 6;
const WRONG_ADDRESS = 25;
const NOT_NEWER = 27;
const TOO_LARGE = 30;
/** The device's word against its own list is believed the second time. */
const MOST_REFUSALS = 2;

/**
 * Sends an image, or the rest of it that the device lacks. That it was begun is in the store before, because a device lists an
 * image as soon as it has its hash, when the signature behind it may still be missing.
 */
export async function sendImage(
  run: UpdateRun,
  client: SmpClient,
  action: Extract<SmpUpdateAction, { do: 'upload' }>,
): Promise<void> {
  const { image } = action;
  const { window, alignment, bufferSize, upgradeOnly = false } = run.options;
  run.meter.enter('uploading', image.image);
  run.keep(run.saved);
  run.keepOpenUpload(toHex(image.hash));
  const advanced = ({ offset, bytesPerSecond }: TransferProgress) => {
    run.reached(image.image, offset);
    run.meter.uploaded(image.image, offset, bytesPerSecond ?? null);
  };
  try {
    const upload = startImageUpload(client, image.bytes, {
      image: numberOf(run, image),
      sha256: image.sha256,
      upgradeOnly,
      ...(window !== undefined && { window }),
      ...(alignment !== undefined && { alignment }),
      ...(bufferSize !== undefined && { bufferSize }),
      signal: run.signal,
      onProgress: advanced,
    });
    await run.finishUpload(upload);
    run.keepOpenUpload(null);
  } catch (error) {
    // Sent to its end, and not what is in the flash: that counts as one upload, and is done once more.
    if ((error as MeshError).code === 'smp-upload-corrupt')
      run.note('warning', 'upload-corrupt', (error as MeshError).message);
    else return failedUpload(run, image, error);
  }
  run.keep(recordAfter(run.situation, action));
}

/** What the upload has to name for the slot that is meant: image numbers, or slots where the device was built for those. */
function numberOf({ view }: UpdateRun, { image }: SmpUpdateImage): number {
  const slot = uploadSlot(view!, image);
  return view!.uploadNumbers.get(slotKey(image, slot)) ?? image;
}

function failedUpload(run: UpdateRun, image: SmpUpdateImage, error: unknown): void {
  // It may have become free, or its list says why not: looked at once more.
  if (isInUse(error, run) && ++run.refusals < MOST_REFUSALS) return;
  throw explained(run, image, error);
}

/** Version 1 says "bad state" for this, and for what is not newer. */
function isInUse(error: unknown, { options }: UpdateRun): error is MeshError {
  return isRefusal(error, SmpGroup.image, NO_FREE_SLOT) || (!options.upgradeOnly && isRefusal(error, 'smp', BAD_STATE));
}

/** The refusals that say something about the image. */
function explained(run: UpdateRun, image: SmpUpdateImage, error: unknown): unknown {
  const name = nameOf(image);
  const refusal = (rc: number, code: SmpUpdateErrorCode, message: string, hint: string): MeshError | undefined =>
    isRefusal(error, SmpGroup.image, rc) ? updateError(code, `${message} (${error.message})`, hint, error) : undefined;
  if (isInUse(error, run)) {
    return updateError(
      'smp-slot-blocked',
      `the device has no free slot for ${name} (${error.message})`,
      'Another image is on trial or waits for its boot: reset the device, or confirm what runs (smp confirm), then run the update again.',
      error,
    );
  }
  return (
    refusal(
      TOO_LARGE,
      'smp-image-too-large',
      `${name} with its ${image.bytes.length} octets is larger than its slot`,
      'Build a smaller image, or for a device with larger slots.',
    ) ??
    refusal(
      NOT_NEWER,
      'smp-downgrade',
      `${name} is not newer than what runs, and only upgrades are wanted`,
      'Leave out --upgrade-only to install it nevertheless.',
    ) ??
    refusal(
      WRONG_ADDRESS,
      'smp-wrong-slot',
      `${name} is linked for another address than its slot`,
      `Send the build for slot ${uploadSlot(run.view!, image.image)}.`,
    ) ??
    error
  );
}
