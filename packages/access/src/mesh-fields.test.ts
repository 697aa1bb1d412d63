import { fromHex, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import {
  countOf,
  derived,
  int,
  keyIndexList,
  list,
  modelId,
  notVirtual,
  octetsBy,
  presenceOf,
  prohibited,
  rest,
  rfu,
  s8,
  sigModelId,
  sized,
  struct,
  u7or15,
  u8,
  u16,
  uint,
  uintBy,
  unicast,
  unicastRange,
  vendorModelId,
  when,
} from './fields.ts';
import { type MessageType, message } from './message.ts';
import { testMessageCodecs } from './testing/index.ts';
import { vectors } from './testing/vectors.ts';

const source = 'test';
const Range = message({ name: 'Range', opcode: 0x01, source, fields: { range: unicastRange() } });
const Models = message({
  name: 'Models',
  opcode: 0x02,
  source,
  fields: { sig: sigModelId(), vendor: vendorModelId(), any: modelId() },
});
const Signed = message({
  name: 'Signed',
  opcode: 0x03,
  source,
  fields: { rssi: s8(), a: int(4, { max: 5 }), b: int(4) },
});
const Counted = message({
  name: 'Counted',
  opcode: 0x04,
  source,
  fields: {
    addressCount: countOf('addresses'),
    wideCount: countOf('wide', uint(6)),
    tagged: presenceOf('tag'),
    reserved: rfu(1),
    addresses: list(unicast(), { max: 100, count: 'addressCount' }),
    wide: list(u16(), { max: 20, count: 'wideCount' }),
    tag: when((soFar) => soFar.tagged === true, u8()),
  },
});
const Sized = message({
  name: 'Sized',
  opcode: 0x05,
  source,
  fields: { items: list(sized(rest({ max: 200 }), u7or15())), keys: keyIndexList() },
});
const Structures = message({
  name: 'Structures',
  opcode: 0x06,
  source,
  fields: { structures: list(sized(struct({ type: u8(), data: rest({ max: 200 }) }))) },
});
const Told = message({
  name: 'Told',
  opcode: 0x07,
  source,
  fields: {
    octetsOfCount: derived(uint(2, { min: 1, max: 2 }), ({ count }) => ((count as number) < 0x100 ? 1 : 2)),
    zero: prohibited(6),
    count: uintBy('octetsOfCount'),
    length: derived(u16(), ({ data }) => (data as Uint8Array).length),
    target: notVirtual(),
    data: octetsBy('length', { max: 300 }),
  },
});

// Not Sized: what follows a list to the end cannot be told from it.
testMessageCodecs([Range, Models, Signed, Counted, Structures, Told] as unknown as MessageType<unknown>[]);

describe('unicast range', () => {
  it.each(vectors.unicastRanges)('$start, $length long: $accessHex', ({ start, length, accessHex }) => {
    const range = { start, length: length === 1 ? undefined : length };
    expect(toHex(Range.encode({ range }))).toBe(`01${accessHex}`);
    expect(Range.decode(fromHex(`01${accessHex}`))).toEqual({ ok: true, value: { range } });
  });

  it('stays within the unicast addresses', () => {
    expect(error(Range, '010000')).toBe('range: start: 0 is not in 1 to 32767');
    expect(error(Range, '01ffff02')).toBe('range: length: 32767 + 2 is beyond 0x7fff');
    expect(error(Range, '01030001')).toBe('range: length: 1 is not in 2 to 255');
    expect(() => Range.encode({ range: { start: 0x7fff, length: 2 } })).toThrow('is beyond 0x7fff');
  });
});

describe('model identifiers', () => {
  it('are two octets of the SIG, four of a vendor, company first', () => {
    const value = { sig: 0x1000, vendor: 0x0059_0001, any: 0x0059_0002 };
    expect(toHex(Models.encode(value))).toBe('02001059000100' + '59000200');
    expect(Models.decode(fromHex('02001059000100' + '0210'))).toMatchObject({ ok: true, value: { any: 0x1002 } });
  });

  it('are refused where they cannot be', () => {
    const value = { sig: 0, vendor: 0x10000, any: 0 };
    expect(() => Models.encode({ ...value, sig: 0x10000 })).toThrow('sig: 65536 is not a SIG model');
    expect(() => Models.encode({ ...value, vendor: 7 })).toThrow("vendor: 7 is not a vendor's model");
    expect(error(Models, '02001000000100' + '0010')).toBe('vendor: company 0 has no vendor models');
    expect(error(Models, '02001059000100' + '001000')).toBe('end: 1 octets too many');
  });
});

describe('fields that others tell', () => {
  it('are no members of the value, which they stand in front of', () => {
    expect(toHex(Counted.encode({ addresses: [1, 2], wide: [0x1234], tag: 9 }))).toBe('04' + '0241' + '01000200341209');
    expect(Counted.decode(fromHex('040000'))).toEqual({
      ok: true,
      value: { addresses: [], wide: [], tag: undefined },
    });
    expect(error(Counted, '0402000100')).toBe('addresses: 2 more octets needed, 0 left');
    expect(error(Counted, `046500${'0100'.repeat(101)}`)).toBe('addresses: 101 items, not 0 to 100');
  });

  it('say how long a number and octets are', () => {
    expect(toHex(Told.encode({ count: 0xff, target: 0xc000, data: Uint8Array.of(7) }))).toBe('0701ff010000c007');
    expect(toHex(Told.encode({ count: 0x100, target: 0, data: new Uint8Array(0) }))).toBe('0702000100000000');
    expect(error(Told, '07050000000000')).toBe('zero: prohibited bits are set');
    expect(error(Told, '0703000000000000')).toBe('octetsOfCount: 3 is not in 1 to 2');
    expect(error(Told, '070100010000800a')).toBe('target: 32768 is not an address other than a virtual one');
    expect(error(Told, '0701002d010000')).toBe('data: length 301 is not in 0 to 300');
  });
});

describe('sized fields', () => {
  it('have one octet of length below 128, two from there on', () => {
    const long = new Uint8Array(130).fill(1);
    expect(toHex(Sized.encode({ items: [Uint8Array.of(5), long], keys: [] }))).toBe(`0502050501${'01'.repeat(130)}`);
    expect(error(Sized, '0506800c')).toBe('items: length 3, 2 octets left');
    expect(() => Sized.encode({ items: [new Uint8Array(201)], keys: [] })).toThrow('length 201 is not in 0 to 200');
  });

  it('hold fields that stay within them', () => {
    expect(Structures.decode(fromHex('06' + '03096162' + '0109'))).toMatchObject({
      ok: true,
      value: { structures: [{ type: 9, data: Uint8Array.of(0x61, 0x62) }, { type: 9 }] },
    });
    expect(error(Structures, '0600')).toBe('structures: type: 1 more octet needed, 0 left');
    const Fixed = message({ name: 'Fixed', opcode: 0x08, source, fields: { a: sized(u8()) } });
    expect(error(Fixed, '08020102')).toBe('a: 1 octets too many in a length of 2');
  });
});

it('refuses to send numbers that a field cannot hold', () => {
  const signed = { rssi: 0, a: 0, b: 0 };
  expect(toHex(Signed.encode({ rssi: -50, a: -8, b: 5 }))).toBe('03ce58');
  expect(() => Signed.encode({ ...signed, rssi: 128 })).toThrow('rssi: 128 is not in -128 to 127');
  expect(error(Signed, '030006')).toBe('a: 6 is not in -8 to 5');
  const big = message({ name: 'Big', opcode: 0x09, source, fields: { n: u7or15(), m: uintBy('n') } });
  expect(() => big.encode({ n: 0x8000, m: 0 })).toThrow('n: 32768 is not in 0 to 32767');
  expect(() => big.encode({ n: 0, m: 0x10000 })).toThrow('m: 65536 is not in 0 to 65535');
});

function error(type: { decode: MessageType<unknown>['decode'] }, hex: string): string {
  const decoded = type.decode(fromHex(hex));
  return decoded.ok ? 'accepted' : `${decoded.error.field}: ${decoded.error.reason}`;
}
