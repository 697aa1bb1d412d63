import { blockCount, maxChunkSizeOfMtu } from './arithmetic.ts';
import type { BlobCapabilities } from './capabilities.ts';
import { BLOB_MTU, BlobStatus, MAX_BLOCKS } from './constants.ts';
import type { TransferMode } from './messages.ts';
import { type Bounds, smallestChunk } from './strategy.ts';

/** The block sizes that most receivers can work with together, and who cannot. */
export interface Settings<R> {
  readonly kept: readonly R[];
  readonly logs: readonly { readonly log: number; readonly bounds: Bounds }[];
  /** With the BLOB status that says why. */
  readonly refused: readonly { readonly receiver: R; readonly status: number }[];
}

interface Capable {
  readonly capabilities: BlobCapabilities | undefined;
}

/**
 * Chooses what keeps the most receivers, whatever the order in which they answered (merging one after the other lets
 * one odd receiver expel the rest). `fixedLog`: the block size of a transfer that is resumed.
 */
export function chooseSettings<R extends Capable>(
  size: number,
  mode: TransferMode,
  receivers: readonly R[],
  fixedLog?: number,
): Settings<R> {
  const able = receivers.filter((receiver) => reasonAgainst(receiver, size, mode) === undefined);
  const options: { log: number; bounds: Bounds; kept: readonly R[] }[] = [];
  for (let log = fixedLog ?? 6; log <= (fixedLog ?? 32); log++) {
    if (blockCount(size, log) > MAX_BLOCKS) continue;
    const kept = largestAgreement(able, log);
    if (kept.length > 0) options.push({ log, kept, bounds: boundsOf(kept, log) });
  }
  const most = options.reduce((count, { kept }) => Math.max(count, kept.length), 0);
  const best = options.filter(({ kept }) => kept.length === most);
  const kept = best.at(-1)?.kept ?? [];
  const logs = best.filter((option) => option.kept.every((receiver) => kept.includes(receiver)));
  const refused = receivers
    .filter((receiver) => !kept.includes(receiver))
    .map((receiver) => ({ receiver, status: reasonAgainst(receiver, size, mode) ?? reasonOfSize(receiver, logs) }));
  return { kept, logs, refused };
}

/** Push, unless pull mode brings the BLOB to more of the receivers. */
export function chooseMode(size: number, receivers: readonly Capable[], fixedLog?: number): TransferMode {
  const kept = (mode: TransferMode): number => chooseSettings(size, mode, receivers, fixedLog).kept.length;
  return kept('pull') > kept('push') ? 'pull' : 'push';
}

function reasonAgainst({ capabilities }: Capable, size: number, mode: TransferMode): number | undefined {
  if (capabilities === undefined) return BlobStatus.internalError;
  if (!capabilities[mode]) return BlobStatus.unsupportedTransferMode;
  return capabilities.maxBlobSize < size ? BlobStatus.blobTooLarge : undefined;
}

function reasonOfSize({ capabilities }: Capable, logs: readonly { log: number }[]): number {
  const { minBlockSizeLog, maxBlockSizeLog } = capabilities!;
  const fits = logs.some(({ log }) => log >= minBlockSizeLog && log <= maxBlockSizeLog);
  return fits ? BlobStatus.invalidChunkSize : BlobStatus.invalidBlockSize;
}

/** The chunk sizes with which one receiver takes blocks of 2^log octets. */
function chunkRange({ capabilities }: Capable, log: number): { min: number; max: number } | undefined {
  const { minBlockSizeLog, maxBlockSizeLog, maxChunksNumber, maxChunkSize, mtuSize } = capabilities!;
  if (log < minBlockSizeLog || log > maxBlockSizeLog) return undefined;
  const min = smallestChunk(log, { maxChunksNumber, mtu: mtuSize });
  const max = Math.min(maxChunkSize, maxChunkSizeOfMtu(mtuSize));
  return min <= max ? { min, max } : undefined;
}

/** The largest set of receivers that have a chunk size in common: one of their smallest ones is in all of them. */
function largestAgreement<R extends Capable>(receivers: readonly R[], log: number): readonly R[] {
  const ranged = receivers.flatMap((receiver) => {
    const range = chunkRange(receiver, log);
    return range === undefined ? [] : [{ receiver, range }];
  });
  let best: readonly R[] = [];
  for (const size of new Set(ranged.map(({ range }) => range.min))) {
    const agreeing = ranged.filter(({ range }) => range.min <= size && size <= range.max);
    if (agreeing.length > best.length) best = agreeing.map(({ receiver }) => receiver);
  }
  return best;
}

/** The bounds of a set that agrees, for blocks of 2^log octets. */
export function boundsOf(receivers: readonly Capable[], log: number): Bounds {
  let minChunkSize = 1;
  let maxChunkSize = BLOB_MTU - 3;
  let maxChunksNumber = 0xffff;
  let mtu = BLOB_MTU;
  for (const receiver of receivers) {
    const range = chunkRange(receiver, log);
    if (range === undefined) continue;
    minChunkSize = Math.max(minChunkSize, range.min);
    maxChunkSize = Math.min(maxChunkSize, range.max);
    maxChunksNumber = Math.min(maxChunksNumber, receiver.capabilities!.maxChunksNumber);
    mtu = Math.min(mtu, receiver.capabilities!.mtuSize);
  }
  return { minChunkSize, maxChunkSize, maxChunksNumber, mtu };
}
