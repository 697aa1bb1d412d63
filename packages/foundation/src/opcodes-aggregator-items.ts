/** Octets that an item of an aggregated message takes, its length before it. */
export function itemOctets(message: Uint8Array): number {
  return message.length + (message.length < 0x80 ? 1 : 2);
}

/** Octets of a sequence or its answer before the items: opcode and element address, and a status code. */
export const SEQUENCE_HEAD_OCTETS = 4;
export const STATUS_HEAD_OCTETS = 5;
