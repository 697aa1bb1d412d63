import { isArray, isObject, type Json, type JsonObject, setMember } from './json.ts';

/**
 * How an object was written where it was read in another form: older words, lower-case hex, a repair. It hangs on the object
 * under a symbol, which `{ ...object }` copies and JSON does not show. So a document that nobody changed is written as it came,
 * and a changed one differs from it only where it was changed.
 */
const ORIGIN: unique symbol = Symbol('origin');

interface MemberOrigin {
  /** The name in the source; undefined if the reader added the member. */
  readonly name: string | undefined;
  readonly source: Json | undefined;
  /** What the reader made of it; undefined if it left the member out. While that stands, the source is written. */
  readonly read: unknown;
}

/** By name of the member in the model. */
export type Origin = Map<string, MemberOrigin>;

type WithOrigin = { readonly [ORIGIN]?: Origin };

/** Hangs the origin on an object that was just made. */
export function setOrigin(object: object, origin: Origin): void {
  (object as { [ORIGIN]?: Origin })[ORIGIN] = origin;
}

/** `object` with another value (undefined: without) for a member that the reader corrects: written as it came nevertheless. */
export function corrected<T extends object>(object: T, name: keyof T & string, value: unknown): T {
  const before = (object as WithOrigin)[ORIGIN];
  const origin: Origin = new Map(before);
  const known = before?.get(name);
  const source = known === undefined || known.read !== object[name] ? (object[name] as Json | undefined) : known.source;
  origin.set(name, { name: known?.name ?? name, source, read: value });
  const copy = { ...object };
  if (value === undefined) delete copy[name];
  else setMember(copy, name, value);
  setOrigin(copy, origin);
  return copy;
}

/** The document as it is written: what was not changed, in the form in which it was read. */
export function asItCame(value: Json): Json {
  if (isArray(value)) return value.map(asItCame);
  if (!isObject(value)) return value;
  const origin = (value as WithOrigin)[ORIGIN];
  const written: JsonObject = {};
  for (const name of Object.keys(value)) {
    const member = value[name];
    const came = origin?.get(name);
    if (came === undefined || came.read !== member) {
      if (member !== undefined) setMember(written, name, asItCame(member));
    } else if (came.name !== undefined) setMember(written, came.name, came.source);
  }
  for (const [name, came] of origin ?? []) {
    if (came.read === undefined && came.name !== undefined && !Object.hasOwn(value, name)) {
      setMember(written, came.name, came.source);
    }
  }
  return written;
}

/** A copy that has forgotten how it came. */
export function withoutOrigin<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withoutOrigin) as T;
  if (typeof value !== 'object' || value === null) return value;
  const copy = {};
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) setMember(copy, name, withoutOrigin(member));
  }
  return copy as T;
}
