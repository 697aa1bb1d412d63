/** Octets of data that fit, with the CBOR head of their byte string, into `room` octets. */
export function dataThatFits(room: number): number {
  if (room < 1) return 0;
  if (room <= 24) return room - 1;
  if (room <= 257) return room - 2 < 24 ? 23 : room - 2;
  return Math.max(255, room - 3);
}

/** What bounds the data of a chunk. */
export interface ChunkLimits {
  /** Octets of the longest packet. */
  readonly packet: number;
  /** Chunks but the last are multiples of this. */
  readonly alignment?: number | undefined;
  /** Octets of data at most. */
  readonly chunkOctets?: number | undefined;
}

/**
 * Octets of data in a chunk [spec: smp section 5]: as many as the packet holds, a multiple of the alignment unless it is the
 * last. `bare`: octets of the packet with no data in it, `left`: octets still to be sent.
 */
export function chunkLength(bare: number, left: number, { packet, alignment = 1, chunkOctets }: ChunkLimits): number {
  // The head of an empty byte string is one octet of the bare packet.
  const most = Math.min(dataThatFits(packet - bare + 1), chunkOctets ?? Number.POSITIVE_INFINITY);
  if (most >= left) return left;
  return most - (most % alignment);
}
