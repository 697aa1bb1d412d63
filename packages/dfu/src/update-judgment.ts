import { equal, type MeshError, toHex, type Unicast } from '@meshferry/core';
import type { FirmwareUpdateInformationStatus, FirmwareUpdateStatus } from './firmware-update-messages.ts';
import { UpdateEffect, UpdatePhase, UpdateStatus } from './update-codes.ts';
import {
  applyError,
  lostInTransferError,
  lostVerificationError,
  refusedError,
  silentError,
  strayPhaseError,
  verificationError,
} from './update-errors.ts';

/**
 * What an answer means in a step of the update [firmware-update.md, section 5]: the target is done with the step, is
 * to be asked again, has failed, or the answer is a late one of another step and means nothing.
 */
export type Verdict =
  | { readonly kind: 'again' }
  | { readonly kind: 'ignore' }
  | { readonly kind: 'done' /** Overrides the phase in the answer. */; readonly phase?: number }
  | {
      readonly kind: 'fail';
      readonly error: MeshError;
      /** What is recorded as its Update Status. */
      readonly updateStatus: number;
      readonly phase?: number;
      /** Failed by silence. */
      readonly timedOut?: boolean;
      /** The answer may be a late one to something asked before: it counts when others that were asked for since agree. */
      readonly mayBeLate?: boolean;
    };

const DONE: Verdict = { kind: 'done' };
const AGAIN: Verdict = { kind: 'again' };
const IGNORE: Verdict = { kind: 'ignore' };

const APPLIED: Verdict = { kind: 'done', phase: UpdatePhase.applySuccess };

function failed(updateStatus: number, error: MeshError): Verdict & { kind: 'fail' } {
  return { kind: 'fail', error, updateStatus };
}

function maybeLate(verdict: Verdict & { kind: 'fail' }): Verdict {
  return { ...verdict, mayBeLate: true };
}

/** Step 1. Transfer Active; Verifying and Verification Succeeded of a target that has the image already. */
export function judgeStart(address: Unicast, answer: FirmwareUpdateStatus, blobId: bigint): Verdict {
  if (answer.status !== UpdateStatus.success)
    return failed(answer.status, refusedError(address, answer.status, 'Start'));
  if (answer.updateBlobId !== undefined && answer.updateBlobId !== blobId) return maybeLate(foreignUpdate(address));
  switch (answer.phase) {
    case UpdatePhase.transferActive:
    case UpdatePhase.verifyingUpdate:
    case UpdatePhase.verificationSucceeded:
      return DONE;
    case UpdatePhase.verificationFailed:
      // What it had already was refused before the answer to a repeated Start.
      return maybeLate(failed(UpdateStatus.wrongPhase, verificationError(address)));
    default:
      return maybeLate(failed(UpdateStatus.wrongPhase, strayPhaseError(address, answer.phase, 'Transfer Active')));
  }
}

/** Step 4. Nothing but Verification Succeeded is verified: Idle, Transfer Error and Transfer Active are failures. */
export function judgeRefresh(address: Unicast, answer: FirmwareUpdateStatus, blobId: bigint): Verdict {
  if (answer.status !== UpdateStatus.success) return failed(answer.status, refusedError(address, answer.status, 'Get'));
  if (answer.updateBlobId !== undefined && answer.updateBlobId !== blobId) return maybeLate(foreignUpdate(address));
  switch (answer.phase) {
    case UpdatePhase.verificationSucceeded:
      return DONE;
    case UpdatePhase.verifyingUpdate:
      return AGAIN;
    case UpdatePhase.verificationFailed:
      return failed(UpdateStatus.wrongPhase, verificationError(address));
    default:
      return maybeLate(failed(UpdateStatus.wrongPhase, strayPhaseError(address, answer.phase, 'Verifying Update')));
  }
}

/**
 * Step 5. "Wrong Phase, Idle" says that the target has applied; one that should have left the network (effect 3) and
 * answers so did not. A target that restarted after verifying verifies again, and is asked again meanwhile.
 */
