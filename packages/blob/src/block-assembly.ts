import { type BlockShape, sizeOfChunk } from './arithmetic.ts';
import { allBits, clearBit, hasBit, setBit } from './bits.ts';

/** The chunks of one block on their way to being whole. */
export class BlockAssembly {
  readonly shape: BlockShape;
  /** Bit i is 1 while chunk i is missing. */
  readonly missing: Uint8Array;
  #missingCount: number;
  readonly #octets: Uint8Array;

  /**
   * `buffer` is used from its start and must hold the block; one serves all blocks of a transfer. `isMissing`: false for
   * a block that was received before.
   */
  constructor(shape: BlockShape, buffer: Uint8Array, isMissing: boolean) {
    this.shape = shape;
    this.missing = isMissing ? allBits(shape.chunkCount) : new Uint8Array(Math.ceil(shape.chunkCount / 8));
    this.#missingCount = isMissing ? shape.chunkCount : 0;
    this.#octets = buffer.subarray(0, shape.size);
  }

  get missingCount(): number {
    return this.#missingCount;
  }

  /** The block; whole when nothing is missing. */
  get octets(): Uint8Array {
    return this.#octets;
  }

  /** Whether a chunk of this number exists and has this length. */
  fits(chunk: number, length: number): boolean {
    return chunk < this.shape.chunkCount && length === sizeOfChunk(this.shape, chunk);
  }

  /** Takes a chunk that {@link fits}; false when it is held already. */
  add(chunk: number, data: Uint8Array): boolean {
    if (!hasBit(this.missing, chunk)) return false;
    this.#octets.set(data, chunk * this.shape.chunkSize);
    clearBit(this.missing, chunk);
    this.#missingCount--;
    return true;
  }

  /** Counts a held chunk as missing again: the block that it made whole could not be stored. */
  forget(chunk: number): void {
    setBit(this.missing, chunk);
    this.#missingCount++;
  }
}
