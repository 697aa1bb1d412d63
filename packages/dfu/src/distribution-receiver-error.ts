import type { MeshError } from '@meshferry/core';
import type { ListedReceiver } from './distribution-receivers-messages.ts';
import { FirmwareUpdateStart } from './firmware-update-messages.ts';
import { UpdatePhase, UpdateStatus } from './update-codes.ts';
import { applyError, lostInTransferError, refusedError, silentError, verificationError } from './update-errors.ts';

/** BLOB status that a client records for a receiver that never answered. */
const NEVER_ANSWERED = 9;

/**
 * What went wrong with a receiver, as far as a Distributor's list tells; undefined when nothing did so far
 * [firmware-distribution.md 3, failure map]. `timeoutBase` of the distribution says how long silence lasted.
 */
export function listedReceiverError(receiver: ListedReceiver, timeoutBase: number): MeshError | undefined {
  const { address, retrievedUpdatePhase, updateStatus, transferStatus, transferProgress } = receiver;
  if (retrievedUpdatePhase === UpdatePhase.applySuccess) return undefined;
  if (retrievedUpdatePhase === UpdatePhase.verificationFailed) return verificationError(address);
  if (retrievedUpdatePhase === UpdatePhase.applyFailed)
    return applyError(address, 'did not come up with the new firmware');
  if (transferStatus === NEVER_ANSWERED) return lostInTransferError(address, transferProgress, undefined);
  if (updateStatus === UpdateStatus.success) return undefined;
  // Internal Error is also what the Distributor notes for silence.
  if (updateStatus === UpdateStatus.internalError)
    return silentError(address, 'the Distributor', 10 * (timeoutBase + 2));
  return refusedError(address, updateStatus, FirmwareUpdateStart.name);
}
