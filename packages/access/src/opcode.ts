import { fail, ok, type Result } from '@meshferry/core';

/**
 * An opcode as a number with its octets in the order on air: 0x00 to 0x7E, 0x8000 to 0xBFFF, or 0xC00000 to 0xFFFFFF
 * for vendors, whose last two octets are the Company Identifier, low octet first [Mesh Protocol 1.1, 3.7.3.1].
 */
export type Opcode = number;

/** The opcode of a vendor's message: `code` 0x00 to 0x3F, `company` the Company Identifier. */
export function vendorOpcode(company: number, code: number): Opcode {
  return (0xc0 | code) * 0x10000 + (company & 0xff) * 0x100 + (company >> 8);
}

/** Octets that an opcode takes: 1, 2 or 3. */
export function opcodeSize(opcode: Opcode): 1 | 2 | 3 {
  if (opcode < 0x80) return 1;
  return opcode < 0x10000 ? 2 : 3;
}

/** What {@link opcodeAt} gives for octets that start with no opcode. */
export const NO_OPCODE = -1;

/** The opcode at the start of an access message, or {@link NO_OPCODE} when it is empty, cut or reserved (0x7F). */
export function opcodeAt(message: Uint8Array): Opcode | -1 {
  const { length } = message;
  if (length === 0) return NO_OPCODE;
  const first = message[0] as number;
  if (first < 0x80) return first === 0x7f ? NO_OPCODE : first;
  if (length === 1) return NO_OPCODE;
  if (first < 0xc0) return (first << 8) | (message[1] as number);
  return length === 2 ? NO_OPCODE : (first << 16) | ((message[1] as number) << 8) | (message[2] as number);
}

/** The opcode at the start of an access message; the error says why there is none. */
export function readOpcode(message: Uint8Array): Result<Opcode, 'empty' | 'cut' | 'reserved'> {
  const opcode = opcodeAt(message);
  if (opcode !== NO_OPCODE) return ok(opcode);
  if (message.length === 0) return fail('empty');
  return fail(message[0] === 0x7f ? 'reserved' : 'cut');
}
