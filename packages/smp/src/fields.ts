import type { CborMap, CborValue } from './cbor.ts';
import { badField, type Field, kindOf, type Layout, type Optional, type TextKind } from './field.ts';
import { sanitise } from './sanitise.ts';

/** Most entries that a received map or list may have, unless its field says otherwise. */
const ENTRIES_MAX = 1024;

/** An integer within `min` and `max`, both within ±(2^53 − 1). */
export function int(range: { readonly min?: number; readonly max?: number } = {}): Field<number> {
  const { min = -0x8000_0000, max = 0x7fff_ffff } = range;
  return {
    layout: { kind: 'int', min, max },
    write: (value) => {
      if (!(Number.isInteger(value) && value >= min && value <= max))
        throw badField(`${value} is not in ${min} to ${max}`);
      return value;
    },
    read: (value, reading) => {
      if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
      reading.fail(`${kindOf(value)} is no integer in ${min} to ${max}`);
      return min;
    },
  };
}

/** An integer from 0 to 2^32 − 1, or to `max`. */
export const uint = (max = 0xffff_ffff): Field<number> => int({ min: 0, max });

/** Any integer of 64 bits, such as a counter; a bigint only where a number is not exact. */
export function int64(): Field<number | bigint> {
  const fits = (value: CborValue): value is number | bigint =>
    typeof value === 'bigint' ? value >= -(2n ** 64n) && value < 2n ** 64n : Number.isSafeInteger(value);
  return {
    layout: { kind: 'int64' },
    write: (value) => {
      if (!fits(value)) throw badField(`${value} is no integer of 64 bits`);
      return value;
    },
    read: (value, reading) => {
      if (fits(value)) return value;
      reading.fail(`${kindOf(value)} is no integer of 64 bits`);
      return 0;
    },
  };
}

/** A boolean; one that is missing is false. With `orInt` a number is taken as well, 0 for false. */
export function flag(options: { readonly orInt?: boolean } = {}): Field<boolean> {
  const { orInt = false } = options;
  return {
    layout: { kind: 'flag', ...(orInt && { orInt }) },
    missing: { value: false },
    write: (value) => value,
    read: (value, reading) => {
      if (typeof value === 'boolean') return value;
      if (orInt && typeof value === 'number') return value !== 0;
      reading.fail(`${kindOf(value)} is no boolean`);
      return false;
    },
  };
}

/**
 * A text of at most `max` UTF-16 units. A client replaces control characters in what it receives, unless `as` says that the
 * text has lines (`lines`) or matters as it is (`raw`).
 */
export function text(options: { readonly max?: number; readonly as?: TextKind } = {}): Field<string> {
  const { max = 0xffff, as = 'line' } = options;
  return {
    layout: { kind: 'text', max, as },
    write: (value) => {
      if (value.length > max) throw badField(`a text of ${value.length} characters, at most ${max}`);
      return value;
    },
    read: (value, reading) => {
      if (typeof value !== 'string') reading.fail(`${kindOf(value)} is no text`);
      else if (value.length > max) reading.fail(`a text of ${value.length} characters, at most ${max}`);
      else return reading.asServer || as === 'raw' ? value : sanitise(value, as);
      return '';
    },
  };
}

/** A byte string of `min` to `max` octets; or, for a client, of one of some `sizes`. */
export function bytes(
  range: { readonly min?: number; readonly max?: number } | { readonly sizes: readonly number[] } = {},
): Field<Uint8Array> {
  const sizes = 'sizes' in range ? range.sizes : { min: range.min ?? 0, max: range.max ?? 0xffff };
  const fits = (length: number): boolean =>
    'min' in sizes ? length >= sizes.min && length <= sizes.max : sizes.includes(length);
  const wanted = 'min' in sizes ? `${sizes.min} to ${sizes.max}` : sizes.join(', ');
  return {
    layout: { kind: 'bytes', sizes },
    write: (value) => {
      if (!fits(value.length)) throw badField(`${value.length} octets, not ${wanted}`);
      return value;
    },
    read: (value, reading) => {
      if (!(value instanceof Uint8Array)) reading.fail(`${kindOf(value)} is no byte string`);
      // What a server says to a length that it does not like is the command's matter.
      else if (reading.asServer || fits(value.length)) return value;
      else reading.fail(`${value.length} octets, not ${wanted}`);
      return new Uint8Array();
    },
  };
}

/** At most `max` items. */
export function list<T>(item: Field<T>, options: { readonly max?: number } = {}): Field<T[]> {
  const { max = ENTRIES_MAX } = options;
  return {
    layout: { kind: 'list', of: item.layout, max },
    write: (values) => values.map((value) => item.write(value)),
    read: (value, reading) => {
      const items: T[] = [];
      if (!Array.isArray(value)) reading.fail(`${kindOf(value)} is no array`);
      else if (value.length > max) reading.fail(`${value.length} entries, at most ${max}`);
      else {
        for (let i = 0; i < value.length && reading.failure === undefined; i++) {
          items.push(item.read(value[i] as CborValue, reading));
          reading.within(String(i));
        }
      }
      return items;
    },
  };
}

/** A map from names that the peer chooses, in its order; at most `max` entries. */
export function record<T>(entry: Field<T>, options: { readonly max?: number } = {}): Field<ReadonlyMap<string, T>> {
  const { max = ENTRIES_MAX } = options;
  return {
    layout: { kind: 'record', of: entry.layout, max },
    write: (values) => {
      const map = new Map<CborValue, CborValue>();
      for (const [name, value] of values) map.set(name, entry.write(value));
      return map;
    },
    read: (value, reading) => {
      const entries = new Map<string, T>();
      if (!(value instanceof Map)) reading.fail(`${kindOf(value)} is no map`);
      else if (value.size > max) reading.fail(`${value.size} entries, at most ${max}`);
      else {
        for (const [key, member] of value as CborMap) {
          const name = reading.asServer ? String(key) : sanitise(String(key), 'line');
          entries.set(name, entry.read(member, reading));
          reading.within(name);
          if (reading.failure !== undefined) break;
        }
      }
      return entries;
    },
  };
}

/** A record whose entries are members of the payload itself, beside those that are declared. */
export function members<T>(entry: Field<T>): Field<ReadonlyMap<string, T>> {
  return { ...record(entry), keys: null };
}

/** A field that may be left out. */
export function optional<T>(field: Field<T>): Optional<T> {
  return {
    layout: field.layout,
    ...(field.keys !== undefined && { keys: field.keys }),
    optional: true,
    missing: { value: undefined },
    write: (value) => (value === undefined ? undefined : field.write(value)),
    read: (value, reading) => field.read(value, reading),
  };
}

/** A field that older or smaller servers leave out: it then has this value for a client. */
export function withDefault<T>(field: Field<T>, value: T): Field<T> {
  return { ...field, missing: { value } };
}

/** The field under other keys than its name: the one to write first, then those that are taken as well. */
export function key<F extends { readonly layout: Layout }>(keys: string | readonly string[], field: F): F {
  return { ...field, keys: typeof keys === 'string' ? [keys] : keys };
}

/** A value of one of two kinds; the first that fits is taken. */
export function either<A, B>(a: Field<A>, b: Field<B>, isA: (value: CborValue | A | B) => boolean): Field<A | B> {
  return {
    layout: { kind: 'either', of: [a.layout, b.layout] },
    write: (value) => (isA(value) ? a.write(value as A) : b.write(value as B)),
    read: (value, reading) => (isA(value) ? a.read(value, reading) : b.read(value, reading)),
  };
}
