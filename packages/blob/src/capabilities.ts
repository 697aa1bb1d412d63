import { BLOB_MTU } from './constants.ts';
import type { BlobInformationStatus } from './messages.ts';

/** What a BLOB Transfer Server can take; the fields of BLOB Information Status [MBT 4.2.3]. */
export type BlobCapabilities = BlobInformationStatus;

/** A server's capabilities unless it is told others: blocks of 256 to 4096 octets in at most 256 chunks. */
export const DEFAULT_CAPABILITIES: BlobCapabilities = {
  minBlockSizeLog: 8,
  maxBlockSizeLog: 12,
  maxChunksNumber: 256,
  maxChunkSize: BLOB_MTU - 3,
  maxBlobSize: 0xffff_ffff,
  mtuSize: BLOB_MTU,
  push: true,
  pull: true,
};
