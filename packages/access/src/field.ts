import { MeshError } from '@meshferry/core';
import type { BitReader, BitWriter } from './bit-stream.ts';

/** How a field stands in a message, for the dissector, the docs and the property tests. */
export type Layout =
  | { readonly kind: 'uint'; readonly bits: number; readonly min: number; readonly max: number; readonly only?: Only }
  | { readonly kind: 'int'; readonly bits: number; readonly min: number; readonly max: number }
  | { readonly kind: 'u64' }
  /** A number in 7 or 15 bits; bit 0 of the first octet says which (0: one octet in all, 1: two). */
  | { readonly kind: 'u7or15' }
  /** A number in as many octets as the derived field `octets` says. */
  | { readonly kind: 'uintBy'; readonly octets: string }
  | { readonly kind: 'flag' }
  | { readonly kind: 'choice'; readonly bits: number; readonly names: Readonly<Record<string, number>> }
  | { readonly kind: 'rfu'; readonly bits: number }
  /** Bits that must be 0. */
  | { readonly kind: 'prohibited'; readonly bits: number }
  | { readonly kind: 'octets'; readonly min: number; readonly max: number; readonly length: OctetsLength }
  | { readonly kind: 'text'; readonly max: number }
  | ListLayout
  | { readonly kind: 'struct'; readonly fields: Readonly<Record<string, Layout>>; readonly check?: Check }
  /** A length in octets, then so many of them. */
  | { readonly kind: 'sized'; readonly prefix: Layout; readonly of: Layout }
  /** Not a member of the value: it says how the members after it stand. */
  | { readonly kind: 'derived'; readonly of: Layout }
  /** 2 octets; 4 for a vendor's, Company Identifier first; `any`: told by the octets left. */
  | { readonly kind: 'modelId'; readonly of: 'sig' | 'vendor' | 'any' }
  /** To the end: pairs of 12 bits in three octets, a last one alone in two. */
  | { readonly kind: 'keyIndexes' }
  | { readonly kind: 'optional'; readonly of: Layout; readonly present: Presence }
  /** Bits reserved for future use after a field, in the same octets. */
  | { readonly kind: 'padded'; readonly of: Layout; readonly bits: number }
  /** A meaning of its own; `of` is how it stands on air, where other kinds can say it. */
  | { readonly kind: 'custom'; readonly note: string; readonly of?: Layout };

/** How many octets: a fixed number, told by one octet before them, all that are left, or told by a derived field. */
export type OctetsLength = number | 'u8' | 'rest' | { readonly field: string };

/** Items one after the other: to the end of the octets (`rest`), or as many as the derived field `count` says. */
export interface ListLayout {
  readonly kind: 'list';
  readonly of: Layout;
  readonly min: number;
  readonly max: number;
  readonly count: 'rest' | { readonly field: string };
}

/** What ties the members of a value together: the one that is wrong and why, or undefined. */
export type Check = (value: never) => { readonly field: string; readonly reason: string } | undefined;

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

/** A field that is no member of the value: reserved bits, or what follows from other members. */
export interface Reserved extends Field<unknown> {
  readonly reserved: true;
}

export type Fields = Readonly<Record<string, Field<never> | Reserved>>;

/** The value type of a set of fields: reserved ones left out, optional ones possibly undefined. */
export type ValueOf<F> = {
  -readonly [K in keyof F as F[K] extends Reserved ? never : K]: F[K] extends Field<infer T> ? T : never;
};

/** A field of a shape of its own; `note` says which, for the docs, and `of` how its octets stand, for the dissector. */
export function custom<T>(note: string, codec: Omit<Field<T>, 'layout'>, of?: Layout): Field<T> {
  return { layout: { kind: 'custom', note, ...(of && { of }) }, ...codec };
}

/** The error of a value that a field cannot hold; `writeFields` puts the field's name before it. */
export function badField(reason: string): MeshError {
  return new MeshError('bad-field', reason);
}

/** Throws `bad-field` for a length outside `min` to `max`. */
export function checkLength(length: number, min: number, max: number): void {
  if (length < min || length > max) throw badField(`length ${length} is not in ${min} to ${max}`);
}
