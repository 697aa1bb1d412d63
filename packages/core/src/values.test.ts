import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressKind, formatAddress, parseAddress } from './addresses.ts';
import { concat, equal, equalConstantTime, fromHex, toHex } from './bytes.ts';
import { MeshError, toMeshError } from './errors.ts';
import { decodeRecord, encodeRecord } from './records.ts';
import { MemoryStore, storeView } from './store.ts';

describe('hex', () => {
  it('goes there and back for all octets', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => equal(fromHex(toHex(bytes)), bytes)));
  });

  it.each(['0', '0x00', 'gg', '00 00'])('refuses "%s"', (text) => {
    expect(() => fromHex(text)).toThrow(expect.objectContaining({ code: 'bad-hex' }));
  });
});

describe('octets', () => {
  it('are compared alike with and without constant time', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4 }), fc.uint8Array({ maxLength: 4 }), (a, b) => {
        expect(equalConstantTime(a, b)).toBe(equal(a, b));
        expect(equal(a, b)).toBe(toHex(a) === toHex(b));
        expect(toHex(concat(a, b))).toBe(toHex(a) + toHex(b));
      }),
    );
  });
});

describe('addresses', () => {
  it('have their kinds [3.4.2]', () => {
    expect([0, 1, 0x7fff, 0x8000, 0xbfff, 0xc000, 0xffff].map(addressKind)).toEqual([
      'unassigned',
      'unicast',
      'unicast',
      'virtual',
      'virtual',
      'group',
      'group',
    ]);
  });

  it('print with four digits and read back', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 0xffff }), (a) => parseAddress(formatAddress(a)) === a));
    expect(parseAddress('256')).toBe(0x100);
  });

  it('of any text are one or refused', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^(0x)?[0-9a-fx]{0,6}$/)), (text) => {
        try {
          expect(parseAddress(text)).toSatisfy((a: number) => a >= 0 && a <= 0xffff);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(MeshError);
        }
      }),
    );
  });

  it.each(['', '0x', '0x10000', '65536', '-1', 'five', '1.5'])('refuse "%s" and say what to give', (text) => {
    expect(() => parseAddress(text)).toThrow(
      expect.objectContaining({ code: 'bad-address', hint: expect.stringContaining('0x0100') }),
    );
  });
});

describe('records', () => {
  it('give back any value of plain members, octets and big integers', () => {
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        fc.string(),
        fc.integer(),
        fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !Object.is(number, -0)),
        fc.boolean(),
        fc.constant(null),
        fc.bigInt(),
        fc.uint8Array({ maxLength: 40 }),
        fc.array(tie('value'), { maxLength: 5 }),
        // Not with the marks of octets and big integers alone, nor what JSON.parse would make a prototype of.
        fc
          .dictionary(fc.string(), tie('value'), { maxKeys: 5, noNullPrototype: true })
          .filter((object) => !/^(hex|big|__proto__)$/m.test(Object.keys(object).join('\n'))),
      ),
    }));
    fc.assert(fc.property(value, (any) => void expect(decodeRecord(encodeRecord(any))).toEqual(any)));
  });

  it('of any octets are a value or none', () => {
    const json = fc.oneof(fc.json(), fc.constantFrom('{"big":"1x"}', '{"hex":"0"}', '{"big":""}', '{"hex":""}'));
    const octets = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.tuple(json, fc.nat(), fc.nat(255)).map(([text, at, octet]) => {
        const bytes = new TextEncoder().encode(text);
        bytes[at % bytes.length] = octet;
        return bytes;
      }),
    );
    fc.assert(fc.property(octets, (any) => void decodeRecord(any)));
  });

  it('keep octets and big integers', () => {
    const value = { id: 0x0123456789abcdefn, hash: fromHex('00ff'), list: [1, 'a', null], deep: { ok: true } };
    expect(decodeRecord(encodeRecord(value))).toEqual(value);
  });

  it('take a Buffer for the octets it holds', () => {
    expect(decodeRecord(encodeRecord({ a: Buffer.from([1, 2]) }))).toEqual({ a: fromHex('0102') });
    expect(decodeRecord(encodeRecord(Buffer.from([3])))).toEqual(fromHex('03'));
  });

  it('give undefined for what is absent or unreadable', () => {
    expect(decodeRecord(undefined)).toBeUndefined();
    expect(decodeRecord(fromHex('7b'))).toBeUndefined();
  });
});

describe('MemoryStore', () => {
  it('writes nothing of a batch that fails half-way', () => {
    const store = new MemoryStore();
    const writes = function* (): Iterable<[string, Uint8Array]> {
      yield ['a', fromHex('01')];
      throw new Error('power cut');
    };
    expect(() => store.batch(writes())).toThrow('power cut');
    expect(store.keys('')).toEqual([]);
  });
});

describe('storeView', () => {
  it('shows only its own part', () => {
    const store = new MemoryStore();
    const a = storeView(store, 'a/');
    a.batch([['x', fromHex('01')]]);
    storeView(store, 'b/').batch([['y', fromHex('02')]]);
    expect(a.keys('')).toEqual(['x']);
    expect(store.keys('')).toEqual(['a/x', 'b/y']);
    a.batch([['x', null]]);
    expect(store.keys('a/')).toEqual([]);
  });
});

describe('MeshError', () => {
  it('shows code, message and hint in JSON, and nothing else', () => {
    expect(JSON.parse(JSON.stringify(new MeshError('c', 'm', { hint: 'h' })))).toEqual({
      code: 'c',
      message: 'm',
      hint: 'h',
    });
    expect(toMeshError(new RangeError('x')).code).toBe('internal');
  });
});
