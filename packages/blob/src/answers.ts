import { type BlockShape, blockCount, blockShape, maxChunkSizeOfMtu, maxChunksOfMtu } from './arithmetic.ts';
import { allBits, clearBit, countBits, fitBits, setBit } from './bits.ts';
import { BLOB_MTU, BlobPhase, BlobStatus, NO_BLOCK } from './constants.ts';
import type { BlobBlockStatus, BlobTransferStatus, TransferMode } from './messages.ts';
import type { Receiver } from './receiver.ts';

/**
 * What an answer means for the receiver it came from, by what that was asked for. `answered`: its turn is over, it may
 * be lost now; `ask-again`: it must be asked for something else first; `ignored`: late, or of no interest.
 */
export type Verdict = 'answered' | 'ask-again' | 'ignored';

/** The transfer as the client means it; block size (2^`log` octets) and mode once they are settled. */
export interface ExpectedTransfer {
  readonly blobId: bigint;
  readonly size: number;
  readonly log: number | undefined;
  readonly mode: TransferMode | undefined;
}

/** Takes a Transfer Status. */
export function takeTransferStatus(
  receiver: Receiver,
  status: BlobTransferStatus,
  expected: ExpectedTransfer,
): Verdict {
  switch (receiver.stage) {
    case 'query':
      if (status.blobId === expected.blobId && status.blobSize === expected.size) {
        receiver.knownLog = status.blockSizeLog;
        if (status.transferMode !== 'none') receiver.knownMode = status.transferMode;
      }
      return 'answered';
    case 'start':
      return takeStarted(receiver, status, expected);
    case 'confirm':
      return takeConfirmation(receiver, status, expected.blobId);
    case 'cancel':
      if (status.phase !== BlobPhase.inactive && status.status !== BlobStatus.wrongBlobId) return 'ignored';
      receiver.stage = 'cancelled';
      return 'answered';
    case 'locate':
    case 'block':
    case 'check':
      // One stack answers Block Get like this when it knows of no transfer.
      if (status.status !== BlobStatus.wrongPhase || status.phase !== BlobPhase.inactive) return 'ignored';
      receiver.lose(status.status);
      return 'answered';
    default:
      return 'ignored';
  }
}

function takeStarted(receiver: Receiver, status: BlobTransferStatus, expected: ExpectedTransfer): Verdict {
  const { phase, blobSize, blockSizeLog, transferMode, blocksNotReceived } = status;
  if (status.status !== BlobStatus.success) {
    receiver.lose(status.status);
    return 'answered';
  }
  if (blobSize === undefined || blockSizeLog === undefined || blocksNotReceived === undefined) return 'ignored';
  if (status.blobId !== expected.blobId) {
    receiver.lose(BlobStatus.wrongBlobId);
    return 'answered';
  }
  if (phase === BlobPhase.suspended) return 'ignored';
  const { size, log, mode } = expected;
  if (blobSize !== size || blockSizeLog !== log || transferMode !== mode) {
    receiver.loseByInconsistency(
      `that it receives ${blobSize} octets in blocks of 2^${blockSizeLog}, mode ${transferMode}, not ${size}, 2^${log}, ${mode}`,
    );
    return 'answered';
  }
  receiver.blocks = blockCount(blobSize, blockSizeLog);
  receiver.blocksMissing = fitBits(blocksNotReceived, receiver.blocks);
  return free(receiver, phase);
}

function takeConfirmation(receiver: Receiver, status: BlobTransferStatus, blobId: bigint): Verdict {
  const { phase, blocksNotReceived } = status;
  const refused = phase === BlobPhase.inactive ? BlobStatus.wrongPhase : status.status;
  const foreign = status.blobId !== blobId ? BlobStatus.wrongBlobId : BlobStatus.success;
  if (refused !== BlobStatus.success || foreign !== BlobStatus.success) {
    receiver.lose(refused || foreign);
    return 'answered';
  }
  if (phase === BlobPhase.complete) {
    receiver.blocksMissing = new Uint8Array(Math.ceil(receiver.blocks / 8));
    receiver.stage = 'complete';
    return 'answered';
  }
  const missing = fitBits(blocksNotReceived ?? new Uint8Array(0), receiver.blocks);
  if (countBits(missing) === 0) return 'ignored';
  receiver.blocksMissing = missing;
  return free(receiver, phase);
}

/** Between two blocks, unless it is in the middle of one. */
function free(receiver: Receiver, phase: number): Verdict {
  receiver.stuckIn = undefined;
  receiver.stage = phase === BlobPhase.waitingForNextChunk ? 'locate' : 'held';
  return receiver.stage === 'locate' ? 'ask-again' : 'answered';
}

/** Takes a Block Status; `block` is the one being sent, undefined before the first. */
export function takeBlockStatus(
  receiver: Receiver,
  status: BlobBlockStatus,
  block: BlockShape | undefined,
  expected: ExpectedTransfer,
): Verdict {
  if (receiver.stage === 'locate') return takePlace(receiver, status, block, expected);
  if ((receiver.stage !== 'block' && receiver.stage !== 'check') || block === undefined) return 'ignored';
  switch (status.status) {
    case BlobStatus.success:
      // After a power cut it knows of no block: it has all of them, or somebody else has woken it.
      if (receiver.stage === 'check' && status.blockNumber === NO_BLOCK) return wake(receiver);
      return takeMissing(receiver, status, block);
    case BlobStatus.informationUnavailable:
      return wake(receiver);
    case BlobStatus.wrongPhase:
      if (!receiver.located) {
        receiver.stage = 'locate';
        return 'ask-again';
      }
      break;
  }
  receiver.lose(status.status);
  return 'answered';
}

