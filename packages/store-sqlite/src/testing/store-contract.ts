import { type Store, storeView, type Write } from '@meshferry/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** What every store promises, whatever it stands on. `open` gives a new, empty one. */
export function storeContract(name: string, open: () => Store): void {
  describe(`${name} keeps the contract of a store`, () => {
    let store: Store;

    beforeEach(() => {
      store = open();
    });

    afterEach(() => store.close());

    it('knows nothing at first', () => {
      expect(store.get('seq')).toBeUndefined();
      expect(store.keys('')).toEqual([]);
    });

    it('gives back what was written, also nothing at all', () => {
      store.batch([
        ['seq', octets(0, 255, 7)],
        ['empty', octets()],
      ]);
      expect(store.get('seq')).toEqual(octets(0, 255, 7));
      expect(store.get('empty')).toEqual(octets());
    });

    it('gives a plain Uint8Array of exactly the record', () => {
      store.batch([['part', octets(1, 2, 3, 4).subarray(1, 3)]]);
      const value = store.get('part');
      expect(Object.getPrototypeOf(value)).toBe(Uint8Array.prototype);
      expect(value).toEqual(octets(2, 3));
    });

    it('overwrites and deletes in the order of the batch', () => {
      store.batch([
        ['a', octets(1)],
        ['a', octets(2)],
        ['b', octets(3)],
        ['b', null],
        ['never', null],
      ]);
      expect(store.get('a')).toEqual(octets(2));
      expect(store.keys('')).toEqual(['a']);
    });

    it('keeps its own copy of what it was given', () => {
      const value = octets(1, 2);
      store.batch([['a', value]]);
      value[0] = 9;
      expect(store.get('a')).toEqual(octets(1, 2));
    });

    it('takes any iterable, also one that reads the store', () => {
      store.batch([['a', octets(1)]]);
      store.batch(copyOf(store));
      expect(store.get('copy')).toEqual(octets(1));
    });

    it('lists the keys of a prefix in ascending order', () => {
      const keys = ['replay/2', 'replay/10', 'replay', 'replay/', 'replay0', 'seq', 'Replay/3'];
      store.batch(keys.map((key): Write => [key, octets(0)]));
      expect(store.keys('replay/')).toEqual(['replay/', 'replay/10', 'replay/2']);
      expect(store.keys('')).toEqual([...keys].sort());
      expect(store.keys('none')).toEqual([]);
    });

    it('takes characters with meaning elsewhere as they are', () => {
      store.batch(["'; --", '%', '_', 'a*', 'é', '\u{1f6a2}', '\u{10ffff}', '\uffff'].map((key) => [key, octets(1)]));
      expect(store.keys('%')).toEqual(['%']);
      expect(store.keys('_')).toEqual(['_']);
      expect(store.keys("'")).toEqual(["'; --"]);
      expect(store.keys('\u{10ffff}')).toEqual(['\u{10ffff}']);
      expect(store.keys('\uffff')).toEqual(['\uffff']);
    });

    it('lets parts of it live under prefixes of their own', () => {
      const one = storeView(store, 'node/1/');
      const two = storeView(store, 'node/2/');
      one.batch([['seq', octets(1)]]);
      two.batch([['seq', octets(2)]]);
      one.close();
      expect(two.get('seq')).toEqual(octets(2));
      expect(one.keys('')).toEqual(['seq']);
      expect(store.keys('node/')).toEqual(['node/1/seq', 'node/2/seq']);
    });

    it('is a map from text to octets under any batches', () => {
      const keys = fc.constantFrom('a', 'a/', 'a/b', 'ab', 'b', '\ud7ff', '\ue000', '\u{10000}');
      const key = fc.oneof(
        keys,
        fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', '')),
      );
      const write = fc.record({ key, value: fc.oneof(fc.constant(null), fc.uint8Array({ maxLength: 300 })) });
      fc.assert(
        fc.property(fc.array(fc.array(write, { maxLength: 8 }), { maxLength: 6 }), key, (batches, prefix) => {
          store.batch(store.keys('').map((old): Write => [old, null]));
          const model = new Map<string, Uint8Array>();
          for (const batch of batches) {
            store.batch(batch.map((one): Write => [one.key, one.value]));
            for (const one of batch) one.value === null ? model.delete(one.key) : model.set(one.key, one.value);
          }
          expect(store.keys('')).toEqual([...model.keys()].sort());
          expect(store.keys(prefix)).toEqual([...model.keys()].filter((held) => held.startsWith(prefix)).sort());
          for (const [held, value] of model) expect(store.get(held)).toEqual(value);
        }),
        { numRuns: 60 },
      );
    });
  });
}

function octets(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

function* copyOf(store: Store): Iterable<Write> {
  yield ['copy', store.get('a') ?? null];
}
