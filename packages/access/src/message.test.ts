import { fromHex, type MeshError, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import {
  choice,
  flag,
  list,
  octets,
  optional,
  rest,
  rfu,
  sizedOctets,
  sizedText,
  struct,
  ttl,
  u8,
  u16,
  u24,
  u32,
  u64,
  uint,
  unicast,
  when,
} from './fields.ts';
import { type MessageType, message } from './message.ts';
import { vendorOpcode } from './opcode.ts';
import { testMessageCodecs } from './testing/index.ts';

const source = 'test';
const Numbers = message({
  name: 'Numbers',
  opcode: 0x01,
  source,
  fields: {
    a: u8({ min: 3, max: 9 }),
    b: u16(),
    c: u24(),
    d: u32({ min: 1 }),
    e: u64(),
    f: uint(48),
    g: ttl(),
    h: unicast(),
  },
});
const Bits = message({
  name: 'Bits',
  opcode: 0x8001,
  source,
  fields: {
    a: uint(12),
    b: uint(12, { max: 5 }),
    c: flag(),
    r: rfu(5),
    d: choice(2, { push: 1, pull: 2 }),
    e: octets(4),
  },
});
const Sized = message({
  name: 'Sized',
  opcode: vendorOpcode(0x0059, 0x3f),
  source,
  fields: { id: sizedOctets({ min: 2, max: 108 }), uri: sizedText(255), tail: rest() },
});
const Items = message({
  name: 'Items',
  opcode: 0x8002,
  source,
  fields: {
    count: u8(),
    items: list(struct({ address: unicast(), image: u8(), note: sizedOctets({ max: 20 }) }), { min: 1 }),
  },
});
const Early = message({
  name: 'Early',
  opcode: 0x8003,
  source,
  fields: { status: u8(), blobId: optional(u64()), size: optional(u32()), missing: optional(rest({ min: 1 })) },
});
const Dependent = message({
  name: 'Dependent',
  opcode: 0x8004,
  source,
  fields: {
    status: u8({ max: 3 }),
    first: when((soFar) => soFar.status === 0, u16()),
    second: when((soFar) => soFar.first !== undefined, u8()),
  },
});
const Tied = message({
  name: 'Tied',
  opcode: 0x8005,
  source,
  fields: { low: u8(), high: u8() },
  check: ({ low, high }) => (low <= high ? undefined : { field: 'high', reason: `${high} is below low` }),
});

const all = [Numbers, Bits, Sized, Items, Early, Dependent, Tied];

testMessageCodecs(all as unknown as MessageType<unknown>[]);

describe.each(all.map((type) => [type.name, type] as const))('%s', (_, type) => {
  it('refuses another opcode and no octets', () => {
    expect(type.decode(fromHex('7d00'))).toMatchObject({ ok: false, error: { field: 'opcode', message: type.name } });
    expect(type.decode(new Uint8Array(0)).ok).toBe(false);
  });
});

describe('message', () => {
  it('puts opcode and fields on air as the specification does', () => {
    const value = { a: 0x123, b: 5, c: true, d: 'pull', e: Uint8Array.of(1, 2, 3, 4) } as const;
    expect(toHex(Bits.encode(value))).toBe(`8001${'235100'}${'81'}${'01020304'}`);
    expect(toHex(Sized.encode({ id: Uint8Array.of(7, 8), uri: 'é', tail: Uint8Array.of(9) }))).toBe(
      'ff5900020708' + '02c3a909',
    );
  });

  it('names field, offset and reason of what it refuses', () => {
    const good = toHex(Numbers.encode({ a: 3, b: 2, c: 3, d: 4, e: 5n, f: 6, g: 0xff, h: 1 }));
    const error = (hex: string): unknown => {
      const decoded = Numbers.decode(fromHex(hex));
      return decoded.ok ? 'accepted' : decoded.error;
    };
    expect(error(`010a${good.slice(4)}`)).toEqual({
      message: 'Numbers',
      field: 'a',
      offset: 1,
      reason: '10 is not in 3 to 9',
    });
    expect(error(`${good}00`)).toEqual({
      message: 'Numbers',
      field: 'end',
      offset: good.length / 2,
      reason: '1 octets too many',
    });
    expect(error(good.slice(0, -2))).toMatchObject({ field: 'h', reason: '2 more octets needed, 1 left' });
    expect(error(good.replace('ff0100', '800100'))).toMatchObject({
      field: 'g',
      reason: '128 is not a TTL (0x00 to 0x7f, 0xff)',
    });
  });

  it('disregards reserved bits', () => {
    const decoded = Bits.decode(fromHex(`8001${'235100'}${'ff'}${'01020304'}`));
    expect(decoded).toMatchObject({ ok: false, error: { field: 'd', reason: '3 is prohibited' } });
    expect(Bits.decode(fromHex(`8001${'235100'}${'be'}${'01020304'}`))).toMatchObject({
      ok: true,
      value: { c: false, d: 'pull' },
    });
  });

  it('holds what ties its fields together, both ways', () => {
    expect(Tied.decode(fromHex('80050201'))).toMatchObject({
      ok: false,
      error: { field: 'high', reason: '1 is below low' },
    });
    expect(() => Tied.encode({ low: 2, high: 1 })).toThrow('Tied: high: 1 is below low');
  });

  it('refuses to send what does not fit, naming the field', () => {
    expect(codeOf(() => Tied.encode({ low: 256, high: 300 }))).toBe('bad-field');
    expect(() => Tied.encode({ low: 1, high: 300 })).toThrow('high: 300 is not in 0 to 255');
    expect(() => Sized.encode({ id: new Uint8Array(108), uri: '', tail: new Uint8Array(379) })).toThrow(
      'Sized: 492 octets, at most 380',
    );
  });

  it('refuses text that is not UTF-8', () => {
    expect(Sized.decode(fromHex('ff590002070801ff'))).toMatchObject({
      ok: false,
      error: { field: 'uri', reason: 'not UTF-8: ff' },
    });
  });
});

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as MeshError).code;
  }
  return 'nothing thrown';
}
