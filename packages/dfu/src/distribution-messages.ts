import {
  choice,
  custom,
  type Field,
  list,
  type MessageType,
  message,
  octets,
  padded,
  rest,
  rfu,
  type SoFar,
  ttl,
  u8,
  u16,
  u32,
  uint,
  uintWhere,
  when,
} from '@meshferry/access';
import { type Address, type AppIndex, addressKind } from '@meshferry/core';
import { DistributionPhase } from './distribution-codes.ts';

/** A message without parameters. */
export type Empty = Record<never, never>;

/** Asks what the Distributor can hold. */
export const FirmwareDistributionCapabilitiesGet: MessageType<Empty> = message({
  name: 'Firmware Distribution Capabilities Get',
  opcode: 0x8316,
  response: 'Firmware Distribution Capabilities Status',
  source: 'MshDFU 1.0',
  fields: {},
});

/** Sizes and spaces in octets. */
export interface FirmwareDistributionCapabilitiesStatus {
  maxReceiversCount: number;
  maxFirmwareImagesListSize: number;
  maxFirmwareImageSize: number;
  maxUploadSpace: number;
  remainingUploadSpace: number;
  oobRetrievalSupported: boolean;
  /** Assigned Numbers of URI schemes (https 0x17); none without, at least one with out-of-band retrieval. */
  supportedUriSchemes: number[];
}

const capabilities = {
  maxReceiversCount: u16(),
  maxFirmwareImagesListSize: u16(),
  maxFirmwareImageSize: u32(),
  maxUploadSpace: u32(),
  remainingUploadSpace: u32(),
  oobRetrievalSupported: yesOrNo(),
  supportedUriSchemes: uriSchemes(),
};

/** What the Distributor can hold. */
export const FirmwareDistributionCapabilitiesStatus: MessageType<FirmwareDistributionCapabilitiesStatus> = message({
  name: 'Firmware Distribution Capabilities Status',
  opcode: 0x8317,
  source: 'MshDFU 1.0',
  fields: capabilities,
});

/** The same under the opcode of its request, as ESP-IDF's server sends it: for clients to accept, never to send. */
export const FirmwareDistributionCapabilitiesStatusOfEspIdf: MessageType<FirmwareDistributionCapabilitiesStatus> =
  message({
    name: 'Firmware Distribution Capabilities Status (opcode of Get)',
    opcode: 0x8316,
    source: 'ESP-IDF',
    fields: capabilities,
  });

/** Asks for the phase of the distribution. */
export const FirmwareDistributionGet: MessageType<Empty> = message({
  name: 'Firmware Distribution Get',
  opcode: 0x8318,
  response: 'Firmware Distribution Status',
  source: 'MshDFU 1.0',
  fields: {},
});

/** What the Distributor does when the targets have verified the image: wait for Apply, or apply by itself. */
export type UpdatePolicy = 'verifyOnly' | 'verifyAndApply';

export interface FirmwareDistributionStart {
  /** The AppKey of the distribution, bound to the Distributor's clients. */
  appKeyIndex: AppIndex;
  /** 0x00 to 0x7F, 0xFF for the Default TTL. */
  distributionTtl: number;
  /** Targets give up after 10·(base + 1) s of silence. */
  timeoutBase: number;
  transferMode: 'push' | 'pull';
  updatePolicy: UpdatePolicy;
  /** Position in the Distributor's firmware images list. */
  imageIndex: number;
  /** 0 (each receiver by unicast), a group address, or a Label UUID of 16 octets. */
  multicast: Address | Uint8Array;
}

/** Starts a distribution to the receivers in the list; with the same parameters it resumes a suspended one. */
export const FirmwareDistributionStart: MessageType<FirmwareDistributionStart> = message({
  name: 'Firmware Distribution Start',
  opcode: 0x8319,
  response: 'Firmware Distribution Status',
  source: 'MshDFU 1.0',
  fields: {
    appKeyIndex: uint(12),
    reserved: rfu(4),
    distributionTtl: ttl(),
    timeoutBase: u16(),
    transferMode: choice(2, { push: 1, pull: 2 }),
    updatePolicy: choice(1, { verifyOnly: 0, verifyAndApply: 1 }),
    reserved2: rfu(5),
    imageIndex: u16(),
    multicast: groupOrLabel(),
  },
});

/** Pauses the transfer. */
export const FirmwareDistributionSuspend: MessageType<Empty> = message({
  name: 'Firmware Distribution Suspend',
  opcode: 0x831a,
  response: 'Firmware Distribution Status',
  source: 'MshDFU 1.0',
  fields: {},
});

