import { fail, MeshError, ok, type Result } from '@meshferry/core';

/** Version of the protocol that this driver speaks [PROTOCOL.md 3]. */
export const PROTOCOL_MAJOR = 1;
export const PROTOCOL_MINOR = 0;

/** Type octets [PROTOCOL.md 4]. */
export const HELLO = 0x01;
export const SEND = 0x02;
export const CANCEL = 0x03;
export const SUBSCRIBE = 0x04;
export const SYNC = 0x05;
export const RESET = 0x06;
export const INFO = 0x81;
export const REPORT = 0x82;
export const HEARD = 0x84;
export const STATE = 0x85;
export const BOOT = 0x86;
export const LOST = 0x87;
export const ERROR = 0x88;

/** Outcomes of a SEND. */
export const OUTCOME_SENT = 0;
export const OUTCOME_CANCELLED = 1;
export const OUTCOME_QUEUE_FULL = 2;
export const OUTCOME_REFUSED = 3;

/** Modes of RESET. */
export const END_SESSION = 0;

/** Codes of ERROR. */
export const ERROR_FRAME = 1;
export const ERROR_SESSION = 5;

/** INFO: the transmit power can be chosen. */
export const CAN_SET_POWER = 1;
/** SEND: the power is the dongle's choice. */
export const POWER_DEFAULT = 127;
/** SEND: channels 37, 38 and 39. */
export const ALL_CHANNELS = 7;
/** SEND: longest interval of copies, µs. */
export const INTERVAL_MAX_US = 10_485_760;

/** SEND: advertising data to be on air `count` times. Times in µs on the clock of the dongle. */
export interface Send {
  /** 1 to 65535, of no other SEND under way. */
  readonly id: number;
  /** 1 to 255. */
  readonly count: number;
  /** From start to start, 0 to 10 485 760. */
  readonly intervalUs: number;
  /** Most of the random delay added to each interval, 0 to 65535. */
  readonly delayUs: number;
  /** When the first copy may start; 0: at once. */
  readonly earliestUs: number;
  /** Bit 0: channel 37, bit 1: 38, bit 2: 39; not 0. */
  readonly channels: number;
  /** dBm, -127 to 126; 127: the dongle's choice. */
  readonly power: number;
  /** AD structures, 1 to 31 octets. */
  readonly data: Uint8Array;
}

/** What a dongle says of itself. */
export interface DongleInfo {
  readonly protocol: { readonly major: number; readonly minor: number };
  /** Of the firmware, as in `1.0.0`. */
  readonly version: string;
  /** SENDs under way at a time. */
  readonly queue: number;
  /** AD types of a subscription. */
  readonly types: number;
  /** Duration of the longest advertising event with the pause after it, µs. */
  readonly eventUs: number;
  readonly capabilities: number;
  /** dBm. */
  readonly powerMin: number;
  /** dBm. */
  readonly powerMax: number;
  /** Of the chip, hex. */
  readonly chipId: string;
  /** Of the firmware and its board, for people. */
  readonly name: string;
}

/** What comes from a dongle. Times in µs on its clock. */
export type DongleMessage =
  | { readonly type: typeof INFO; readonly nonce: number; readonly timeUs: number; readonly info: DongleInfo }
  | {
      readonly type: typeof REPORT;
      readonly id: number;
      readonly outcome: number;
      /** Copies that were on air. */
      readonly copies: number;
      readonly startUs: number;
      readonly endUs: number;
    }
  | {
      readonly type: typeof HEARD;
      /** End of its last bit. */
      readonly timeUs: number;
      readonly channel: number;
      /** dBm, 127 unknown. */
      readonly rssi: number;
      readonly isRandomAddress: boolean;
      /** As on air: the low octet first. */
      readonly address: Uint8Array;
      readonly data: Uint8Array;
    }
  | {
      readonly type: typeof STATE;
      readonly token: number;
      readonly timeUs: number;
      readonly subscription: number;
      readonly heardLost: number;
      readonly radioLost: number;
      readonly badFrames: number;
      /** Of the SENDs under way. */
      readonly ids: readonly number[];
    }
  | { readonly type: typeof BOOT; readonly major: number; readonly minor: number; readonly reason: number }
  | { readonly type: typeof LOST; readonly heardLost: number; readonly radioLost: number }
  | { readonly type: typeof ERROR; readonly code: number; readonly about: number };

export function encodeHello(nonce: number): Uint8Array {
  const octets = new Uint8Array(7);
  octets[0] = HELLO;
  new DataView(octets.buffer).setUint32(1, nonce, true);
  octets[5] = PROTOCOL_MAJOR;
  octets[6] = PROTOCOL_MINOR;
  return octets;
}

export function encodeSend(send: Send): Uint8Array {
  const octets = new Uint8Array(20 + send.data.length);
  const view = new DataView(octets.buffer);
  octets[0] = SEND;
  view.setUint16(1, send.id, true);
  octets[3] = send.count;
  view.setUint32(4, send.intervalUs, true);
  view.setUint16(8, send.delayUs, true);
  view.setUint32(10, send.earliestUs % WORD, true);
  view.setUint32(14, Math.floor(send.earliestUs / WORD), true);
  octets[18] = send.channels;
  view.setInt8(19, send.power);
  octets.set(send.data, 20);
  return octets;
}

export function encodeCancel(id: number): Uint8Array {
  return Uint8Array.of(CANCEL, id, id >> 8);
}

/** `number` says which subscription it is, in STATE; undefined types: all. At most 16 types. */
export function encodeSubscribe(number: number, types: readonly number[] | undefined): Uint8Array {
  return Uint8Array.of(SUBSCRIBE, number, types === undefined ? 1 : 0, ...(types ?? []));
}

