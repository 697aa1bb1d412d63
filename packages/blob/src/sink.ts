/** Where a server puts the blocks of a BLOB. Offsets and sizes in octets. To throw is to answer false. */
export interface BlobSink {
  /** Makes room at an accepted Transfer Start; false refuses the transfer with Internal Error. Flash may be erased here. */
  begin(blobId: bigint, size: number): boolean;
  /**
   * Takes a whole block; durable when it returns true, because the block is not asked for again after that. False: it
   * could not be written, its last chunk is asked for again. `data` is valid during the call only. After a power cut
   * the same block may be written a second time.
   */
  block(offset: number, data: Uint8Array): boolean;
  /** After power-on: whether the blocks stored before are still there. Absent: they are. */
  recover?(blobId: bigint, size: number): boolean;
}

/** Where a client takes a BLOB from. */
export interface BlobSource {
  /** Octets, 1 to 2^32 − 1. */
  readonly size: number;
  /** `length` octets from `offset`, always inside the size. The same octets each time. */
  read(offset: number, length: number): Uint8Array;
}

/** A source over octets in memory. */
export function sourceOf(bytes: Uint8Array): BlobSource {
  return { size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) };
}
