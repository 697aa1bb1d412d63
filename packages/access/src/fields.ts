import { MeshError, toHex, utf8 } from '@meshferry/core';
import type { BitReader, BitWriter } from './bit-stream.ts';

/** How a field stands in a message, for the dissector, the docs and the property tests. */
export type Layout =
  | { readonly kind: 'uint'; readonly bits: number; readonly min: number; readonly max: number; readonly only?: Only }
  | { readonly kind: 'u64' }
  | { readonly kind: 'flag' }
  | { readonly kind: 'choice'; readonly bits: number; readonly names: Readonly<Record<string, number>> }
  | { readonly kind: 'rfu'; readonly bits: number }
  | { readonly kind: 'octets'; readonly min: number; readonly max: number; readonly length: number | 'u8' | 'rest' }
  | { readonly kind: 'text'; readonly max: number }
  | { readonly kind: 'list'; readonly of: Layout; readonly min: number; readonly max: number }
  | { readonly kind: 'struct'; readonly fields: Readonly<Record<string, Layout>> }
  | { readonly kind: 'optional'; readonly of: Layout; readonly present: Presence }
  | { readonly kind: 'custom'; readonly note: string };

/** Which values of a number are allowed, with words for it. */
export interface Only {
  readonly what: string;
  allowed(value: number): boolean;
}

/** Whether an optional field is there, told from the fields before it and, reading, from the octets left. */
export type Presence = (soFar: SoFar, remaining: number) => boolean;

/** The values of the fields before this one, by name. */
export type SoFar = Readonly<Record<string, unknown>>;

/** One field of a message: how its value is written, read and bounded. */
export interface Field<T> {
  readonly layout: Layout;
  /** Throws `bad-field` for a value that the layout cannot hold: a defect of the caller, never of received input. */
  write(writer: BitWriter, value: T, soFar: SoFar): void;
  /** Reports trouble through `reader.fail` and returns anything then. */
  read(reader: BitReader, soFar: SoFar): T;
}

/** A field that carries no value: reserved bits. */
export interface Reserved extends Field<undefined> {
  readonly reserved: true;
}

export type Fields = Readonly<Record<string, Field<never> | Reserved>>;

/** The value type of a set of fields: reserved ones left out, optional ones possibly undefined. */
export type ValueOf<F> = {
  -readonly [K in keyof F as F[K] extends Reserved ? never : K]: F[K] extends Field<infer T> ? T : never;
};

/** An unsigned number of 1 to 48 bits within `min` and `max` (default: all that fit); others are prohibited. */
export function uint(bits: number, range: { min?: number; max?: number } = {}): Field<number> {
  const min = range.min ?? 0;
  const max = range.max ?? 2 ** bits - 1;
  return {
    layout: { kind: 'uint', bits, min, max },
    write: (writer, value) => {
      if (!(Number.isInteger(value) && value >= min && value <= max))
        throw badField(`${value} is not in ${min} to ${max}`);
      writer.uint(value, bits);
    },
    read: (reader) => {
      const at = reader.offset;
      const value = reader.uint(bits);
      if (value < min || value > max) reader.fail(`${value} is not in ${min} to ${max}`, at);
      return value;
    },
  };
}

/** {@link uint} of 8 bits. */
export const u8 = (range?: { min?: number; max?: number }): Field<number> => uint(8, range);
/** {@link uint} of 16 bits. */
export const u16 = (range?: { min?: number; max?: number }): Field<number> => uint(16, range);
/** {@link uint} of 24 bits. */
export const u24 = (range?: { min?: number; max?: number }): Field<number> => uint(24, range);
/** {@link uint} of 32 bits. */
export const u32 = (range?: { min?: number; max?: number }): Field<number> => uint(32, range);

/** A number that only some values are allowed for, told by `allowed`; `what` names them in the error. */
export function uintWhere(bits: number, allowed: (value: number) => boolean, what: string): Field<number> {
  const plain = uint(bits);
  const reason = (value: number): string => `${value} is not ${what}`;
  return {
    layout: { kind: 'uint', bits, min: 0, max: 2 ** bits - 1, only: { what, allowed } },
    write: (writer, value, soFar) => {
      if (!allowed(value)) throw badField(reason(value));
      plain.write(writer, value, soFar);
    },
    read: (reader, soFar) => {
      const at = reader.offset;
      const value = plain.read(reader, soFar);
      if (!allowed(value)) reader.fail(reason(value), at);
      return value;
    },
  };
}

