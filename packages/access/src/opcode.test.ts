import { fromHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { NO_OPCODE, opcodeAt, opcodeSize, readOpcode, vendorOpcode } from './opcode.ts';
import { vectors } from './testing/vectors.ts';

describe('opcodes', () => {
  it.each(vectors.accessOpcodes)(
    'reads $octets as a $kind opcode of $size octets',
    ({ octets, size, kind, ...vendor }) => {
      const message = fromHex(`${octets}0102`);
      if (kind === 'reserved') {
        expect(readOpcode(message)).toEqual({ ok: false, error: 'reserved' });
        return;
      }
      const opcode = opcodeAt(message);
      expect(opcode).toBe(Number.parseInt(octets, 16));
      expect(opcodeSize(opcode)).toBe(size);
      expect(readOpcode(message)).toEqual({ ok: true, value: opcode });
      if (vendor.companyId === undefined || vendor.vendorOpcode === undefined) return;
      expect(vendorOpcode(Number.parseInt(vendor.companyId, 16), Number.parseInt(vendor.vendorOpcode, 16))).toBe(
        opcode,
      );
    },
  );

  it.each(vectors.accessOpcodesNegative)('finds none in "$octets": $why', ({ octets }) => {
    expect(opcodeAt(fromHex(octets))).toBe(NO_OPCODE);
    expect(readOpcode(fromHex(octets)).ok).toBe(false);
  });
});
