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

/** The opcode at the start of an access message; the error says why there is none. */
export function readOpcode(message: Uint8Array): Result<Opcode, 'empty' | 'cut' | 'reserved'> {
  const first = message[0];
  if (first === undefined) return fail('empty');
  if (first === 0x7f) return fail('reserved');
  if (first < 0x80) return ok(first);
  const second = message[1];
  if (second === undefined) return fail('cut');
  if (first < 0xc0) return ok((first << 8) | second);
  const third = message[2];
  if (third === undefined) return fail('cut');
  return ok((first << 16) | (second << 8) | third);
}