/** It has fallen asleep and forgotten its chunks: Transfer Start wakes it, and tells which blocks it has. */
function wake(receiver: Receiver): Verdict {
  receiver.stage = 'start';
  receiver.clearMissing();
  return 'ask-again';
}

/** Which block it is in the middle of, if any. */
function takePlace(
  receiver: Receiver,
  status: BlobBlockStatus,
  block: BlockShape | undefined,
  expected: ExpectedTransfer,
): Verdict {
  const { format, blockNumber: number, chunkSize } = status;
  // Another answer to Block Start, of which the group had several copies: Block Get is never in the wrong phase in a block.
  if (status.status === BlobStatus.wrongPhase && number !== NO_BLOCK) return 'ignored';
  if (status.status !== BlobStatus.success && status.status !== BlobStatus.informationUnavailable) {
    receiver.lose(status.status);
    return 'answered';
  }
  receiver.located = true;
  const isWhole = format === 'none' || (format === 'encoded' && status.missingChunks?.length === 0);
  const inBlock = status.status === BlobStatus.success && number !== NO_BLOCK && !isWhole;
  if (inBlock && !canBe(number, chunkSize, expected)) {
    receiver.loseByInconsistency(`that it is in block ${number}, with chunks of ${chunkSize} octets`);
    return 'answered';
  }
  receiver.stuckIn = inBlock ? { number, chunkSize } : undefined;
  // A late report about the block before, which names none, may have been taken for one that this block is whole.
  if (inBlock && receiver.blocksMissing !== undefined) setBit(receiver.blocksMissing, number);
  const elsewhere = inBlock && (number !== block?.number || chunkSize !== block.chunkSize);
  receiver.stage = block === undefined || elsewhere ? 'held' : 'block';
  if (elsewhere) receiver.clearMissing();
  return receiver.stage === 'block' ? 'ask-again' : 'answered';
}

/** Whether the transfer has this block, and messages can bring it in chunks of this size and tell which are missing. */
function canBe(number: number, chunkSize: number, { size, log }: ExpectedTransfer): boolean {
  if (log === undefined || number >= blockCount(size, log)) return false;
  if (chunkSize < 1 || chunkSize > maxChunkSizeOfMtu(BLOB_MTU)) return false;
  return blockShape(size, log, number, chunkSize).chunkCount <= maxChunksOfMtu(BLOB_MTU);
}

function takeMissing(receiver: Receiver, status: BlobBlockStatus, block: BlockShape): Verdict {
  if (status.blockNumber !== block.number) return 'ignored';
  const missing = status.format === 'none' ? NOTHING : missingOf(status, block);
  if (missing === undefined) return 'ignored';
  if (countBits(missing) === 0) return takeWhole(receiver, block);
  if (status.chunkSize !== block.chunkSize) return 'ignored';
  receiver.stage = 'check';
  receiver.stuckIn = { number: block.number, chunkSize: block.chunkSize };
  if (status.format === 'encoded') receiver.setWanted(missing, block.chunkCount);
  else receiver.setMissing(missing, block.chunkCount);
  return 'answered';
}

/**
 * Takes a Partial Block Report: it replaces what the receiver wanted before. It names no block, so it counts only after
 * the receiver's Block Status for this one.
 */
export function takeReport(receiver: Receiver, chunks: readonly number[], block: BlockShape): Verdict {
  if (receiver.stage !== 'check') return 'ignored';
  const wanted = bitsOf(chunks, block);
  if (wanted === undefined) return 'ignored';
  if (chunks.length === 0) return takeWhole(receiver, block);
  receiver.setWanted(wanted, block.chunkCount);
  return 'answered';
}

function takeWhole(receiver: Receiver, block: BlockShape): Verdict {
  if (receiver.blocksMissing !== undefined) clearBit(receiver.blocksMissing, block.number);
  receiver.stage = 'held';
  receiver.stuckIn = undefined;
  receiver.clearMissing();
  return 'answered';
}

/** The missing chunks as a bit field of the block's own chunk count; undefined for a number beyond it. */
function missingOf(status: BlobBlockStatus, block: BlockShape): Uint8Array | undefined {
  if (status.format === 'all') return allBits(block.chunkCount);
  if (status.format === 'some') return fitBits(status.missing ?? NOTHING, block.chunkCount);
  return bitsOf(status.missingChunks ?? [], block);
}

function bitsOf(chunks: readonly number[], { chunkCount }: BlockShape): Uint8Array | undefined {
  const bits = new Uint8Array(Math.ceil(chunkCount / 8));
  for (const number of chunks) {
    if (number >= chunkCount) return undefined;
    setBit(bits, number);
  }
  return bits;
}

const NOTHING = new Uint8Array(0);
