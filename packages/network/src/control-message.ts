import { type Address, fail, MeshError, ok, type Result } from '@meshferry/core';
import type { PduError } from './decode-error.ts';
import { CONTROL_MAX } from './upper-transport.ts';

/** How a field of a control message stands: big-endian, the first field of an octet in its most significant bits. */
export type ControlField =
  | { readonly kind: 'uint'; readonly bits: number; readonly min: number; readonly max: number }
  | { readonly kind: 'int'; readonly bits: number }
  /** Sent as 0, disregarded on receipt. */
  | { readonly kind: 'rfu'; readonly bits: number }
  /** Bits that must be 0. */
  | { readonly kind: 'prohibited'; readonly bits: number }
  /** To the end: addresses of 16 bits. */
  | { readonly kind: 'addresses'; readonly min: number; readonly max: number }
  /** To the end: octets as they stand. */
  | { readonly kind: 'rest' };

export type ControlLayout = Readonly<Record<string, ControlField>>;

/** A control message type: made by {@link controlMessage}, from the one declaration that there is of it. */
export interface ControlMessageType<T> {
  readonly name: string;
  /** 7 bits. */
  readonly opcode: number;
  /** The section of Mesh Protocol 1.1 that defines it. */
  readonly source: string;
  readonly layout: ControlLayout;
  /** The parameters. Throws `bad-field` naming the field when the value cannot be sent. */
  encode(value: T): Uint8Array;
  /** The value of whole parameters; one that is prohibited, or a wrong length, is an error. Never throws. */
  decode(parameters: Uint8Array): Result<T, PduError>;
}

/** An unsigned number of 1 to 32 bits within `min` and `max` (default: all that fit); others are prohibited. */
export function unsigned(bits: number, range: { readonly min?: number; readonly max?: number } = {}): ControlField {
  return { kind: 'uint', bits, min: range.min ?? 0, max: range.max ?? 2 ** bits - 1 };
}

/**
 * Declares a control message once: codec, names and `decode` follow from it. `T` has a number for each `uint` and `int`,
 * a list of addresses for `addresses`, octets for `rest`, nothing for `rfu` and `prohibited`.
 */
export function controlMessage<T extends object>(declaration: {
  readonly name: string;
  readonly opcode: number;
  readonly source: string;
  readonly layout: ControlLayout;
}): ControlMessageType<T> {
  const { name, layout } = declaration;
  return {
    ...declaration,
    encode: (value) => {
      const writer = new ControlWriter(name);
      for (const [field, of] of Object.entries(layout)) writer.write(field, of, (value as Fields)[field]);
      return writer.finish();
    },
    decode: (parameters) => {
      const reader = new ControlReader(parameters);
      const value: Record<string, Value> = {};
      for (const [field, of] of Object.entries(layout)) {
        const member = reader.read(field, of);
        if (reader.error !== undefined) return fail(reader.error);
        if (member !== undefined) value[field] = member;
      }
      const left = parameters.length - reader.offset;
      if (left > 0) return fail({ field: 'end', offset: reader.offset, reason: `${left} octets too many` });
      return ok(value as T);
    },
  };
}

type Value = number | readonly Address[] | Uint8Array;
type Fields = Readonly<Record<string, Value | undefined>>;

class ControlWriter {
  readonly #name: string;
  readonly #octets = new Uint8Array(CONTROL_MAX);
  /** Bits written so far. */
  #at = 0;

  constructor(name: string) {
    this.#name = name;
  }

  write(field: string, of: ControlField, value: Value | undefined): void {
    switch (of.kind) {
      case 'rfu':
      case 'prohibited':
        this.#bits(0, of.bits);
        return;
      case 'uint':
        this.#number(field, value, of.min, of.max);
        this.#bits(value as number, of.bits);
        return;
      case 'int':
        this.#number(field, value, -(2 ** (of.bits - 1)), 2 ** (of.bits - 1) - 1);
        this.#bits(value as number, of.bits);
        return;
      case 'addresses': {
        const list = value as readonly Address[];
        this.#number(`number of ${field}`, list.length, of.min, of.max);
        for (const address of list) this.#bits(address, 16);
        return;
      }
      case 'rest':
        for (const octet of value as Uint8Array) this.#bits(octet, 8);
    }
  }

  finish(): Uint8Array {
    return this.#octets.slice(0, Math.ceil(this.#at / 8));
  }

  #number(field: string, value: Value | undefined, min: number, max: number): void {
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return;
    throw new MeshError('bad-field', `${this.#name}: ${field}: ${String(value)} is not in ${min} to ${max}`, {
      hint: 'The message cannot be sent so; see its declaration.',
    });
  }

  #bits(value: number, bits: number): void {
    for (let i = bits - 1; i >= 0; i--, this.#at++) {
      if ((value >> i) & 1) this.#octets[this.#at >> 3]! |= 0x80 >> (this.#at & 7);
    }
  }
}

class ControlReader {
  readonly #octets: Uint8Array;
  /** Bits read so far. */
  #at = 0;
  error: PduError | undefined;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  /** Octets begun so far. */
  get offset(): number {
    return Math.ceil(this.#at / 8);
  }

  read(field: string, of: ControlField): Value | undefined {
    const offset = this.#at >> 3;
    switch (of.kind) {
      case 'rfu':
        this.#bits(field, of.bits);
        return undefined;
      case 'prohibited':
        if (this.#bits(field, of.bits) !== 0) this.#fail(field, offset, 'prohibited bits are set');
        return undefined;
      case 'uint': {
        const value = this.#bits(field, of.bits);
        if (value < of.min || value > of.max) this.#fail(field, offset, `${value} is not in ${of.min} to ${of.max}`);
        return value;
      }
      case 'int': {
        const value = this.#bits(field, of.bits);
        return value < 2 ** (of.bits - 1) ? value : value - 2 ** of.bits;
      }
      case 'addresses':
        return this.#addresses(field, of.min, of.max);
      case 'rest': {
        const rest = this.#octets.slice(offset);
        this.#at = 8 * this.#octets.length;
        return rest;
      }
    }
  }

  #addresses(field: string, min: number, max: number): readonly Address[] {
    const { offset } = this;
    const count = (this.#octets.length - offset) / 2;
    if (!Number.isInteger(count) || count < min || count > max) {
      this.#fail(field, offset, `${count} addresses, not ${min} to ${max}`);
      return [];
    }
    return Array.from({ length: count }, () => this.#bits(field, 16));
  }

  #bits(field: string, bits: number): number {
    if (this.#at + bits > 8 * this.#octets.length) {
      this.#fail(field, this.#at >> 3, 'cut');
      return 0;
    }
    let value = 0;
    for (let i = 0; i < bits; i++, this.#at++) {
      value = 2 * value + ((this.#octets[this.#at >> 3]! >> (7 - (this.#at & 7))) & 1);
    }
    return value;
  }

  #fail(field: string, offset: number, reason: string): void {
    this.error ??= { field, offset, reason };
  }
}