/** Ends the distribution in whatever phase it is. */
export const FirmwareDistributionCancel: MessageType<Empty> = message({
  name: 'Firmware Distribution Cancel',
  opcode: 0x831b,
  response: 'Firmware Distribution Status',
  source: 'MshDFU 1.0',
  fields: {},
});

/** Lets the targets apply what they have verified. */
export const FirmwareDistributionApply: MessageType<Empty> = message({
  name: 'Firmware Distribution Apply',
  opcode: 0x831c,
  response: 'Firmware Distribution Status',
  source: 'MshDFU 1.0',
  fields: {},
});

/** All but `status` and `phase` are there exactly when the phase is not Idle. */
export interface FirmwareDistributionStatus {
  /** A `DistributionStatus`. */
  status: number;
  /** A `DistributionPhase`, the one after the message that is answered. */
  phase: number;
  /** 0 for unicast; the virtual address of a distribution to a Label UUID. */
  multicastAddress: Address | undefined;
  appKeyIndex: AppIndex | undefined;
  distributionTtl: number | undefined;
  timeoutBase: number | undefined;
  /** `none` is prohibited, but some servers take it in Start and show it here. */
  transferMode: 'none' | 'push' | 'pull' | undefined;
  updatePolicy: UpdatePolicy | undefined;
  imageIndex: number | undefined;
}

/** Answers Get, Start, Suspend, Cancel and Apply: 2 octets in Idle, 12 otherwise. */
export const FirmwareDistributionStatus: MessageType<FirmwareDistributionStatus> = message({
  name: 'Firmware Distribution Status',
  opcode: 0x831d,
  source: 'MshDFU 1.0',
  fields: {
    status: u8({ max: 13 }),
    phase: u8({ max: 7 }),
    multicastAddress: when(active, u16()),
    appKeyIndex: when(active, twelveBits()),
    distributionTtl: when(active, ttl()),
    timeoutBase: when(active, u16()),
    transferMode: when(active, choice(2, { none: 0, push: 1, pull: 2 })),
    updatePolicy: when(active, choiceOfPolicy()),
    imageIndex: when(active, u16()),
  },
});

/** Whether the parameters of a distribution stand in a Status with this phase. */
function active({ phase }: SoFar): boolean {
  return phase !== DistributionPhase.idle;
}

/** One octet of 0 or 1; the other values are prohibited. */
function yesOrNo(): Field<boolean> {
  const octet = u8({ max: 1 });
  return {
    layout: octet.layout,
    write: (writer, value, soFar) => octet.write(writer, value ? 1 : 0, soFar),
    read: (reader, soFar) => octet.read(reader, soFar) === 1,
  };
}

/** At least one octet with out-of-band retrieval; without it there should be none, and what there is is disregarded. */
function uriSchemes(): Field<number[]> {
  const some = list(u8(), { min: 1, max: 255 });
  return custom(
    'URI scheme names, one octet each, only with out-of-band retrieval',
    {
      write: (writer, value, soFar) => {
        if (soFar.oobRetrievalSupported) some.write(writer, value, soFar);
      },
      read: (reader, soFar) => {
        if (soFar.oobRetrievalSupported) return some.read(reader, soFar);
        reader.octets(Math.max(0, reader.remaining));
        return [];
      },
    },
    list(u8()).layout,
  );
}

/** 2 octets: 0 or a group address; 16 octets: a Label UUID. A virtual address cannot be given. */
function groupOrLabel(): Field<Address | Uint8Array> {
  const label = octets(16);
  const group = uintWhere(
    16,
    (value) => addressKind(value) === 'unassigned' || addressKind(value) === 'group',
    'unassigned or a group address',
  );
  return custom(
    '2 octets: unassigned or a group address; 16 octets: a Label UUID',
    {
      write: (writer, value, soFar) =>
        typeof value === 'number' ? group.write(writer, value, soFar) : label.write(writer, value, soFar),
      read: (reader, soFar) => (reader.remaining === 16 ? label.read(reader, soFar) : group.read(reader, soFar)),
    },
    rest().layout,
  );
}

/** 12 bits and 4 reserved ones. */
function twelveBits(): Field<number> {
  return padded(uint(12), 4);
}

/** One bit and 5 reserved ones. */
function choiceOfPolicy(): Field<UpdatePolicy> {
  return padded(choice(1, { verifyOnly: 0, verifyAndApply: 1 }), 5);
}
