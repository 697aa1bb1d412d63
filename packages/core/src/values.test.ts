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

  it.each(['', '0x', '0x10000', '65536', '-1', 'five', '1.5'])('refuse "%s" and say what to give', (text) => {
    expect(() => parseAddress(text)).toThrow(
      expect.objectContaining({ code: 'bad-address', hint: expect.stringContaining('0x0100') }),
    );
  });
});

describe('records', () => {
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
