import { formatAddress, MeshError, type Unicast } from '@meshferry/core';
import { UpdateStatus, updatePhaseName, updateStatusName } from './update-codes.ts';

/** Code, what the target said, and what to do, by Update Status. */
const REFUSED: Readonly<Record<number, readonly [code: string, said: string, hint: string]>> = {
  [UpdateStatus.insufficientResources]: [
    'not-enough-room',
    'has no room for the image',
    'Check that the image is meant for this device and fits its update slot.',
  ],
  [UpdateStatus.wrongPhase]: [
    'target-busy',
    'is busy with another update',
    'Wait until that update has ended, or cancel it on the target ("dfu cancel --targets"), then try again.',
  ],
  [UpdateStatus.internalError]: [
    'target-error',
    'reports an internal error',
    'Restart the target and try again; its own log may say more.',
  ],
  [UpdateStatus.wrongFirmwareIndex]: [
    'no-such-image',
    'has no image with this index',
    'Ask the target for its Firmware Information List and choose an index from it.',
  ],
  [UpdateStatus.metadataCheckFailed]: [
    'metadata-refused',
    'does not want this firmware',
    'Many devices refuse a version that is not newer than their own, another board, or an image larger than their slot.',
  ],
  [UpdateStatus.temporarilyUnavailable]: [
    'target-busy',
    'cannot take an update now',
    'Try again later; some devices refuse while they run on a low battery or are in use.',
  ],
  [UpdateStatus.blobTransferBusy]: [
    'blob-busy',
    'receives another transfer',
    'Wait until that transfer has ended, or cancel it, then try again.',
  ],
};

/** What a status other than Success means. */
export function refusedError(address: Unicast, status: number, during: string): MeshError {
  const [code, said, hint] = REFUSED[status] ?? [
    'target-error',
    'answers with an unknown status',
    'The firmware of the target may follow a later specification.',
  ];
  const message = `${formatAddress(address)} ${said} (${during}: ${updateStatusName(status)})`;
  return new MeshError(code, message, { hint });
}

export function silentError(address: Unicast, during: string, seconds: number): MeshError {
  return new MeshError(
    'target-silent',
    `${formatAddress(address)} did not answer ${during} within ${Math.round(seconds)} s`,
    {
      hint: 'Check that it has power, is in range and has the AppKey bound to its update models; then update it again.',
    },
  );
}

export function lostInTransferError(address: Unicast, percent: number, cause: MeshError | undefined): MeshError {
  const why = cause === undefined ? '' : `: ${cause.message}`;
  return new MeshError(
    'target-lost-in-transfer',
    `${formatAddress(address)} was lost at ${percent} % of the image${why}`,
    {
      hint:
        cause?.hint ??
        'Check that it has power and is in range, then resume the update or start it again for this target.',
      cause,
    },
  );
}

export function verificationError(address: Unicast): MeshError {
  return new MeshError('verification-failed', `${formatAddress(address)} received the image and refused it`, {
    hint: 'Its digest, signature or metadata do not match: check that the image is signed with the key that the device trusts.',
  });
}

/** It had verified the image, and does not know so any more: other stacks do not verify again after a restart. */
export function lostVerificationError(address: Unicast): MeshError {
  return new MeshError('verification-failed', `${formatAddress(address)} does not hold the verified image any more`, {
    hint: 'It restarted before it was told to apply, or its storage was changed. Update it again.',
  });
}

export function slowVerificationError(address: Unicast, seconds: number): MeshError {
  return new MeshError('verification-slow', `${formatAddress(address)} still verifies after ${Math.round(seconds)} s`, {
    hint: 'Update it again and give it more time (verifyMs).',
  });
}

export function strayPhaseError(address: Unicast, phase: number, expected: string): MeshError {
  return new MeshError(
    'target-left-update',
    `${formatAddress(address)} is in ${updatePhaseName(phase)} where ${expected} was expected`,
    {
      hint: 'It restarted, or somebody else cancelled or replaced the update. Start the update again for this target.',
    },
  );
}

export function applyError(address: Unicast, why: string): MeshError {
  return new MeshError('apply-failed', `${formatAddress(address)} ${why}`, {
    hint: 'Check signature, version and board: a bootloader goes back to the old firmware when it does not like the new. Check --company: a node may give itself another firmware id than the package promises.',
  });
}

export function slowRebootError(address: Unicast, seconds: number): MeshError {
  return new MeshError(
    'apply-slow',
    `${formatAddress(address)} still applies the image after ${Math.round(seconds)} s`,
    {
      hint: 'Ask it for its firmware later (it may have finished by then), or give it more time (rebootMs).',
    },
  );
}
