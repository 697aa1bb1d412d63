import { type GattUuid, gattUuidOf, sameGattUuid } from '@meshferry/bearer';

/** Attribute opcodes [Bluetooth Core, Vol 3, Part F, 3.4.8]. */
export const ATT = {
  ERROR: 0x01,
  MTU_REQUEST: 0x02,
  MTU_RESPONSE: 0x03,
  FIND_INFORMATION: 0x04,
  FIND_INFORMATION_RESPONSE: 0x05,
  FIND_BY_TYPE_VALUE: 0x06,
  FIND_BY_TYPE_VALUE_RESPONSE: 0x07,
  READ_BY_TYPE: 0x08,
  READ_BY_TYPE_RESPONSE: 0x09,
  READ: 0x0a,
  READ_RESPONSE: 0x0b,
  READ_BLOB: 0x0c,
  READ_BLOB_RESPONSE: 0x0d,
  READ_BY_GROUP_TYPE: 0x10,
  READ_BY_GROUP_TYPE_RESPONSE: 0x11,
  WRITE: 0x12,
  WRITE_RESPONSE: 0x13,
  NOTIFICATION: 0x1b,
  INDICATION: 0x1d,
  CONFIRMATION: 0x1e,
  WRITE_COMMAND: 0x52,
  SIGNED_WRITE_COMMAND: 0xd2,
} as const;

/** Set in the opcode of what is never answered. */
export const ATT_COMMAND_FLAG = 0x40;

/** Error codes of the Error Response [Bluetooth Core, Vol 3, Part F, 3.4.1.1]; those from 0x100 on are our own. */
export const ATT_ERROR = {
  NONE: 0x00,
  INVALID_HANDLE: 0x01,
  READ_NOT_PERMITTED: 0x02,
  WRITE_NOT_PERMITTED: 0x03,
  INVALID_PDU: 0x04,
  INSUFFICIENT_AUTHENTICATION: 0x05,
  REQUEST_NOT_SUPPORTED: 0x06,
  INVALID_OFFSET: 0x07,
  INSUFFICIENT_AUTHORIZATION: 0x08,
  NOT_FOUND: 0x0a,
  INSUFFICIENT_ENCRYPTION_KEY_SIZE: 0x0c,
  INVALID_VALUE_LENGTH: 0x0d,
  INSUFFICIENT_ENCRYPTION: 0x0f,
  UNSUPPORTED_GROUP_TYPE: 0x10,
  VALUE_NOT_ALLOWED: 0x13,
  /** The connection ended before the response. */
  ENDED: 0x100,
} as const;

/** Attribute types that GATT itself gives a meaning [Bluetooth Core, Vol 3, Part G, 3.3]. */
export const TYPE = {
  PRIMARY_SERVICE: 0x2800,
  SECONDARY_SERVICE: 0x2801,
  INCLUDE: 0x2802,
  CHARACTERISTIC: 0x2803,
  CCC: 0x2902,
  DEVICE_NAME: 0x2a00,
  APPEARANCE: 0x2a01,
  SERVICE_CHANGED: 0x2a05,
} as const;

/** Properties of a characteristic, one bit each [Bluetooth Core, Vol 3, Part G, 3.3.1.1]. */
export const PROPERTY = {
  READ: 0x02,
  WRITE_WITHOUT_RESPONSE: 0x04,
  WRITE: 0x08,
  NOTIFY: 0x10,
  INDICATE: 0x20,
} as const;

/** Largest ATT_MTU of this host: a value of the greatest length, 512 octets, and what is ahead of it in one response. */
export const ATT_MTU = 517;
/** How long a response or a confirmation may take, ms; nothing more goes over a connection that exceeded it [3.3.3]. */
export const TRANSACTION_MS = 30_000;

/** Whether octets off the wire are this UUID; a 16-bit one may be written in 16 octets as well. */
export function isUuid(octets: Uint8Array, uuid: GattUuid): boolean {
  return (octets.length === 2 || octets.length === 16) && sameGattUuid(gattUuidOf(octets), uuid);
}

/** Two octets, little-endian. */
export function word(octets: Uint8Array, at: number): number {
  return octets[at]! | (octets[at + 1]! << 8);
}

/** An opcode and words behind it, little-endian, then octets: what most requests are. */
export function attPdu(opcode: number, words: readonly number[], rest?: Uint8Array): Uint8Array {
  const pdu = new Uint8Array(1 + 2 * words.length + (rest?.length ?? 0));
  pdu[0] = opcode;
  words.forEach((value, i) => {
    pdu[1 + 2 * i] = value & 0xff;
    pdu[2 + 2 * i] = value >> 8;
  });
  if (rest !== undefined) pdu.set(rest, 1 + 2 * words.length);
  return pdu;
}

/** `0x05 (insufficient authentication)` for people. */
export function attErrorText(code: number): string {
  const name = Object.entries(ATT_ERROR).find(([, value]) => value === code)?.[0];
  const text = `0x${code.toString(16).toUpperCase().padStart(2, '0')}`;
  return name === undefined ? text : `${text} (${name.toLowerCase().replaceAll('_', ' ')})`;
}