export function judgeApply(
  address: Unicast,
  answer: FirmwareUpdateStatus,
  blobId: bigint,
  effect: number | undefined,
): Verdict {
  if (answer.status === UpdateStatus.success) {
    // Any other phase with Success is no answer to Apply but a late one to Get.
    if (answer.phase !== UpdatePhase.applyingUpdate) return IGNORE;
    return answer.updateBlobId === blobId ? AGAIN : maybeLate(foreignUpdate(address));
  }
  if (answer.status !== UpdateStatus.wrongPhase)
    return failed(answer.status, refusedError(address, answer.status, 'Apply'));
  if (answer.updateBlobId !== undefined && answer.updateBlobId !== blobId) return foreignUpdate(address);
  switch (answer.phase) {
    case UpdatePhase.idle:
      // Idle lasts until the Firmware Information List tells with which firmware.
      return effect === UpdateEffect.unprovisioned
        ? applyFailed(stillHere(address))
        : { kind: 'done', phase: UpdatePhase.applyingUpdate };
    case UpdatePhase.verifyingUpdate:
      return AGAIN;
    case UpdatePhase.verificationFailed:
      return failed(UpdateStatus.wrongPhase, lostVerificationError(address));
    default:
      return failed(UpdateStatus.wrongPhase, strayPhaseError(address, answer.phase, 'Applying Update'));
  }
}

/** Step 6, one page of the list: `again` asks for the next one. */
export function judgeConfirm(
  address: Unicast,
  page: FirmwareUpdateInformationStatus,
  firmwareId: Uint8Array,
  effect: number | undefined,
): Verdict {
  if (effect === UpdateEffect.unprovisioned) return applyFailed(stillHere(address));
  if (page.entries.some((entry) => equal(entry.firmwareId, firmwareId))) return APPLIED;
  const seen = page.firstIndex + page.entries.length;
  if (page.entries.length > 0 && seen < page.listCount) return AGAIN;
  const runs = page.entries.map((entry) => toHex(entry.firmwareId)).join(', ') || 'no firmware';
  return maybeLate(applyFailed(applyError(address, `runs ${runs} after applying, not ${toHex(firmwareId)}`)));
}

/** A target that is not heard of any more in some step. */
export function judgeSilence(address: Unicast, during: string, ms: number): Verdict {
  return {
    kind: 'fail',
    error: silentError(address, during, ms / 1000),
    updateStatus: UpdateStatus.internalError,
    timedOut: true,
  };
}

/** Steps 2 and 3: what the BLOB transfer says of a target that it has lost. */
export function judgeTransferLoss(
  address: Unicast,
  percent: number,
  timedOut: boolean,
  cause: MeshError | undefined,
): Verdict {
  const error = lostInTransferError(address, Math.floor(percent), cause);
  return { kind: 'fail', error, updateStatus: UpdateStatus.internalError, timedOut };
}

/** Silence in step 5 is success for a target that leaves the network, as far as that step can tell. */
export function judgeApplySilence(address: Unicast, effect: number | undefined, ms: number): Verdict {
  return effect === UpdateEffect.unprovisioned
    ? { kind: 'done', phase: UpdatePhase.applyingUpdate }
    : judgeSilence(address, 'Apply', ms);
}

/** Silence in step 6: a target with effect 3 has gone, as it should; another one did not come back. */
export function judgeConfirmSilence(address: Unicast, effect: number | undefined, ms: number): Verdict {
  if (effect === UpdateEffect.unprovisioned) return APPLIED;
  return { ...applyFailed(silentError(address, 'after applying', ms / 1000)), timedOut: true };
}

/** Cancel. Only Idle says that the target has forgotten the update. */
export function judgeCancel(answer: FirmwareUpdateStatus): Verdict {
  return answer.status === UpdateStatus.success && answer.phase === UpdatePhase.idle
    ? { kind: 'done', phase: UpdatePhase.transferCanceled }
    : IGNORE;
}

/** The target works on an update with another BLOB ID: recorded as BLOB Transfer Busy. */
function foreignUpdate(address: Unicast): Verdict & { kind: 'fail' } {
  return failed(UpdateStatus.blobTransferBusy, refusedError(address, UpdateStatus.blobTransferBusy, 'another BLOB ID'));
}

function applyFailed(error: MeshError): Verdict & { kind: 'fail' } {
  return { kind: 'fail', error, updateStatus: UpdateStatus.internalError, phase: UpdatePhase.applyFailed };
}

function stillHere(address: Unicast): MeshError {
  return applyError(address, 'should have left the network with the new firmware but still answers');
}
