/** Model identifiers [MBT 3, 4]. */
export const BLOB_TRANSFER_SERVER = 0x1400;
export const BLOB_TRANSFER_CLIENT = 0x1401;

/** The Status of a BLOB message [MBT 4.2.1]; 0x0B to 0x0F are reserved and count as a failure. */
export const BlobStatus = {
  success: 0x00,
  invalidBlockNumber: 0x01,
  invalidBlockSize: 0x02,
  invalidChunkSize: 0x03,
  wrongPhase: 0x04,
  invalidParameter: 0x05,
  wrongBlobId: 0x06,
  blobTooLarge: 0x07,
  unsupportedTransferMode: 0x08,
  internalError: 0x09,
  informationUnavailable: 0x0a,
} as const;

const STATUS_NAMES = [
  'Success',
  'Invalid Block Number',
  'Invalid Block Size',
  'Invalid Chunk Size',
  'Wrong Phase',
  'Invalid Parameter',
  'Wrong BLOB ID',
  'BLOB Too Large',
  'Unsupported Transfer Mode',
  'Internal Error',
  'Information Unavailable',
];

/** The name of a BLOB status for people: `Wrong Phase`. */
export function blobStatusName(status: number): string {
  return STATUS_NAMES[status] ?? `reserved status 0x${status.toString(16).padStart(2, '0')}`;
}

/** The Transfer Phase of a server [MBT 4.2.2]. */
export const BlobPhase = {
  inactive: 0,
  waitingForTransferStart: 1,
  waitingForNextBlock: 2,
  waitingForNextChunk: 3,
  complete: 4,
  suspended: 5,
} as const;

/** Value of Active Block Number and Chunk Size while no block is active. */
export const NO_BLOCK = 0xffff;

/** Largest access payload, opcode and parameters without TransMIC: 384 − 4 octets. */
export const BLOB_MTU = 380;

/** Blocks whose Blocks Not Received bit field still fits one Transfer Status: 8 × (380 − 2 − 17). */
export const MAX_BLOCKS = 2888;

/** `0x1100000000000011`: how BLOB IDs print. */
export function formatBlobId(blobId: bigint): string {
  return `0x${blobId.toString(16).padStart(16, '0')}`;
}
