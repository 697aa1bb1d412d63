import type { MessageType } from '@meshferry/access';
import {
  BlobBlockGet,
  BlobBlockStart,
  BlobBlockStatus,
  BlobChunkTransfer,
  BlobInformationGet,
  BlobInformationStatus,
  BlobPartialBlockReport,
  BlobTransferCancel,
  BlobTransferGet,
  BlobTransferStart,
  BlobTransferStatus,
} from './messages.ts';

/** All messages of the BLOB Transfer models, for a catalogue: in the order of their opcodes. */
export const BLOB_TRANSFER_MESSAGES: readonly MessageType<unknown>[] = [
  BlobChunkTransfer,
  BlobBlockStatus,
  BlobPartialBlockReport,
  BlobTransferGet,
  BlobTransferStart,
  BlobTransferCancel,
  BlobTransferStatus,
  BlobBlockStart,
  BlobBlockGet,
  BlobInformationGet,
  BlobInformationStatus,
] as readonly MessageType<unknown>[];
