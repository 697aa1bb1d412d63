import { fromHex, toHex } from '@meshferry/core';
import fc from 'fast-check';
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

  it('are found at the start of any octets, as many of them as the opcode takes, or not at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5 }), (octets) => {
        const read = readOpcode(octets);
        expect(opcodeAt(octets)).toBe(read.ok ? read.value : NO_OPCODE);
        if (!read.ok) return;
        const size = opcodeSize(read.value);
        expect(Number.parseInt(toHex(octets.subarray(0, size)), 16)).toBe(read.value);
        if (size < 3) return;
        expect(vendorOpcode((octets[1] as number) | ((octets[2] as number) << 8), (octets[0] as number) & 0x3f)).toBe(
          read.value,
        );
      }),
    );
  });

  it.each(vectors.accessOpcodesNegative)('finds none in "$octets": $why', ({ octets }) => {
    expect(opcodeAt(fromHex(octets))).toBe(NO_OPCODE);
    expect(readOpcode(fromHex(octets)).ok).toBe(false);
  });
});
