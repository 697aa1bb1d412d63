import {
  list,
  type MessageType,
  message,
  padded,
  rest,
  rfu,
  sizedOctets,
  sizedText,
  struct,
  ttl,
  u8,
  u16,
  u64,
  uint,
  when,
} from '@meshferry/access';
import { UpdatePhase } from './update-codes.ts';

/** One image of a node [MshDFU 4.1.1.1]. */
export interface FirmwareInformation {
  /** Company Identifier, little-endian, then the vendor's version: 2 to 108 octets. */
  firmwareId: Uint8Array;
  /** Where newer firmware is found, without "/check"; empty when the node knows no such place. */
  updateUri: string;
}

export interface FirmwareUpdateInformationGet {
  firstIndex: number;
  /** At most so many entries in the answer. 0 asks for the count alone. */
  entriesLimit: number;
}

/** Asks for the Firmware Information List from an index on. */
export const FirmwareUpdateInformationGet: MessageType<FirmwareUpdateInformationGet> = message({
  name: 'Firmware Update Information Get',
  opcode: 0x8308,
  response: 'Firmware Update Information Status',
  source: 'MshDFU 3.1.3.1',
  fields: { firstIndex: u8(), entriesLimit: u8() },
});

export interface FirmwareUpdateInformationStatus {
  /** Images of the node in all, not only in this message. */
  listCount: number;
  /** As asked. */
  firstIndex: number;
  /** Whole entries in order, as many as fit; none when `firstIndex` is past the list. */
  entries: FirmwareInformation[];
}

/** A part of the Firmware Information List. */
export const FirmwareUpdateInformationStatus: MessageType<FirmwareUpdateInformationStatus> = message({
  name: 'Firmware Update Information Status',
  opcode: 0x8309,
  source: 'MshDFU 3.1.3.2',
  fields: {
    listCount: u8(),
    firstIndex: u8(),
    entries: list(struct({ firmwareId: sizedOctets({ min: 2, max: 108 }), updateUri: sizedText(255) })),
  },
});

export interface FirmwareUpdateFirmwareMetadataCheck {
  imageIndex: number;
  /** 0 to 255 octets, the vendor's. */
  metadata: Uint8Array;
}

/** Asks whether the node would take such an image; changes nothing. */
export const FirmwareUpdateFirmwareMetadataCheck: MessageType<FirmwareUpdateFirmwareMetadataCheck> = message({
  name: 'Firmware Update Firmware Metadata Check',
  opcode: 0x830a,
  response: 'Firmware Update Firmware Metadata Status',
  source: 'MshDFU 3.1.3.3',
  fields: { imageIndex: u8(), metadata: rest({ max: 255 }) },
});

export interface FirmwareUpdateFirmwareMetadataStatus {
  /** An `UpdateStatus`. */
  status: number;
  /** An `UpdateEffect`, or a value reserved for future use (4 to 31). */
  additionalInformation: number;
  imageIndex: number;
}

export const FirmwareUpdateFirmwareMetadataStatus: MessageType<FirmwareUpdateFirmwareMetadataStatus> = message({
  name: 'Firmware Update Firmware Metadata Status',
  opcode: 0x830b,
  source: 'MshDFU 3.1.3.4',
  fields: { status: uint(3), additionalInformation: uint(5), imageIndex: u8() },
});

/** Asks for the phase of the update. */
export const FirmwareUpdateGet: MessageType<Record<never, never>> = message({
  name: 'Firmware Update Get',
  opcode: 0x830c,
  response: 'Firmware Update Status',
  source: 'MshDFU 3.1.3.5',
  fields: {},
});

export interface FirmwareUpdateStart {
  /** TTL of the target's answers: 0x00 to 0x7F, 0xFF for the Default TTL. */
  updateTtl: number;
  /** The target gives up after 10·(base + 1) s without progress. */
  updateTimeoutBase: number;
  updateBlobId: bigint;
  imageIndex: number;
  /** 0 to 255 octets; may be empty when an update is resumed. */
  metadata: Uint8Array;
}

/** Opens an update, or resumes the one with the same parameters. */
export const FirmwareUpdateStart: MessageType<FirmwareUpdateStart> = message({
  name: 'Firmware Update Start',
  opcode: 0x830d,
  response: 'Firmware Update Status',
  source: 'MshDFU 3.1.3.6',
  fields: {
    updateTtl: ttl(),
    updateTimeoutBase: u16(),
    updateBlobId: u64(),
    imageIndex: u8(),
    metadata: rest({ max: 255 }),
  },
});

/** Ends the update in whatever phase it is. */
export const FirmwareUpdateCancel: MessageType<Record<never, never>> = message({
  name: 'Firmware Update Cancel',
  opcode: 0x830e,
  response: 'Firmware Update Status',
  source: 'MshDFU 3.1.3.7',
  fields: {},
});

/** Tells the target to run the verified image. */
export const FirmwareUpdateApply: MessageType<Record<never, never>> = message({
  name: 'Firmware Update Apply',
  opcode: 0x830f,
  response: 'Firmware Update Status',
  source: 'MshDFU 3.1.3.8',
  fields: {},
});

/** All but `status` and `phase` are there exactly when the phase is not Idle. */
export interface FirmwareUpdateStatus {
  /** An `UpdateStatus`. */
  status: number;
  /** An `UpdatePhase`. */
  phase: number;
  updateTtl: number | undefined;
  /** An `UpdateEffect`, or a value reserved for future use (4 to 31). */
  additionalInformation: number | undefined;
  updateTimeoutBase: number | undefined;
  updateBlobId: bigint | undefined;
  imageIndex: number | undefined;
}

/** Whether the fields of an update stand in a Status with this phase. */
const active = ({ phase }: Readonly<Record<string, unknown>>): boolean => phase !== UpdatePhase.idle;

/** Answers Get, Start, Cancel and Apply: 1 octet in Idle, 14 otherwise. */
export const FirmwareUpdateStatus: MessageType<FirmwareUpdateStatus> = message({
  name: 'Firmware Update Status',
  opcode: 0x8310,
  source: 'MshDFU 3.1.3.9',
  fields: {
    status: uint(3),
    rfu: rfu(2),
    phase: uint(3, { max: 6 }),
    updateTtl: when(active, ttl()),
    additionalInformation: when(active, padded(uint(5), 3)),
    updateTimeoutBase: when(active, u16()),
    updateBlobId: when(active, u64()),
    imageIndex: when(active, u8()),
  },
});

/** All messages of the Firmware Update models. */
export const FIRMWARE_UPDATE_MESSAGES: readonly MessageType<unknown>[] = [
  FirmwareUpdateInformationGet,
  FirmwareUpdateInformationStatus,
  FirmwareUpdateFirmwareMetadataCheck,
  FirmwareUpdateFirmwareMetadataStatus,
  FirmwareUpdateGet,
  FirmwareUpdateStart,
  FirmwareUpdateCancel,
  FirmwareUpdateApply,
  FirmwareUpdateStatus,
] as readonly MessageType<unknown>[];
