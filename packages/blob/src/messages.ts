import {
  choice,
  custom,
  type Field,
  flag,
  type MessageType,
  message,
  optional,
  rest,
  rfu,
  u8,
  u16,
  u32,
  u64,
  uint,
  when,
} from '@meshferry/access';
import { blockCount } from './arithmetic.ts';
import { decodeChunkNumbers, encodeChunkNumbers } from './missing-chunks.ts';

/** Who starts the sending of chunks: the client (push) or the server by its reports (pull). */
export type TransferMode = 'push' | 'pull';

const chunkNumbers = (): Field<number[]> =>
  custom('chunk numbers coded like UTF-8 code points', {
    write: (writer, numbers) => writer.octets(encodeChunkNumbers(numbers)),
    read: (reader) => {
      const at = reader.offset;
      const numbers = decodeChunkNumbers(reader.octets(Math.max(0, reader.remaining)));
      if (numbers.ok) return numbers.value;
      reader.fail(numbers.error.reason, at + numbers.error.offset);
      return [];
    },
  });

/** A message without parameters. */
export type EmptyMessage = Readonly<Record<never, never>>;

/** Asks for the state of the transfer. */
export const BlobTransferGet: MessageType<EmptyMessage> = message({
  name: 'BLOB Transfer Get',
  opcode: 0x8300,
  response: 'BLOB Transfer Status',
  source: 'MshMBT 5.3.1',
  fields: {},
});

/** Fields of BLOB Transfer Start. */
export interface BlobTransferStart {
  readonly transferMode: TransferMode;
  readonly blobId: bigint;
  /** Octets, 1 to 2^32 − 1. */
  readonly blobSize: number;
  /** Blocks have 2^log octets; 6 to 32 are meaningful, a server refuses others. */
  readonly blockSizeLog: number;
  /** Largest access payload of the client, 0x14 or more octets. */
  readonly clientMtuSize: number;
}

/** Starts or resumes the transfer of a BLOB. `clientMtuSize` counts opcode and parameters. */
export const BlobTransferStart: MessageType<BlobTransferStart> = message({
  name: 'BLOB Transfer Start',
  opcode: 0x8301,
  response: 'BLOB Transfer Status',
  source: 'MshMBT 5.3.2',
  fields: {
    reserved: rfu(6),
    transferMode: choice(2, { push: 1, pull: 2 }),
    blobId: u64(),
    blobSize: u32({ min: 1 }),
    blockSizeLog: u8(),
    clientMtuSize: u16({ min: 0x14 }),
  },
});

/** Fields of BLOB Transfer Cancel. */
export interface BlobTransferCancel {
  readonly blobId: bigint;
}

/** Ends a transfer for good. */
export const BlobTransferCancel: MessageType<BlobTransferCancel> = message({
  name: 'BLOB Transfer Cancel',
  opcode: 0x8302,
  response: 'BLOB Transfer Status',
  source: 'MshMBT 5.3.3',
  fields: { blobId: u64() },
});

/** Fields of BLOB Transfer Status. */
export interface BlobTransferStatus {
  /** One of {@link BlobStatus}, or a reserved value up to 0xF. */
  readonly status: number;
  readonly transferMode: TransferMode | 'none';
  /** One of {@link BlobPhase}. */
  readonly phase: number;
  /** Absent when inactive. */
  readonly blobId?: bigint | undefined;
  /** This and what follows: absent when inactive and while waiting for Transfer Start. */
  readonly blobSize?: number | undefined;
  readonly blockSizeLog?: number | undefined;
  /** The smaller one of the client's and the server's. */
  readonly transferMtuSize?: number | undefined;
  /** Bit i (octet i / 8, bit i mod 8) is 1 while block i is missing; bits past the last block mean nothing. */
  readonly blocksNotReceived?: Uint8Array | undefined;
}

/**
 * The state of a transfer. `blobId` is absent when inactive, the rest also while waiting for Transfer Start;
 * `blocksNotReceived`: bit i (octet i / 8, bit i mod 8) is 1 while block i is missing; bits past the last block mean nothing.
 */
export const BlobTransferStatus: MessageType<BlobTransferStatus> = message({
  name: 'BLOB Transfer Status',
  opcode: 0x8303,
  source: 'MshMBT 5.3.4',
  fields: {
    status: uint(4),
    reserved: rfu(2),
    transferMode: choice(2, { none: 0, push: 1, pull: 2 }),
    phase: u8({ max: 5 }),
    blobId: optional(u64()),
    blobSize: optional(u32({ min: 1 })),
    blockSizeLog: optional(u8({ min: 6, max: 32 })),
    transferMtuSize: optional(u16()),
    blocksNotReceived: optional(rest({ min: 1 })),
  },
  check: ({ blobSize, blockSizeLog, blocksNotReceived }) => {
    if (blobSize === undefined) return undefined;
    if (blockSizeLog === undefined || blocksNotReceived === undefined) return { field: 'blockSizeLog', reason: 'cut' };
    const octets = Math.ceil(blockCount(blobSize, blockSizeLog) / 8);
    if (blocksNotReceived.length === octets) return undefined;
    return { field: 'blocksNotReceived', reason: `${blocksNotReceived.length} octets instead of ${octets}` };
  },
});

/** Fields of BLOB Block Start. */
export interface BlobBlockStart {
  readonly blockNumber: number;
  /** Octets; 0 is refused with Invalid Chunk Size. */
  readonly chunkSize: number;
}

