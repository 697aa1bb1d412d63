import { type BlockShape, sizeOfChunk } from './arithmetic.ts';

/**
 * Whether a server in the middle of block `stuck` would take a chunk of block `sent` for one of its own: chunks carry no
 * block number, so number and length must tell them apart.
 */
export function areConfusable(stuck: BlockShape, sent: BlockShape): boolean {
  if (stuck.number === sent.number && stuck.chunkSize === sent.chunkSize) return false;
  const common = Math.min(stuck.chunkCount, sent.chunkCount);
  if (common === 0) return false;
  const [inside, last] = [0, common - 1];
  return (
    sizeOfChunk(stuck, inside) === sizeOfChunk(sent, inside) || sizeOfChunk(stuck, last) === sizeOfChunk(sent, last)
  );
}