/** A TTL of a publication or a procedure: 0x00 to 0x7F, or 0xFF for the Default TTL. */
export const ttl = (): Field<number> =>
  uintWhere(8, (value) => value < 0x80 || value === 0xff, 'a TTL (0x00 to 0x7f, 0xff)');

/** A unicast address, 0x0001 to 0x7FFF. */
export const unicast = (): Field<number> => uint(16, { min: 1, max: 0x7fff });

/** A 64-bit number, such as a BLOB ID. */
export function u64(): Field<bigint> {
  return {
    layout: { kind: 'u64' },
    write: (writer, value) => {
      if (value < 0n || value > 0xffff_ffff_ffff_ffffn) throw badField(`${value} does not fit 64 bits`);
      writer.uint(Number(value & 0xffff_ffffn), 32);
      writer.uint(Number(value >> 32n), 32);
    },
    read: (reader) => {
      const low = reader.uint(32);
      return (BigInt(reader.uint(32)) << 32n) | BigInt(low);
    },
  };
}

/** One bit. */
export function flag(): Field<boolean> {
  return {
    layout: { kind: 'flag' },
    write: (writer, value) => writer.uint(value ? 1 : 0, 1),
    read: (reader) => reader.uint(1) === 1,
  };
}

/** A number whose allowed values have names; the others are prohibited. */
export function choice<const N extends string>(bits: number, names: Readonly<Record<N, number>>): Field<N> {
  const byValue = new Map<number, N>();
  for (const name of Object.keys(names) as N[]) byValue.set(names[name], name);
  return {
    layout: { kind: 'choice', bits, names },
    write: (writer, value) => {
      const number = names[value];
      if (number === undefined) throw badField(`"${String(value)}" is none of ${Object.keys(names).join(', ')}`);
      writer.uint(number, bits);
    },
    read: (reader) => {
      const at = reader.offset;
      const number = reader.uint(bits);
      const name = byValue.get(number);
      if (name === undefined) reader.fail(`${number} is prohibited`, at);
      return name ?? (Object.keys(names)[0] as N);
    },
  };
}

/** Bits reserved for future use: sent as 0, disregarded on receipt. */
export function rfu(bits: number): Reserved {
  return {
    reserved: true,
    layout: { kind: 'rfu', bits },
    write: (writer) => writer.uint(0, bits),
    read: (reader) => {
      reader.uint(bits);
      return undefined;
    },
  };
}

/** Exactly `length` octets, copied as they stand. */
export function octets(length: number): Field<Uint8Array> {
  return {
    layout: { kind: 'octets', min: length, max: length, length },
    write: (writer, value) => {
      if (value.length !== length) throw badField(`${value.length} octets instead of ${length}`);
      writer.octets(value);
    },
    read: (reader) => reader.octets(length),
  };
}

/** One octet with the length, then so many octets (`min` to `max`, at most 255). */
export function sizedOctets(range: { min?: number; max?: number } = {}): Field<Uint8Array> {
  const { min = 0, max = 255 } = range;
  return {
    layout: { kind: 'octets', min, max, length: 'u8' },
    write: (writer, value) => {
      checkLength(value.length, min, max);
      writer.uint(value.length, 8);
      writer.octets(value);
    },
    read: (reader) => {
      const at = reader.offset;
      const length = reader.uint(8);
      if (length < min || length > max) reader.fail(`length ${length} is not in ${min} to ${max}`, at);
      return reader.octets(length);
    },
  };
}

/** All octets that are left (`min` to `max`, default 0 to 379). The last field of a message. */
export function rest(range: { min?: number; max?: number } = {}): Field<Uint8Array> {
  const { min = 0, max = 379 } = range;
  return {
    layout: { kind: 'octets', min, max, length: 'rest' },
    write: (writer, value) => {
      checkLength(value.length, min, max);
      writer.octets(value);
    },
    read: (reader) => {
      const length = Math.max(0, reader.remaining);
      if (length < min || length > max) reader.fail(`${length} octets left, not ${min} to ${max}`);
      return reader.octets(length);
    },
  };
}

