/** Opcodes of HCI commands: OGF in the upper 6 bits, OCF in the lower 10 [Bluetooth Core, Vol 4, Part E, 7]. */
export const OPCODE = {
  NONE: 0x0000,
  DISCONNECT: 0x0406,
  SET_EVENT_MASK: 0x0c01,
  RESET: 0x0c03,
  READ_LOCAL_VERSION: 0x1001,
  READ_LOCAL_COMMANDS: 0x1002,
  READ_LOCAL_FEATURES: 0x1003,
  READ_BUFFER_SIZE: 0x1005,
  READ_BD_ADDR: 0x1009,
  LE_SET_EVENT_MASK: 0x2001,
  LE_READ_BUFFER_SIZE: 0x2002,
  LE_READ_LOCAL_FEATURES: 0x2003,
  LE_SET_RANDOM_ADDRESS: 0x2005,
  LE_SET_ADVERTISING_PARAMETERS: 0x2006,
  LE_SET_ADVERTISING_DATA: 0x2008,
  LE_SET_SCAN_RESPONSE_DATA: 0x2009,
  LE_SET_ADVERTISING_ENABLE: 0x200a,
  LE_SET_SCAN_PARAMETERS: 0x200b,
  LE_SET_SCAN_ENABLE: 0x200c,
  LE_CREATE_CONNECTION: 0x200d,
  LE_CREATE_CONNECTION_CANCEL: 0x200e,
  LE_CONNECTION_UPDATE: 0x2013,
  LE_READ_REMOTE_FEATURES: 0x2016,
  LE_READ_SUPPORTED_STATES: 0x201c,
  LE_SET_DATA_LENGTH: 0x2022,
  LE_SET_PHY: 0x2032,
  LE_SET_ADVERTISING_SET_RANDOM_ADDRESS: 0x2035,
  LE_SET_EXTENDED_ADVERTISING_PARAMETERS: 0x2036,
  LE_SET_EXTENDED_ADVERTISING_DATA: 0x2037,
  LE_SET_EXTENDED_SCAN_RESPONSE_DATA: 0x2038,
  LE_SET_EXTENDED_ADVERTISING_ENABLE: 0x2039,
  LE_READ_NUMBER_OF_ADVERTISING_SETS: 0x203b,
  LE_REMOVE_ADVERTISING_SET: 0x203c,
  LE_CLEAR_ADVERTISING_SETS: 0x203d,
  LE_SET_EXTENDED_SCAN_PARAMETERS: 0x2041,
  LE_SET_EXTENDED_SCAN_ENABLE: 0x2042,
  LE_EXTENDED_CREATE_CONNECTION: 0x2043,
} as const;

/** Event codes [Bluetooth Core, Vol 4, Part E, 7.7]. */
export const EVENT = {
  DISCONNECTION_COMPLETE: 0x05,
  COMMAND_COMPLETE: 0x0e,
  COMMAND_STATUS: 0x0f,
  HARDWARE_ERROR: 0x10,
  NUMBER_OF_COMPLETED_PACKETS: 0x13,
  DATA_BUFFER_OVERFLOW: 0x1a,
  LE_META: 0x3e,
} as const;

/** Subevent codes of LE Meta [Bluetooth Core, Vol 4, Part E, 7.7.65]. */
export const LE_EVENT = {
  CONNECTION_COMPLETE: 0x01,
  ADVERTISING_REPORT: 0x02,
  CONNECTION_UPDATE_COMPLETE: 0x03,
  READ_REMOTE_FEATURES_COMPLETE: 0x04,
  DATA_LENGTH_CHANGE: 0x07,
  ENHANCED_CONNECTION_COMPLETE: 0x0a,
  PHY_UPDATE_COMPLETE: 0x0c,
  EXTENDED_ADVERTISING_REPORT: 0x0d,
  ADVERTISING_SET_TERMINATED: 0x12,
} as const;

/** Status and reason codes [Bluetooth Core, Vol 1, Part F]; those from 0x100 on are the host's own. */
export const STATUS = {
  SUCCESS: 0x00,
  UNKNOWN_COMMAND: 0x01,
  UNKNOWN_CONNECTION: 0x02,
  MEMORY_EXCEEDED: 0x07,
  CONNECTION_TIMEOUT: 0x08,
  COMMAND_DISALLOWED: 0x0c,
  LIMITED_RESOURCES: 0x0d,
  UNSUPPORTED: 0x11,
  INVALID_PARAMETERS: 0x12,
  REMOTE_USER_TERMINATED: 0x13,
  TERMINATED_BY_LOCAL_HOST: 0x16,
  ADVERTISING_TIMEOUT: 0x3c,
  CONNECTION_FAILED: 0x3e,
  UNKNOWN_ADVERTISING_SET: 0x42,
  LIMIT_REACHED: 0x43,
  /** There was no answer and will be none: the controller is being reset, or is gone. */
  NO_ANSWER: 0x100,
  /** Not sent, because it was taken back before its turn came. */
  TAKEN_BACK: 0x101,
} as const;

/** Commands that Command Status answers; an event follows when they are done. */
const ANSWERED_BY_STATUS = new Set<number>([
  OPCODE.DISCONNECT,
  OPCODE.LE_CREATE_CONNECTION,
  OPCODE.LE_EXTENDED_CREATE_CONNECTION,
  OPCODE.LE_CONNECTION_UPDATE,
  OPCODE.LE_READ_REMOTE_FEATURES,
  OPCODE.LE_SET_PHY,
]);

/** Whether Command Status with success is the answer to this command; for others it only says that one will come. */
export function isAnsweredByStatus(opcode: number): boolean {
  return ANSWERED_BY_STATUS.has(opcode);
}

/** Commands that make things better where a controller has them, and that nothing depends on. */
const DISPENSABLE = new Set<number>([
  OPCODE.LE_CONNECTION_UPDATE,
  OPCODE.LE_READ_SUPPORTED_STATES,
  OPCODE.LE_SET_DATA_LENGTH,
  OPCODE.LE_SET_PHY,
]);

/** Whether all goes on without an answer to this command: some controllers list what they do not know, and say nothing. */
export function isDispensable(opcode: number): boolean {
  return DISPENSABLE.has(opcode);
}

/** `0x200C` for messages and logs. */
export function hexCode(code: number, digits = 4): string {
  return `0x${code.toString(16).toUpperCase().padStart(digits, '0')}`;
}
