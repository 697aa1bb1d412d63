import { fromHex, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { uint } from './fields.ts';
import { keyIndex, keyIndexList } from './key-index.ts';
import { message } from './message.ts';
import { vectors } from './testing/vectors.ts';

const One = message({ name: 'One', opcode: 0x01, source: 'test', fields: { index: keyIndex() } });
const Pair = message({ name: 'Pair', opcode: 0x01, source: 'test', fields: { a: uint(12), b: uint(12) } });
const List = message({ name: 'List', opcode: 0x01, source: 'test', fields: { indexes: keyIndexList() } });

const lists = [
  ...vectors.keyIndexLists,
  ...vectors.keyIndexes.map(({ indexes, octets }) => ({
    indexes: indexes.map((index) => Number.parseInt(index, 16)),
    hex: octets,
  })),
];

describe('key indexes', () => {
  it.each(vectors.keyIndexPairs)('packs $a and $b into $hex', ({ a, b, hex }) => {
    expect(toHex(Pair.encode({ a, b }))).toBe(`01${hex}`);
    expect(Pair.decode(fromHex(`01${hex}`))).toEqual({ ok: true, value: { a, b } });
  });

  it.each(lists)('writes the list $indexes as $hex', ({ indexes, hex }) => {
    expect(toHex(List.encode({ indexes: [...indexes] }))).toBe(`01${hex}`);
    expect(List.decode(fromHex(`01${hex}`))).toEqual({ ok: true, value: { indexes } });
  });

  it('refuses an index above 0xfff and a list of a length that no list has', () => {
    expect(One.decode(fromHex('010010'))).toMatchObject({ ok: false, error: { field: 'index', offset: 1 } });
    expect(List.decode(fromHex('0123614500'))).toMatchObject({ ok: false, error: { field: 'indexes' } });
    expect(List.decode(fromHex('01236145ffff'))).toMatchObject({ ok: false, error: { field: 'indexes' } });
    expect(() => One.encode({ index: 0x1000 })).toThrow('index: 4096 is not in 0 to 4095');
  });
});
