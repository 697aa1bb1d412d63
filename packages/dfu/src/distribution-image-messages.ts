import {
  choice,
  custom,
  type Field,
  type MessageType,
  message,
  optional,
  rest,
  type SoFar,
  sizedOctets,
  sizedText,
  ttl,
  u8,
  u16,
  u32,
  u64,
  uint,
  when,
} from '@meshferry/access';
import { UploadPhase } from './distribution-codes.ts';
import type { Empty } from './distribution-messages.ts';

/** A Firmware ID to the end of the message. */
const firmwareId = (): Field<Uint8Array> => rest({ min: 2, max: 108 });

/** Asks for the phase of the upload. */
export const FirmwareDistributionUploadGet: MessageType<Empty> = message({
  name: 'Firmware Distribution Upload Get',
  opcode: 0x831e,
  response: 'Firmware Distribution Upload Status',
  source: 'MshDFU 1.0',
  fields: {},
});

export interface FirmwareDistributionUploadStart {
  /** TTL of the answers of the Distributor's BLOB Transfer Server: 0x00 to 0x7F, 0xFF for the Default TTL. */
  uploadTtl: number;
  /** The Distributor gives up after 10·(base + 1) s of silence. */
  uploadTimeoutBase: number;
  uploadBlobId: bigint;
  /** Octets. */
  uploadFirmwareSize: number;
  /** 0 to 255 octets. */
  metadata: Uint8Array;
  /** Of the image: 2 to 108 octets. */
  firmwareId: Uint8Array;
}

/** Announces an image that a BLOB transfer to the same element then brings. */
export const FirmwareDistributionUploadStart: MessageType<FirmwareDistributionUploadStart> = message({
  name: 'Firmware Distribution Upload Start',
  opcode: 0x831f,
  response: 'Firmware Distribution Upload Status',
  source: 'MshDFU 1.0',
  fields: {
    uploadTtl: ttl(),
    uploadTimeoutBase: u16(),
    uploadBlobId: u64(),
    uploadFirmwareSize: u32(),
    metadata: sizedOctets(),
    firmwareId: firmwareId(),
  },
});

export interface FirmwareDistributionUploadOobStart {
  /** Without "/check"; 0 to 255 octets of UTF-8. */
  uploadUri: string;
  /** What the targets run now: 2 to 108 octets. */
  currentFirmwareId: Uint8Array;
}

/** Lets the Distributor fetch an image by itself. */
export const FirmwareDistributionUploadOobStart: MessageType<FirmwareDistributionUploadOobStart> = message({
  name: 'Firmware Distribution Upload OOB Start',
  opcode: 0x8320,
  response: 'Firmware Distribution Upload Status',
  source: 'MshDFU 1.0',
  fields: { uploadUri: sizedText(), currentFirmwareId: firmwareId() },
});

/** Ends an upload and forgets what has come of it. */
export const FirmwareDistributionUploadCancel: MessageType<Empty> = message({
  name: 'Firmware Distribution Upload Cancel',
  opcode: 0x8321,
  response: 'Firmware Distribution Upload Status',
  source: 'MshDFU 1.0',
  fields: {},
});

/** All but `status` and `phase` are there exactly when the phase is not Idle. */
export interface FirmwareDistributionUploadStatus {
  /** A `DistributionStatus`. */
  status: number;
  /** An `UploadPhase`. */
  phase: number;
  /** Percent, 0 to 100. */
  uploadProgress: number | undefined;
  uploadType: 'inBand' | 'oob' | undefined;
  /** In band: that of the image. Out of band: the current one of the request. */
  firmwareId: Uint8Array | undefined;
}

