import { MeshError, toHex } from '@meshferry/core';
import { formatVersion, type PublicKey, SAMPLE_KEYS, type Version } from '@meshferry/firmware';
import type { SmpUpdateErrorCode } from './update-error-codes.ts';
import type { SmpUpdateImage } from './update-types.ts';

/** An error of the update itself. */
export function updateError(code: SmpUpdateErrorCode, message: string, hint: string, cause?: unknown): MeshError {
  return new MeshError(code, message, cause === undefined ? { hint } : { hint, cause });
}

/** An image as messages name it: `image 1 (net_core.bin) 2.0.0`. */
export function nameOf({ image, file, version }: { image: number; file: string | null; version: Version }): string {
  return `image ${image}${file === null ? '' : ` (${file})`} ${shortVersion(version)}`;
}

/** A version without a build number of 0. */
export function shortVersion(version: Version): string {
  return formatVersion(version).replace(/\+0$/, '');
}

/** The slot is empty after the boot: MCUboot erases what it does not accept [spec: mcuboot-image section 8]. */
export function bootloaderRefused(image: SmpUpdateImage, isOlder: boolean): MeshError {
  return updateError(
    'smp-bootloader-refused',
    `the bootloader refused ${nameOf(image)}: after the reset the old image runs and the new one was erased from its slot. ` +
      `Most likely: ${likelyRefusal(image, isOlder)}`,
    'Sign the image with the key whose public half is in the bootloader of this device (imgtool sign --key …), for the right board; ' +
      'the log of the bootloader on its serial console names the check that failed.',
  );
}

/** What a bootloader most likely holds against an image, by what the image says of itself. */
export function likelyRefusal(image: SmpUpdateImage, isOlder: boolean): string {
  const { state, key, keyHash } = image.signature;
  const reasons: string[] = [];
  if (state === 'unsigned') reasons.push('it is not signed');
  else if (state === 'invalid') reasons.push('its signature is wrong');
  else if (state === 'unknown-key') {
    const whose = keyHash === null ? 'a key that it does not name' : `the key ${toHex(keyHash.subarray(0, 4))}…`;
    reasons.push(`it is signed with ${whose}, which is not the one of this bootloader`);
  } else if (key !== null && isSampleKey(key)) {
    reasons.push(
      `it is signed with ${key.name}, the sample key that only devices under development accept, and this one has a key of its own`,
    );
  } else if (state === 'unchecked') reasons.push('it is encrypted or signed for another device');
  if (image.address !== null)
    reasons.push(`it is linked for address 0x${image.address.toString(16)}, and its slot is elsewhere`);
  if (isOlder) reasons.push('it is older than what runs, and the bootloader allows no downgrade');
  if (reasons.length === 0)
    reasons.push('its key is not the one of this bootloader, or its security counter is too low');
  return reasons.join('; or ');
}

/** Keys whose private half everybody can have. */
export function isSampleKey(key: PublicKey): boolean {
  return SAMPLE_KEYS.includes(key);
}

/** The old image runs again and the new one lies in the other slot, chosen no more. */
export function reverted(image: SmpUpdateImage): MeshError {
  return updateError(
    'smp-reverted',
    `${nameOf(image)} was started on trial and reverted: the old image runs again, the new one lies unmarked in the other slot`,
    'It was reset (watchdog, crash, power) before it was confirmed, or could not be reached in time. Look at its log, and whether it still ' +
      'offers SMP under the same name and pairing; running the update again tests it once more without a new upload.',
  );
}

export function notSelected(image: SmpUpdateImage): MeshError {
  return updateError(
    'smp-not-selected',
    `${nameOf(image)} is on the device, but nothing told the bootloader to start it: the device was reset and the old image runs`,
    'This bootloader swaps only images that were marked: use --mode test-and-confirm (or confirm-only); the upload need not be repeated.',
  );
}

export function notNewest(image: SmpUpdateImage, running: string | undefined): MeshError {
  return updateError(
    'smp-not-newest',
    `the bootloader starts the newest image, and ${nameOf(image)} is not newer than what runs${running === undefined ? '' : ` (${running})`}`,
    'Build it with a higher version (CONFIG_MCUBOOT_IMGTOOL_SIGN_VERSION, imgtool --version).',
  );
}

/** It is there, it should have been chosen, and was not. */
export function notStarted(image: SmpUpdateImage, bootloader: string, isOlder: boolean): MeshError {
  return updateError(
    'smp-bootloader-refused',
    `the bootloader (${bootloader}) did not start ${nameOf(image)}, which is still in its slot. Most likely: ${likelyRefusal(image, isOlder)}`,
    'The log of the bootloader on its serial console names the check that failed.',
  );
}

export function swapHeld(image: SmpUpdateImage): MeshError {
  const needs = image.dependencies.map((one) => `image ${one.image} in version ${shortVersion(one.minVersion)}`);
  const because =
    needs.length === 0
      ? ''
      : `: it needs ${needs.join(' and ')}, and MCUboot holds all images back until that is there`;
  return updateError(
    'smp-swap-held',
    `the device was reset, but ${nameOf(image)} still waits for its boot${because}`,
    needs.length === 0
      ? 'Another image of the device may lack what it depends on, or the bootloader is no MCUboot or another slot is its own. Its log tells.'
      : 'Send that image together with this one, as one package.',
  );
}

export function notReset(image: SmpUpdateImage, times: number): MeshError {
  return updateError(
    'smp-not-reset',
    `the device accepted ${times} resets and did none: ${nameOf(image)} still waits for its boot`,
    'Reset it by its button or its power: the image is marked, and running the update again goes on with the check.',
  );
}

export function notPending(image: SmpUpdateImage): MeshError {
  return updateError(
    'smp-not-pending',
    `the device accepted the mark for ${nameOf(image)}, but does not list it as pending`,
    'Ask for the list (smp list). The trailer of the slot may be damaged: erase it (smp erase) and run the update again.',
  );
}

export function uploadCorrupt(image: SmpUpdateImage, found: string): MeshError {
  return updateError(
    'smp-upload-corrupt',
    `${nameOf(image)} was sent whole, but is not in its slot: ${found}`,
    'The flash of the device may be worn or its slot too small, or another program writes to it. Erase the slot (smp erase) and try again.',
  );
}
