import { toHex, utf8 } from '@meshferry/core';
import { badField, checkLength, type Field } from './field.ts';

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

/** So many octets as the derived field named `length` says. */
export function octetsBy(length: string, range: { min?: number; max?: number } = {}): Field<Uint8Array> {
  const { min = 0, max = 379 } = range;
  return {
    layout: { kind: 'octets', min, max, length: { field: length } },
    write: (writer, value) => {
      checkLength(value.length, min, max);
      writer.octets(value);
    },
    read: (reader, soFar) => {
      const octets = soFar[length] as number;
      if (octets < min || octets > max) reader.fail(`length ${octets} is not in ${min} to ${max}`);
      return reader.octets(octets);
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