/** Answers the Upload messages: 2 octets in Idle, 5 to 111 otherwise. Never sent unasked. */
export const FirmwareDistributionUploadStatus: MessageType<FirmwareDistributionUploadStatus> = message({
  name: 'Firmware Distribution Upload Status',
  opcode: 0x8322,
  source: 'MshDFU 1.0',
  fields: {
    status: u8({ max: 13 }),
    phase: u8({ max: 3 }),
    uploadProgress: when(active, percent()),
    uploadType: when(active, choice(1, { inBand: 0, oob: 1 })),
    firmwareId: when(active, firmwareId()),
  },
});

export interface FirmwareDistributionFirmwareGet {
  /** 2 to 108 octets. */
  firmwareId: Uint8Array;
}

/** Asks where in the images list an image stands. */
export const FirmwareDistributionFirmwareGet: MessageType<FirmwareDistributionFirmwareGet> = message({
  name: 'Firmware Distribution Firmware Get',
  opcode: 0x8323,
  response: 'Firmware Distribution Firmware Status',
  source: 'MshDFU 1.0',
  fields: { firmwareId: firmwareId() },
});

export interface FirmwareDistributionFirmwareGetByIndex {
  imageIndex: number;
}

/** Asks which image stands at an index of the list. */
export const FirmwareDistributionFirmwareGetByIndex: MessageType<FirmwareDistributionFirmwareGetByIndex> = message({
  name: 'Firmware Distribution Firmware Get By Index',
  opcode: 0x8324,
  response: 'Firmware Distribution Firmware Status',
  source: 'MshDFU 1.0',
  fields: { imageIndex: u16() },
});

export interface FirmwareDistributionFirmwareDelete {
  /** 2 to 108 octets. */
  firmwareId: Uint8Array;
}

/** Deletes an image; those after it may move down. */
export const FirmwareDistributionFirmwareDelete: MessageType<FirmwareDistributionFirmwareDelete> = message({
  name: 'Firmware Distribution Firmware Delete',
  opcode: 0x8325,
  response: 'Firmware Distribution Firmware Status',
  source: 'MshDFU 1.0',
  fields: { firmwareId: firmwareId() },
});

/** Deletes all images. */
export const FirmwareDistributionFirmwareDeleteAll: MessageType<Empty> = message({
  name: 'Firmware Distribution Firmware Delete All',
  opcode: 0x8326,
  response: 'Firmware Distribution Firmware Status',
  source: 'MshDFU 1.0',
  fields: {},
});

export interface FirmwareDistributionFirmwareStatus {
  /** A `DistributionStatus`. */
  status: number;
  /** Images in the list after the operation. */
  entryCount: number;
  /** 0xFFFF on air when there is none. */
  imageIndex: number | undefined;
  firmwareId: Uint8Array | undefined;
}

/** Answers the Firmware messages. */
export const FirmwareDistributionFirmwareStatus: MessageType<FirmwareDistributionFirmwareStatus> = message({
  name: 'Firmware Distribution Firmware Status',
  opcode: 0x8327,
  source: 'MshDFU 1.0',
  fields: { status: u8({ max: 13 }), entryCount: u16(), imageIndex: indexOrNone(), firmwareId: optional(firmwareId()) },
});

/** Whether the fields of an upload stand in a Status with this phase. */
function active({ phase }: SoFar): boolean {
  return phase !== UploadPhase.idle;
}

/** 7 bits; the codes above 100, prohibited, are read as 100. */
function percent(): Field<number> {
  const code = uint(7);
  return custom(
    'percent',
    {
      write: code.write,
      read: (reader, soFar) => Math.min(100, code.read(reader, soFar)),
    },
    code.layout,
  );
}

/** 16 bits; 0xFFFF stands for none. */
function indexOrNone(): Field<number | undefined> {
  const index = u16();
  return custom(
    'an index, 0xFFFF for none',
    {
      write: (writer, value, soFar) => index.write(writer, value ?? 0xffff, soFar),
      read: (reader, soFar) => {
        const value = index.read(reader, soFar);
        return value === 0xffff ? undefined : value;
      },
    },
    index.layout,
  );
}