export function encodeSync(token: number): Uint8Array {
  return Uint8Array.of(SYNC, token, token >> 8, token >> 16, token >> 24);
}

export function encodeReset(mode: number): Uint8Array {
  return Uint8Array.of(RESET, mode);
}

const WORD = 0x1_0000_0000;
/** Octets of legacy advertising data. */
const AD_MAX = 31;
const INFO_SIZE = 34;
/** What INFO begins with in every version of the protocol: nonce, protocol version, firmware version. */
const INFO_FOREVER = 10;
const HEARD_SIZE = 18;
const STATE_SIZE = 26;
/** Octets with the type; INFO, HEARD and STATE may be longer, as a later minor version may make any of them. */
const SIZES: Readonly<Record<number, number>> = {
  [INFO]: INFO_FOREVER,
  [REPORT]: 21,
  [HEARD]: HEARD_SIZE,
  [STATE]: STATE_SIZE,
  [BOOT]: 4,
  [LOST]: 9,
  [ERROR]: 3,
};

/**
 * A message of a dongle. Errors: `bad-dongle-message`. What is longer than its type has at its end is of a later minor
 * version and left out.
 */
export function decodeMessage(octets: Uint8Array): Result<DongleMessage, MeshError> {
  const type = octets[0] ?? 0;
  const size = SIZES[type];
  if (size === undefined) return fail(bad(`type 0x${type.toString(16)} is not known`));
  if (octets.length < size) return fail(bad(`type 0x${type.toString(16)} of ${octets.length} octets, not ${size}`));
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  switch (type) {
    case INFO:
      return decodeInfo(octets, view);
    case REPORT:
      return ok({
        type,
        id: view.getUint16(1, true),
        outcome: octets[3]!,
        copies: octets[4]!,
        startUs: readTime(view, 5),
        endUs: readTime(view, 13),
      });
    case HEARD:
      return decodeHeard(octets, view);
    case STATE:
      return decodeState(octets, view);
    case BOOT:
      return ok({ type, major: octets[1]!, minor: octets[2]!, reason: octets[3]! });
    case LOST:
      return ok({ type, heardLost: view.getUint32(1, true), radioLost: view.getUint32(5, true) });
    default:
      return ok({ type: ERROR, code: octets[1]!, about: octets[2]! });
  }
}

function decodeInfo(octets: Uint8Array, view: DataView): Result<DongleMessage, MeshError> {
  const major = octets[5]!;
  if (major !== PROTOCOL_MAJOR) {
    const foreign = { ...NOTHING_KNOWN, protocol: { major, minor: octets[6]! }, version: versionOf(octets) };
    return ok({ type: INFO, nonce: view.getUint32(1, true), timeUs: 0, info: foreign });
  }
  if (octets.length < INFO_SIZE) return fail(bad(`INFO of ${octets.length} octets, not ${INFO_SIZE}`));
  const queue = octets[10]!;
  const types = octets[11]!;
  const eventUs = view.getUint16(12, true);
  if (queue === 0 || types === 0 || eventUs === 0) return fail(bad('INFO says that the dongle has no queue'));
  const info: DongleInfo = {
    protocol: { major, minor: octets[6]! },
    version: versionOf(octets),
    queue,
    types,
    eventUs,
    capabilities: view.getUint16(14, true),
    powerMin: view.getInt8(16),
    powerMax: view.getInt8(17),
    chipId: [...octets.subarray(26, INFO_SIZE)].map((octet) => octet.toString(16).padStart(2, '0')).join(''),
    name: printable(octets.subarray(INFO_SIZE)),
  };
  return ok({ type: INFO, nonce: view.getUint32(1, true), timeUs: readTime(view, 18), info });
}

const NOTHING_KNOWN = {
  queue: 0,
  types: 0,
  eventUs: 0,
  capabilities: 0,
  powerMin: 0,
  powerMax: 0,
  chipId: '',
  name: '',
};

function versionOf(info: Uint8Array): string {
  return `${info[7]}.${info[8]}.${info[9]}`;
}

function decodeHeard(octets: Uint8Array, view: DataView): Result<DongleMessage, MeshError> {
  const channel = octets[9]!;
  if (channel < 37 || channel > 39) return fail(bad(`HEARD on channel ${channel}`));
  const length = octets.length - HEARD_SIZE;
  if (length > AD_MAX) return fail(bad(`HEARD with ${length} octets of advertising data`));
  return ok({
    type: HEARD,
    timeUs: readTime(view, 1),
    channel,
    rssi: view.getInt8(10),
    isRandomAddress: octets[11] === 1,
    address: octets.slice(12, HEARD_SIZE),
    data: octets.slice(HEARD_SIZE),
  });
}

function decodeState(octets: Uint8Array, view: DataView): Result<DongleMessage, MeshError> {
  const ids: number[] = [];
  for (let at = STATE_SIZE; at + 2 <= octets.length; at += 2) ids.push(view.getUint16(at, true));
  return ok({
    type: STATE,
    token: view.getUint32(1, true),
    timeUs: readTime(view, 5),
    subscription: octets[13]!,
    heardLost: view.getUint32(14, true),
    radioLost: view.getUint32(18, true),
    badFrames: view.getUint32(22, true),
    ids,
  });
}

/** Exact up to 2⁵³ µs, 285 years. */
function readTime(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * WORD;
}

function printable(octets: Uint8Array): string {
  return new TextDecoder().decode(octets).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}

function bad(reason: string): MeshError {
  return new MeshError('bad-dongle-message', `message of the dongle not understood: ${reason}`, {
    hint: 'Flash the firmware that belongs to this version of Meshferry.',
  });
}
