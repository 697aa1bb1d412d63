import type { BlobCapabilities } from './capabilities.ts';
import { BlobStatus } from './constants.ts';
import type { TransferMode } from './messages.ts';
import { boundsOf, chooseMode, chooseSettings, type Terms } from './settings.ts';
import type { TransferContext } from './transfer-context.ts';

/**
 * Settles mode and block size with the receivers whose capabilities are known, and loses those whom they do not suit.
 * `before`: the mode of a transfer that another process began. Returns the size of the largest chunk, undefined when nobody
 * is left.
 */
export function settle(context: TransferContext, before: TransferMode | undefined): number | undefined {
  const { parameters, strategy, terms } = context;
  const mode = context.mode ?? before ?? parameters.mode ?? chooseMode(terms, context.active);
  context.chooseMode(mode);
  const { logs, refused } = chooseSettings(terms, mode, context.active);
  for (const { receiver, status } of refused) {
    receiver.loseByCapabilities(status, reasonOf(receiver.capabilities, terms, mode, status));
    context.reportLost(receiver);
  }
  if (logs.length === 0) return undefined;
  const { active } = context;
  const log = terms.log ?? strategy.blockSizeLog(terms.size, logs, active, context.hasGroup);
  context.log2 = log;
  return boundsOf(terms, active, log).maxChunkSize;
}

function reasonOf(of: BlobCapabilities | undefined, { size }: Terms, mode: TransferMode, status: number): string {
  switch (status) {
    case BlobStatus.unsupportedTransferMode:
      return `does not offer ${mode} mode`;
    case BlobStatus.blobTooLarge:
      return `takes no more than ${of?.maxBlobSize} octets, not ${size}`;
    case BlobStatus.invalidBlockSize:
      return `takes blocks of 2^${of?.minBlockSizeLog} to 2^${of?.maxBlockSizeLog} octets, no others`;
    default:
      return `takes blocks of no more than ${of?.maxChunksNumber} chunks, chunks of no more than ${of?.maxChunkSize} octets`;
  }
}

/** What most say. */
export function mostFrequent<T>(values: readonly (T | undefined)[]): T | undefined {
  const votes = new Map<T, number>();
  for (const value of values) if (value !== undefined) votes.set(value, (votes.get(value) ?? 0) + 1);
  return [...votes].sort((a, b) => b[1] - a[1])[0]?.[0];
}
