import { custom, type Field, list, type MessageType, message, struct, u8, u16, uint } from '@meshferry/access';
import type { Address, Unicast } from '@meshferry/core';
import type { Empty } from './distribution-messages.ts';

/** A node to be updated, as it is added. */
export interface AddedReceiver {
  /** The element with the Firmware Update Server. What is no unicast address is skipped by the server. */
  address: Address;
  imageIndex: number;
}

/** Most entries of Receivers Add that stand in one unsegmented message. */
export const RECEIVERS_PER_PDU = 3;
/** Most entries of Receivers Add: (380 − 2) / 3, cut to what the specification names. */
export const MAX_RECEIVERS_ADDED = 125;
/** Most entries of Receivers List: (380 − 2 − 4) / 5. */
export const MAX_RECEIVERS_LISTED = 74;

export interface FirmwareDistributionReceiversAdd {
  /** Each address once; when it stands there twice, the last entry counts. */
  receivers: AddedReceiver[];
}

/** Adds nodes to the receivers list; a known address gets the new image index. */
export const FirmwareDistributionReceiversAdd: MessageType<FirmwareDistributionReceiversAdd> = message({
  name: 'Firmware Distribution Receivers Add',
  opcode: 0x8311,
  response: 'Firmware Distribution Receivers Status',
  source: 'MshDFU 1.0',
  fields: { receivers: list(struct({ address: u16(), imageIndex: u8() }), { min: 1, max: MAX_RECEIVERS_ADDED }) },
});

/** Clears the receivers list. */
export const FirmwareDistributionReceiversDeleteAll: MessageType<Empty> = message({
  name: 'Firmware Distribution Receivers Delete All',
  opcode: 0x8312,
  response: 'Firmware Distribution Receivers Status',
  source: 'MshDFU 1.0',
  fields: {},
});

export interface FirmwareDistributionReceiversStatus {
  /** A `DistributionStatus`. */
  status: number;
  receiversListCount: number;
}

/** Answers Receivers Add and Receivers Delete All. */
export const FirmwareDistributionReceiversStatus: MessageType<FirmwareDistributionReceiversStatus> = message({
  name: 'Firmware Distribution Receivers Status',
  opcode: 0x8313,
  source: 'MshDFU 1.0',
  fields: { status: u8({ max: 13 }), receiversListCount: u16() },
});

export interface FirmwareDistributionReceiversGet {
  firstIndex: number;
  /** 1 or more. */
  entriesLimit: number;
}

/** Asks for the receivers list from an index on. */
export const FirmwareDistributionReceiversGet: MessageType<FirmwareDistributionReceiversGet> = message({
  name: 'Firmware Distribution Receivers Get',
  opcode: 0x8314,
  response: 'Firmware Distribution Receivers List',
  source: 'MshDFU 1.0',
  fields: { firstIndex: u16(), entriesLimit: u16({ min: 1 }) },
});

/** One receiver and how far it is. */
export interface ListedReceiver {
  address: Unicast;
  /** An `UpdatePhase`, 0 to 10. */
  retrievedUpdatePhase: number;
  /** The last `UpdateStatus` of the target. */
  updateStatus: number;
  /** The last BLOB status of the target, 0 to 15. */
  transferStatus: number;
  /** Percent, 0 to 100; travels in steps of 2, rounded down. */
  transferProgress: number;
  imageIndex: number;
}

export interface FirmwareDistributionReceiversList {
  /** Receivers in all, not only in this message. */
  receiversListCount: number;
  /** As asked. */
  firstIndex: number;
  /** In the order of adding; none when `firstIndex` is past the end. */
  entries: ListedReceiver[];
}

/** A part of the receivers list. */
export const FirmwareDistributionReceiversList: MessageType<FirmwareDistributionReceiversList> = message({
  name: 'Firmware Distribution Receivers List',
  opcode: 0x8315,
  source: 'MshDFU 1.0',
  fields: {
    receiversListCount: u16(),
    firstIndex: u16(),
    entries: list(
      struct({
        address: uint(15, { min: 1 }),
        retrievedUpdatePhase: uint(4, { max: 10 }),
        updateStatus: uint(3),
        transferStatus: uint(4),
        transferProgress: halvedPercent(),
        imageIndex: u8(),
      }),
      { max: MAX_RECEIVERS_LISTED },
    ),
  },
});

/** Percent as half its value in 6 bits; the codes 51 to 63, prohibited, are read as 100 %. */
function halvedPercent(): Field<number> {
  const code = uint(6);
  return custom(
    'percent / 2',
    {
      write: (writer, value, soFar) => code.write(writer, value >> 1, soFar),
      read: (reader, soFar) => Math.min(100, 2 * code.read(reader, soFar)),
    },
    code.layout,
  );
}
