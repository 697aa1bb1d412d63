import { encodeRecord, equal, readRecord, type Store } from '@meshferry/core';
import type { FirmwareUpdateStart, FirmwareUpdateStatus } from './firmware-update-messages.ts';
import { UpdatePhase } from './update-codes.ts';

/** The state of a Firmware Update Server outside Idle [MshDFU 4.1.1]; the metadata is kept whole to recognise it again. */
export interface TargetUpdate {
  phase: number;
  readonly ttl: number;
  readonly timeoutBase: number;
  readonly blobId: bigint;
  readonly imageIndex: number;
  readonly effect: number;
  readonly metadata: Uint8Array;
}

const KEY = 'update';

export function loadTargetUpdate(store: Store): TargetUpdate | undefined {
  return readRecord<TargetUpdate>(store, KEY);
}

/** Durable when it returns. Undefined: Idle. */
export function saveTargetUpdate(store: Store, update: TargetUpdate | undefined): void {
  store.batch([[KEY, update === undefined ? null : encodeRecord(update)]]);
}

/** Whether a Start asks for exactly the update that runs [MshDFU 6.1.3.4]. */
export function isIdentical(update: TargetUpdate, start: FirmwareUpdateStart): boolean {
  return sameTransfer(update, start) && equal(update.metadata, start.metadata);
}

/** Whether a Start resumes an interrupted update: the same one, or the same without its metadata. */
export function isResumption(update: TargetUpdate, start: FirmwareUpdateStart): boolean {
  return sameTransfer(update, start) && (start.metadata.length === 0 || equal(update.metadata, start.metadata));
}

/** The Status of an update, or of Idle. */
export function statusOf(status: number, update: TargetUpdate | undefined): FirmwareUpdateStatus {
  return {
    status,
    phase: update?.phase ?? UpdatePhase.idle,
    updateTtl: update?.ttl,
    additionalInformation: update?.effect,
    updateTimeoutBase: update?.timeoutBase,
    updateBlobId: update?.blobId,
    imageIndex: update?.imageIndex,
  };
}

function sameTransfer(update: TargetUpdate, start: FirmwareUpdateStart): boolean {
  return (
    update.blobId === start.updateBlobId &&
    update.ttl === start.updateTtl &&
    update.timeoutBase === start.updateTimeoutBase &&
    update.imageIndex === start.imageIndex
  );
}