/** Makes a block the active one; the chunk size is chosen per block. */
export const BlobBlockStart: MessageType<BlobBlockStart> = message({
  name: 'BLOB Block Start',
  opcode: 0x8304,
  response: 'BLOB Block Status',
  source: 'MshMBT 5.3.5',
  fields: { blockNumber: u16(), chunkSize: u16() },
});

/** Asks which chunks of the active block are missing. */
export const BlobBlockGet: MessageType<EmptyMessage> = message({
  name: 'BLOB Block Get',
  opcode: 0x8305,
  response: 'BLOB Block Status',
  source: 'MshMBT 5.3.6',
  fields: {},
});

/** Fields of BLOB Chunk Transfer. */
export interface BlobChunkTransfer {
  readonly chunkNumber: number;
  /** 1 to 377 octets: the chunk size, or what is left for the last chunk of the block. */
  readonly data: Uint8Array;
}

/** One chunk of the active block; the length of `data` tells nothing about the chunk size at the end of a block. */
export const BlobChunkTransfer: MessageType<BlobChunkTransfer> = message({
  name: 'BLOB Chunk Transfer',
  opcode: 0x66,
  source: 'MshMBT 5.3.7',
  fields: { chunkNumber: u16(), data: rest({ min: 1, max: 377 }) },
});

/** Fields of BLOB Block Status. */
export interface BlobBlockStatus {
  /** One of {@link BlobStatus}, or a reserved value up to 0xF. */
  readonly status: number;
  readonly format: 'all' | 'none' | 'some' | 'encoded';
  /** 0xFFFF while no block is active. */
  readonly blockNumber: number;
  /** 0xFFFF while no block is active; may even be 0: never divide by it. */
  readonly chunkSize: number;
  /** Format `some`: bit i (octet i / 8, bit i mod 8) is 1 while chunk i is missing. */
  readonly missing?: Uint8Array | undefined;
  /** Format `encoded`: the chunks wanted next, ascending. */
  readonly missingChunks?: readonly number[] | undefined;
}

/**
 * Which chunks of the active block are missing: `all`, `none`, `some` (the bit field `missing`, bit i in octet i / 8) or
 * `encoded` (the list `missingChunks`, which in pull mode holds only those wanted next). Block number and chunk size are
 * 0xFFFF while no block is active, the chunk size may even be 0: never divide by it.
 */
export const BlobBlockStatus: MessageType<BlobBlockStatus> = message({
  name: 'BLOB Block Status',
  opcode: 0x67,
  source: 'MshMBT 5.3.8',
  fields: {
    status: uint(4),
    reserved: rfu(2),
    format: choice(2, { all: 0, none: 1, some: 2, encoded: 3 }),
    blockNumber: u16(),
    chunkSize: u16(),
    missing: when(({ format }) => format === 'some', rest({ min: 1 })),
    missingChunks: when(({ format }) => format === 'encoded', chunkNumbers()),
  },
});

/** Fields of BLOB Partial Block Report. */
export interface BlobPartialBlockReport {
  readonly missingChunks: readonly number[];
}

/** Pull mode: the chunks of the active block that the server wants next; none when it has all. */
export const BlobPartialBlockReport: MessageType<BlobPartialBlockReport> = message({
  name: 'BLOB Partial Block Report',
  opcode: 0x68,
  source: 'MshMBT 5.3.9',
  fields: { missingChunks: chunkNumbers() },
});

/** Asks for the capabilities of a server. */
export const BlobInformationGet: MessageType<EmptyMessage> = message({
  name: 'BLOB Information Get',
  opcode: 0x8306,
  response: 'BLOB Information Status',
  source: 'MshMBT 5.3.10',
  fields: {},
});

/** Fields of BLOB Information Status: what a server can take. */
export interface BlobInformationStatus {
  /** 6 to 32. */
  readonly minBlockSizeLog: number;
  /** `minBlockSizeLog` to 32. */
  readonly maxBlockSizeLog: number;
  /** Most chunks of a block, 1 or more. */
  readonly maxChunksNumber: number;
  /** Octets, 8 or more. */
  readonly maxChunkSize: number;
  /** Octets, 1 or more. */
  readonly maxBlobSize: number;
  /** Largest access payload (opcode and parameters), 0x14 or more octets. */
  readonly mtuSize: number;
  readonly push: boolean;
  readonly pull: boolean;
}

/** The capabilities of a server. Sizes in octets, `mtuSize` counts opcode and parameters. */
export const BlobInformationStatus: MessageType<BlobInformationStatus> = message({
  name: 'BLOB Information Status',
  opcode: 0x8307,
  source: 'MshMBT 5.3.11',
  fields: {
    minBlockSizeLog: u8({ min: 6, max: 32 }),
    maxBlockSizeLog: u8({ min: 6, max: 32 }),
    maxChunksNumber: u16({ min: 1 }),
    maxChunkSize: u16({ min: 8 }),
    maxBlobSize: u32({ min: 1 }),
    mtuSize: u16({ min: 0x14 }),
    push: flag(),
    pull: flag(),
    reserved: rfu(6),
  },
  check: ({ minBlockSizeLog, maxBlockSizeLog }) =>
    maxBlockSizeLog >= minBlockSizeLog ? undefined : { field: 'maxBlockSizeLog', reason: 'below minBlockSizeLog' },
});
