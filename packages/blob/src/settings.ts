import { blockCount, maxChunkSizeOfMtu, maxChunksOfMtu } from './arithmetic.ts';
import type { BlobCapabilities } from './capabilities.ts';
import { BLOB_MTU, BlobStatus, MAX_BLOCKS } from './constants.ts';
import type { TransferMode } from './messages.ts';
import type { Bounds } from './strategy.ts';

/** What is settled before: the size of the BLOB, octets, and what the caller or an earlier run of the transfer fixed. */
export interface Terms {
  readonly size: number;
  readonly log?: number | undefined;
  readonly chunkSize?: number | undefined;
}

/** The block sizes that most receivers can work with together, and who cannot. */
export interface Settings<R> {
  readonly kept: readonly R[];
  readonly logs: readonly { readonly log: number; readonly bounds: Bounds }[];
  /** With the BLOB status that says why. */
  readonly refused: readonly { readonly receiver: R; readonly status: number }[];
}

interface Capable {
  readonly capabilities: BlobCapabilities | undefined;
  /** A Low Power node: its Friend can keep few messages. */
  readonly isSleepy?: boolean;
}

/**
 * Chooses what keeps the most receivers, whatever the order in which they answered (merging one after the other lets
 * one odd receiver expel the rest).
 */
export function chooseSettings<R extends Capable>(
  terms: Terms,
  mode: TransferMode,
  receivers: readonly R[],
): Settings<R> {
  const { size, log: fixed } = terms;
  const able = receivers.filter((receiver) => reasonAgainst(receiver, size, mode) === undefined);
  const options: { log: number; bounds: Bounds; kept: readonly R[] }[] = [];
  for (let log = fixed ?? 6; log <= (fixed ?? 32); log++) {
    if (blockCount(size, log) > MAX_BLOCKS) continue;
    const kept = largestAgreement(terms, able, log);
    if (kept.length > 0) options.push({ log, kept, bounds: boundsOf(terms, kept, log) });
  }
  const most = options.reduce((count, { kept }) => Math.max(count, kept.length), 0);
  const best = options.filter(({ kept }) => kept.length === most);
  const kept = new Set(best.at(-1)?.kept);
  const logs = best.filter((option) => option.kept.every((receiver) => kept.has(receiver)));
  const refused = receivers
    .filter((receiver) => !kept.has(receiver))
    .map((receiver) => ({ receiver, status: reasonAgainst(receiver, size, mode) ?? reasonOfSize(receiver, logs) }));
  return { kept: [...kept], logs: mode === 'pull' ? withLegibleNumbers(logs) : logs, refused };
}

/** Zephyr's pull servers write chunk numbers from here on in a code that means others [blob.md, lessons]. */
const LEGIBLE_CHUNKS = 2048;

/** The settings whose blocks have no chunk with such a number, if there are any. */
function withLegibleNumbers<T extends { readonly log: number; readonly bounds: Bounds }>(
  logs: readonly T[],
): readonly T[] {
  const legible = logs.flatMap((option) => {
    const { minChunkSize, maxChunkSize } = option.bounds;
    const least = Math.max(minChunkSize, Math.ceil(2 ** option.log / LEGIBLE_CHUNKS));
    return least <= maxChunkSize ? [{ ...option, bounds: { minChunkSize: least, maxChunkSize } }] : [];
  });
  return legible.length > 0 ? legible : logs;
}

/**
 * Push, unless pull mode brings the BLOB to more of the receivers, or to as many with a Low Power node among them: to such
 * a one a Friend passes on a few chunks at a time, as many as it asks for.
 */
export function chooseMode(terms: Terms, receivers: readonly Capable[]): TransferMode {
  const pushed = chooseSettings(terms, 'push', receivers).kept.length;
  const { kept } = chooseSettings(terms, 'pull', receivers);
  if (kept.length > pushed) return 'pull';
  return kept.length === pushed && kept.some(({ isSleepy }) => isSleepy) ? 'pull' : 'push';
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

/**
 * The chunk sizes with which one receiver takes blocks of 2^log octets. Servers in the field count the chunks of a full
 * block also where the last one is shorter; to a chunk size that the caller fixed only the blocks that there are count.
 */
function chunkRange({ size, chunkSize }: Terms, { capabilities }: Capable, log: number): Bounds | undefined {
  const { minBlockSizeLog, maxBlockSizeLog, maxChunksNumber, maxChunkSize, mtuSize } = capabilities!;
  if (log < minBlockSizeLog || log > maxBlockSizeLog) return undefined;
  const chunks = Math.min(maxChunksNumber, maxChunksOfMtu(mtuSize));
  const max = Math.min(maxChunkSize, maxChunkSizeOfMtu(mtuSize));
  const min = Math.ceil((chunkSize === undefined ? 2 ** log : Math.min(2 ** log, size)) / chunks);
  if (chunkSize === undefined) return min <= max ? { minChunkSize: min, maxChunkSize: max } : undefined;
  return min <= chunkSize && chunkSize <= max ? { minChunkSize: chunkSize, maxChunkSize: chunkSize } : undefined;
}

/** Whether a receiver takes a block of 2^log octets in chunks of this size. */
export function takesChunks(terms: Terms, receiver: Capable, log: number, chunkSize: number): boolean {
  const range = receiver.capabilities === undefined ? undefined : chunkRange(terms, receiver, log);
  return range !== undefined && range.minChunkSize <= chunkSize && chunkSize <= range.maxChunkSize;
}

/** The largest set of receivers that have a chunk size in common: one of their smallest ones is in all of them. */
function largestAgreement<R extends Capable>(terms: Terms, receivers: readonly R[], log: number): readonly R[] {
  const ranged = receivers.flatMap((receiver) => {
    const range = chunkRange(terms, receiver, log);
    return range === undefined ? [] : [{ receiver, range }];
  });
  let best: readonly R[] = [];
  for (const size of new Set(ranged.map(({ range }) => range.minChunkSize))) {
    const agreeing = ranged.filter(({ range }) => range.minChunkSize <= size && size <= range.maxChunkSize);
    if (agreeing.length > best.length) best = agreeing.map(({ receiver }) => receiver);
  }
  return best;
}

/** The bounds of a set that agrees, for blocks of 2^log octets. */
export function boundsOf(terms: Terms, receivers: readonly Capable[], log: number): Bounds {
  let minChunkSize = Math.ceil(2 ** log / maxChunksOfMtu(BLOB_MTU));
  let maxChunkSize = maxChunkSizeOfMtu(BLOB_MTU);
  if (terms.chunkSize !== undefined) minChunkSize = maxChunkSize = terms.chunkSize;
  for (const receiver of receivers) {
    const range = chunkRange(terms, receiver, log);
    if (range === undefined) continue;
    minChunkSize = Math.max(minChunkSize, range.minChunkSize);
    maxChunkSize = Math.min(maxChunkSize, range.maxChunkSize);
  }
  return { minChunkSize, maxChunkSize };
}
