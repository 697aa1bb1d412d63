import type { BlockShape } from './arithmetic.ts';
import { hasBit } from './bits.ts';
import type { Receiver } from './receiver.ts';

/** Checks that did not bring it nearer, after which a receiver that misses the last chunk alone is taken to refuse it. */
const REFUSALS = 3;

/** Whether the chunks of a block fill it: then the last one is as long as the others. */
export function isFilled({ size, chunkSize }: BlockShape): boolean {
  return size % chunkSize === 0;
}

/**
 * Some stacks drop the last chunk of a block that its chunks fill [blob.md, lessons]. Such a receiver needs the block in
 * chunks of another size, for which it must first have fallen asleep: in the middle of a block it takes no other Block Start.
 */
export function refusesLastChunk({ fruitless, missing, missingCount }: Receiver, shape: BlockShape): boolean {
  return fruitless >= REFUSALS && missingCount === 1 && hasBit(missing, shape.chunkCount - 1) && isFilled(shape);
}