/** UTF-8 text with one octet of length before it; `max` counts octets. Invalid UTF-8 is refused. */
export function sizedText(max = 255): Field<string> {
  const inner = sizedOctets({ max });
  return {
    layout: { kind: 'text', max },
    write: (writer, value, soFar) => inner.write(writer, utf8(value), soFar),
    read: (reader, soFar) => {
      const at = reader.offset;
      const bytes = inner.read(reader, soFar);
      try {
        return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
      } catch {
        reader.fail(`not UTF-8: ${toHex(bytes.subarray(0, 16))}`, at);
        return '';
      }
    },
  };
}

/** Fields one after the other as one value. */
export function struct<const F extends Readonly<Record<string, unknown>>>(fields: F): Field<ValueOf<F>> {
  const entries = Object.entries(fields) as [string, Field<unknown>][];
  const layouts: Record<string, Layout> = {};
  for (const [name, field] of entries) layouts[name] = field.layout;
  return {
    layout: { kind: 'struct', fields: layouts },
    write: (writer, value) => writeFields(writer, entries, value as SoFar),
    read: (reader) => readFields(reader, entries) as ValueOf<F>,
  };
}

/** Items to the end of the message, `min` to `max` of them. */
export function list<T>(item: Field<T>, range: { min?: number; max?: number } = {}): Field<T[]> {
  const { min = 0, max = 380 } = range;
  return {
    layout: { kind: 'list', of: item.layout, min, max },
    write: (writer, values, soFar) => {
      checkLength(values.length, min, max);
      for (const value of values) item.write(writer, value, soFar);
    },
    read: (reader, soFar) => {
      const values: T[] = [];
      while (reader.remaining > 0 && reader.failure === undefined) values.push(item.read(reader, soFar));
      if (values.length < min || values.length > max) reader.fail(`${values.length} items, not ${min} to ${max}`);
      return values;
    },
  };
}

/** Present while octets are left (reading), while the value is not undefined (writing). */
export function optional<T>(field: Field<T>): Field<T | undefined> {
  return when((_, remaining) => remaining > 0, field);
}

/**
 * Present when `present` says so of the fields before it (and, reading, of the octets left); otherwise undefined.
 * Writing follows the value: undefined is left out.
 */
export function when<T>(present: Presence, field: Field<T>): Field<T | undefined> {
  return {
    layout: { kind: 'optional', of: field.layout, present },
    write: (writer, value, soFar) => {
      if (value !== undefined) field.write(writer, value, soFar);
    },
    read: (reader, soFar) => (present(soFar, reader.remaining) ? field.read(reader, soFar) : undefined),
  };
}

/** A field of a shape of its own; `note` says which, for the docs. */
export function custom<T>(note: string, codec: Omit<Field<T>, 'layout'>): Field<T> {
  return { layout: { kind: 'custom', note }, ...codec };
}

/** Writes named fields; the error names the field. */
export function writeFields(writer: BitWriter, entries: readonly [string, Field<unknown>][], value: SoFar): void {
  for (const [name, field] of entries) {
    try {
      field.write(writer, value[name], value);
    } catch (error) {
      if (!(error instanceof MeshError) || error.code !== 'bad-field') throw error;
      throw new MeshError('bad-field', `${name}: ${error.message}`);
    }
  }
}

/** Reads named fields until the first failure, whose reason then names the field. */
export function readFields(reader: BitReader, entries: readonly [string, Field<unknown>][]): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (const [name, field] of entries) {
    const member = field.read(reader, value);
    if (reader.failure !== undefined) {
      reader.failure = { reason: `${name}: ${reader.failure.reason}`, offset: reader.failure.offset };
      break;
    }
    if (!('reserved' in field)) value[name] = member;
  }
  return value;
}

function badField(reason: string): MeshError {
  return new MeshError('bad-field', reason);
}

function checkLength(length: number, min: number, max: number): void {
  if (length < min || length > max) throw badField(`length ${length} is not in ${min} to ${max}`);
}
