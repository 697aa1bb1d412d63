import type { BlobServerEvents } from '@meshferry/blob';
import type { Log } from '@meshferry/core';
import type { TargetState, TargetUpdate } from './target-state.ts';
import { UpdatePhase } from './update-codes.ts';

/** What follows the end of a transfer. */
export interface TransferEnds {
  /** The image is here. */
  complete(): void;
  /** It will not come any more. */
  failed(): void;
}

/** What the BLOB Transfer Server does to the phase of an update [firmware-update.md 4.4]; nothing once another one has begun. */
export function transferEvents(
  state: TargetState,
  update: TargetUpdate,
  log: Log,
  { complete, failed }: TransferEnds,
): BlobServerEvents {
  const isIn = (phase: number): boolean => state.update === update && update.phase === phase;
  const counts = (): boolean => isIn(UpdatePhase.transferActive) || isIn(UpdatePhase.transferError);
  // A client that only fell silent for too long goes on with the blocks, without another Start.
  const awake = (): void => {
    if (isIn(UpdatePhase.transferError)) state.note(update, UpdatePhase.transferActive);
  };
  const asleep = (): void => {
    if (isIn(UpdatePhase.transferActive)) state.note(update, UpdatePhase.transferError);
  };
  return {
    // In Transfer Error after a power cut that came when all was here: the transfer is complete again after it.
    complete: () => {
      if (counts()) complete();
    },
    suspended: asleep,
    started: awake,
    resumed: awake,
    failed: (error) => {
      if (!counts()) return;
      log('warn', `firmware transfer failed: ${error.message}`);
      asleep();
      failed();
    },
  };
}
