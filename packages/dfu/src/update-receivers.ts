import type { FirmwareUpdateStatus } from './firmware-update-messages.ts';
import { UpdatePhase, UpdateStatus } from './update-codes.ts';
import type { Verdict } from './update-judgment.ts';
import type { UpdateReceiver, UpdateReceiverState } from './update-types.ts';

/** The state of one receiver as the run changes it. */
export type MutableReceiver = { -readonly [K in keyof UpdateReceiverState]: UpdateReceiverState[K] };

/** A receiver of which nothing is known yet. */
export function newReceiver({ address, imageIndex, self, lowPower }: UpdateReceiver): MutableReceiver {
  return {
    address,
    imageIndex,
    ...(self === undefined ? {} : { self }),
    ...(lowPower === undefined ? {} : { lowPower }),
    phase: UpdatePhase.unknown,
    updateStatus: UpdateStatus.success,
    transferStatus: 0,
    progress: 0,
    effect: undefined,
    error: undefined,
    timedOut: false,
    firmwareId: undefined,
  };
}

/** Takes part in the next step. */
export function isActive({ error, phase }: UpdateReceiverState): boolean {
  return error === undefined && phase !== UpdatePhase.applySuccess && phase !== UpdatePhase.transferCanceled;
}

/** Waits for the image: answered Transfer Active to Start, unlike those that have it already. */
export function needsImage(receiver: UpdateReceiverState): boolean {
  return isActive(receiver) && receiver.phase === UpdatePhase.transferActive;
}

/** May still have this update on its mind and is told when it is cancelled; perhaps only its answer to Start was lost. */
export function holdsUpdate({ phase, error, timedOut }: UpdateReceiverState): boolean {
  if (phase === UpdatePhase.unknown) return error === undefined || timedOut;
  return phase !== UpdatePhase.idle && phase < UpdatePhase.transferCanceled;
}

/** One that was lost by silence takes part again. */
export function revive(receiver: MutableReceiver): void {
  receiver.error = undefined;
  receiver.timedOut = false;
  receiver.updateStatus = UpdateStatus.success;
  receiver.transferStatus = 0;
}

/** Takes down what a Status says of this update; one about another update says nothing. */
export function takeStatus(receiver: MutableReceiver, answer: FirmwareUpdateStatus, blobId: bigint): void {
  if (answer.updateBlobId !== undefined && answer.updateBlobId !== blobId) return;
  receiver.phase = answer.phase;
  receiver.updateStatus = answer.status;
  if (answer.additionalInformation !== undefined) receiver.effect = answer.additionalInformation;
}

/** Takes down what a step has decided. */
export function takeVerdict(receiver: MutableReceiver, verdict: Verdict): void {
  if (verdict.kind === 'again' || verdict.kind === 'ignore') return;
  if (verdict.phase !== undefined) receiver.phase = verdict.phase;
  if (verdict.kind === 'done') {
    receiver.updateStatus = UpdateStatus.success;
  } else {
    receiver.updateStatus = verdict.updateStatus;
    receiver.error = verdict.error;
    receiver.timedOut = verdict.timedOut === true;
  }
}

/** Equal for two states between which nothing has changed that is worth an event. */
export function outline({ phase, updateStatus, effect, error }: UpdateReceiverState): string {
  return `${phase} ${updateStatus} ${effect} ${error?.message}`;
}
