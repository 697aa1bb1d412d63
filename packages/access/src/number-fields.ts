import { badField, type Field, type Reserved } from './field.ts';

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

/** A signed number of 2 to 32 bits, two's complement, within `min` and `max` (default: all that fit). */
export function int(bits: number, range: { min?: number; max?: number } = {}): Field<number> {
  const half = 2 ** (bits - 1);
  const min = range.min ?? -half;
  const max = range.max ?? half - 1;
  return {
    layout: { kind: 'int', bits, min, max },
    write: (writer, value) => {
      if (!(Number.isInteger(value) && value >= min && value <= max))
        throw badField(`${value} is not in ${min} to ${max}`);
      writer.uint(value < 0 ? value + 2 * half : value, bits);
    },
    read: (reader) => {
      const at = reader.offset;
      const unsigned = reader.uint(bits);
      const value = unsigned < half ? unsigned : unsigned - 2 * half;
      if (value < min || value > max) reader.fail(`${value} is not in ${min} to ${max}`, at);
      return value;
    },
  };
}

/** {@link int} of 8 bits, such as an RSSI in dBm. */
export const s8 = (range?: { min?: number; max?: number }): Field<number> => int(8, range);

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

/** An address that a message may go to, or 0 for none; virtual addresses (0x8000 to 0xBFFF) are prohibited. */
export const notVirtual = (): Field<number> =>
  uintWhere(16, (value) => value < 0x8000 || value >= 0xc000, 'an address other than a virtual one');

/** A number below 2^15 in one octet (below 128) or two, told by the lowest bit [Mesh Protocol 1.1, 4.3.10]. */
export function u7or15(): Field<number> {
  return {
    layout: { kind: 'u7or15' },
    write: (writer, value) => {
      if (!(Number.isInteger(value) && value >= 0 && value < 0x8000)) throw badField(`${value} is not in 0 to 32767`);
      const long = value >= 0x80;
      writer.uint(value * 2 + (long ? 1 : 0), long ? 16 : 8);
    },
    read: (reader) => reader.uint(reader.uint(1) === 1 ? 15 : 7),
  };
}

/** A 16-bit number in one octet when it fits, in two otherwise; the derived field `octets` says how many on receipt. */
export function uintBy(octets: string): Field<number> {
  return {
    layout: { kind: 'uintBy', octets },
    write: (writer, value) => {
      if (!(Number.isInteger(value) && value >= 0 && value < 0x10000)) throw badField(`${value} is not in 0 to 65535`);
      writer.uint(value, value < 0x100 ? 8 : 16);
    },
    read: (reader, soFar) => reader.uint(8 * (soFar[octets] as number)),
  };
}

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

/** Bits that must be 0: a message with others is ignored. */
export function prohibited(bits: number): Reserved {
  return {
    reserved: true,
    layout: { kind: 'prohibited', bits },
    write: (writer) => writer.uint(0, bits),
    read: (reader) => {
      const at = reader.offset;
      if (reader.uint(bits) !== 0) reader.fail('prohibited bits are set', at);
      return undefined;
    },
  };
}
