import { BLOB_MTU, NO_BLOCK } from './constants.ts';

/** Chunk size that fills `segments` (1 to 32) segments of a chunk message exactly: 12 n − 7; one means unsegmented, 8. */
export function chunkSizeOfSegments(segments: number): number {
  return segments <= 1 ? 8 : 12 * segments - 7;
}

/** Network PDUs that a chunk of `size` octets takes: 1 up to 8 octets (unsegmented), else ⌈(size + 7) / 12⌉. */
export function segmentsOfChunk(size: number): number {
  return size <= 8 ? 1 : Math.ceil((size + 7) / 12);
}

/** Blocks of a BLOB: `blobSize` 1 to 2^32 − 1 octets, `blockSizeLog` 6 to 32. */
export function blockCount(blobSize: number, blockSizeLog: number): number {
  return Math.ceil(blobSize / 2 ** blockSizeLog);
}

/** Largest chunk for an MTU (opcode and parameters): three octets go to opcode and chunk number. */
export function maxChunkSizeOfMtu(mtu: number): number {
  return Math.min(mtu, BLOB_MTU) - 3;
}

/** Most chunks of a block whose bit field fits a Block Status of this MTU: 8 × (mtu − 6). */
export function maxChunksOfMtu(mtu: number): number {
  return 8 * (Math.min(mtu, BLOB_MTU) - 6);
}

/** What bounds the chunk size of a block. */
export interface ChunkLimits {
  readonly mtu: number;
  readonly maxChunkSize: number;
  readonly maxChunksNumber: number;
}

/**
 * Whether a block may be started with this chunk size. The full block size counts, even for a shorter last block: that is
 * what servers in the field check.
 */
export function isChunkSizeLegal(chunkSize: number, blockSizeLog: number, limits: ChunkLimits): boolean {
  const max = Math.min(maxChunkSizeOfMtu(limits.mtu), limits.maxChunkSize);
  if (chunkSize < 1 || chunkSize > max) return false;
  return Math.ceil(2 ** blockSizeLog / chunkSize) <= Math.min(maxChunksOfMtu(limits.mtu), limits.maxChunksNumber);
}

/** One block of a BLOB cut into chunks [MBT 5.2.1]. All sizes and offsets in octets. */
export interface BlockShape {
  readonly number: number;
  /** Where it starts in the BLOB. */
  readonly offset: number;
  readonly size: number;
  readonly chunkSize: number;
  readonly chunkCount: number;
}

/** No block: what the state of a server holds before the first Block Start. */
export const NO_SHAPE: BlockShape = { number: NO_BLOCK, offset: 0, size: 0, chunkSize: NO_BLOCK, chunkCount: 0 };

/** The shape of block `number`, below {@link blockCount}; `chunkSize` 1 or more. */
export function blockShape(blobSize: number, blockSizeLog: number, number: number, chunkSize: number): BlockShape {
  const full = 2 ** blockSizeLog;
  const offset = number * full;
  const size = Math.min(full, blobSize - offset);
  return { number, offset, size, chunkSize, chunkCount: Math.ceil(size / chunkSize) };
}

/** Octets of one chunk: the chunk size, or what is left for the last one; `chunk` below the chunk count. */
export function sizeOfChunk(block: BlockShape, chunk: number): number {
  return chunk < block.chunkCount - 1 ? block.chunkSize : block.size - chunk * block.chunkSize;
}

/** Network PDUs that all chunks of a block take when each is sent once. */
export function segmentsOfBlock(block: BlockShape): number {
  if (block.chunkCount === 0) return 0;
  return (
    (block.chunkCount - 1) * segmentsOfChunk(block.chunkSize) +
    segmentsOfChunk(sizeOfChunk(block, block.chunkCount - 1))
  );
}
