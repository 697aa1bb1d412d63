import { MeshError } from '@meshferry/core';
import type { CborValue } from './cbor.ts';

/** How a field stands in a payload, for traces, docs and the property tests. */
export type Layout =
  | { readonly kind: 'int'; readonly min: number; readonly max: number }
  /** Any integer of 64 bits; bigint where a number is not exact. */
  | { readonly kind: 'int64' }
  | { readonly kind: 'flag'; readonly orInt?: boolean }
  | { readonly kind: 'text'; readonly max: number; readonly as: TextKind }
  | { readonly kind: 'bytes'; readonly sizes: readonly number[] | { readonly min: number; readonly max: number } }
  | { readonly kind: 'list'; readonly of: Layout; readonly max: number }
  /** A map from names that the peer chooses. */
  | { readonly kind: 'record'; readonly of: Layout; readonly max: number }
  | { readonly kind: 'either'; readonly of: readonly Layout[] }
  | { readonly kind: 'struct'; readonly members: readonly MemberLayout[] };

/** A member of a struct or a payload. */
export interface MemberLayout {
  readonly name: string;
  /** As on the wire; missing for the field that takes the members without a declaration. */
  readonly key?: string;
  readonly optional: boolean;
  readonly of: Layout;
}

/** What happens to control characters in a received text: one line without any, lines, or the text as it is. */
export type TextKind = 'line' | 'lines' | 'raw';

/** One field of a request or response: how its value becomes CBOR and back, and what bounds it. */
export interface Field<T> {
  readonly layout: Layout;
  /** Keys on the wire, the one to write first; default is the field's name. `null`: all members without a declaration. */
  readonly keys?: readonly string[] | null;
  /** What a member that is missing means; without this it is an error. */
  readonly missing?: { readonly value: unknown };
  /** Throws `bad-field` for a value that the field cannot hold: a defect of the caller, never of received input. */
  write(value: T): CborValue;
  /** Reports trouble through `reading.fail` and returns anything then. */
  read(value: CborValue, reading: Reading): T;
}

/** A field that may be left out. */
export interface Optional<T> extends Field<T | undefined> {
  readonly optional: true;
}

/** The value of a set of fields; optional ones may be missing. */
export type ValueOf<F> = {
  -readonly [K in keyof F as F[K] extends { readonly optional: true } ? never : K]: F[K] extends Field<infer T>
    ? T
    : never;
} & {
  -readonly [K in keyof F as F[K] extends { readonly optional: true } ? K : never]?: F[K] extends Field<infer T>
    ? T
    : never;
};

/** One reading of a payload: who reads, and what went wrong first. */
export class Reading {
  /** True on a server: members that are missing stay out, texts stay as they are, null is no value. */
  readonly asServer: boolean;
  #failure: { field: string; reason: string } | undefined;

  constructor(asServer: boolean) {
    this.asServer = asServer;
  }

  /** What is wrong and where, such as `images.0.hash`. */
  get failure(): { readonly field: string; readonly reason: string } | undefined {
    return this.#failure;
  }

  fail(reason: string): void {
    this.#failure ??= { field: '', reason };
  }

  /** Puts the name of a member before the path of a failure in it. */
  within(name: string): void {
    if (this.#failure === undefined) return;
    const { field } = this.#failure;
    this.#failure.field = field === '' ? name : `${name}.${field}`;
  }
}

/** The error of a value that a field cannot hold. */
export function badField(reason: string): MeshError {
  return new MeshError('bad-field', reason, { hint: 'The command cannot be sent so; see its declaration.' });
}

/** What a received value is, for the reason of an error. */
export function kindOf(value: CborValue): string {
  if (value === null) return 'null';
  if (value instanceof Uint8Array) return `a byte string of ${value.length} octets`;
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Map) return 'a map';
  if (typeof value === 'string') return 'a text';
  return String(value);
}
