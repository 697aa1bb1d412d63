import { MeshError } from '@meshferry/core';
import { type BitReader, BitWriter } from './bit-stream.ts';
import {
  badField,
  type Check,
  checkLength,
  type Field,
  type Layout,
  type Presence,
  type Reserved,
  type SoFar,
  type ValueOf,
} from './field.ts';
import { flag, rfu, u8 } from './number-fields.ts';

/** Fields one after the other as one value; what `check` refuses is neither sent nor taken. */
export function struct<const F extends Readonly<Record<string, unknown>>>(
  fields: F,
  check?: (value: ValueOf<F>) => { readonly field: string; readonly reason: string } | undefined,
): Field<ValueOf<F>> {
  const entries = Object.entries(fields) as [string, Field<unknown>][];
  const layouts: Record<string, Layout> = {};
  for (const [name, field] of entries) layouts[name] = field.layout;
  return {
    layout: { kind: 'struct', fields: layouts, ...(check === undefined ? {} : { check: check as Check }) },
    write: (writer, value) => {
      const wrong = check?.(value);
      if (wrong !== undefined) throw badField(`${wrong.field}: ${wrong.reason}`);
      writeFields(writer, entries, value as SoFar);
    },
    read: (reader) => {
      const at = reader.offset;
      const value = readFields(reader, entries) as ValueOf<F>;
      const wrong = reader.failure === undefined ? check?.(value) : undefined;
      if (wrong !== undefined) reader.fail(`${wrong.field}: ${wrong.reason}`, at);
      return value;
    },
  };
}

/**
 * `min` to `max` items: to the end of the message, or as many as the derived field named `count` says (see
 * {@link countOf}).
 */
export function list<T>(item: Field<T>, range: { min?: number; max?: number; count?: string } = {}): Field<T[]> {
  const { min = 0, max = 380, count } = range;
  return {
    layout: { kind: 'list', of: item.layout, min, max, count: count === undefined ? 'rest' : { field: count } },
    write: (writer, values, soFar) => {
      checkLength(values.length, min, max);
      for (const value of values) item.write(writer, value, soFar);
    },
    read: (reader, soFar) => {
      const values: T[] = [];
      const items = count === undefined ? Number.POSITIVE_INFINITY : (soFar[count] as number);
      while (values.length < items && reader.failure === undefined) {
        if (count === undefined && reader.remaining <= 0) break;
        values.push(item.read(reader, soFar));
      }
      if (values.length < min || values.length > max) reader.fail(`${values.length} items, not ${min} to ${max}`);
      return values;
    },
  };
}

/** A length in octets (`prefix`, default one octet), then a field that takes exactly so many. */
export function sized<T>(field: Field<T>, prefix: Field<number> = u8()): Field<T> {
  return {
    layout: { kind: 'sized', prefix: prefix.layout, of: field.layout },
    write: (writer, value, soFar) => {
      const inner = new BitWriter();
      field.write(inner, value, soFar);
      prefix.write(writer, inner.length, soFar);
      writer.octets(inner.finish());
    },
    read: (reader, soFar) => {
      const at = reader.offset;
      const length = prefix.read(reader, soFar);
      if (length > reader.remaining) reader.fail(`length ${length}, ${Math.max(0, reader.remaining)} octets left`, at);
      const outer = reader.narrow(length);
      const value = field.read(reader, soFar);
      if (reader.remaining > 0) reader.fail(`${reader.remaining} octets too many in a length of ${length}`);
      reader.widen(outer);
      return value;
    },
  };
}

/**
 * A field that is no member of the value, because the other members tell it: `from` gives what is written, undefined
 * for nothing. On receipt the fields after it find it among those before them, and `present` says whether it is there.
 */
export function derived<T>(
  field: Field<T>,
  from: (value: SoFar) => T | undefined,
  present: Presence = always,
): Reserved {
  return {
    reserved: true,
    layout: { kind: 'derived', of: present === always ? field.layout : when(present, field).layout },
    write: (writer, _, soFar) => {
      const value = from(soFar);
      if (value !== undefined) field.write(writer, value, soFar);
    },
    read: (reader, soFar) => (present(soFar, reader.remaining) ? field.read(reader, soFar) : undefined),
  };
}

/** A field and bits reserved for future use after it: sent as 0, disregarded on receipt. */
export function padded<T>(field: Field<T>, bits: number): Field<T> {
  const reserved = rfu(bits);
  return {
    layout: { kind: 'padded', of: field.layout, bits },
    write: (writer, value, soFar) => {
      field.write(writer, value, soFar);
      reserved.write(writer, undefined, soFar);
    },
    read: (reader, soFar) => {
      const value = field.read(reader, soFar);
      reserved.read(reader, soFar);
      return value;
    },
  };
}

/** The number of items of the list `name`, which names this field as its `count`; absent when the list is. */
export function countOf(name: string, field: Field<number> = u8(), present?: Presence): Reserved {
  return derived(field, (value) => (value[name] as readonly unknown[] | undefined)?.length, present);
}

/** One bit: whether the field `name` follows. That field is declared with `when((soFar) => soFar.… === true, …)`. */
export function presenceOf(name: string): Reserved {
  return derived(flag(), (value) => value[name] !== undefined);
}

const always: Presence = () => true;

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
  // The same object until the first derived field, which those after it must see but the value must not hold.
  let soFar = value;
  for (const [name, field] of entries) {
    const member = field.read(reader, soFar);
    if (reader.failure !== undefined) {
      reader.failure = { reason: `${name}: ${reader.failure.reason}`, offset: reader.failure.offset };
      break;
    }
    if (!('reserved' in field)) {
      value[name] = member;
      if (soFar !== value) soFar[name] = member;
    } else if (member !== undefined) {
      if (soFar === value) soFar = { ...value };
      soFar[name] = member;
    }
  }
  return value;
}
