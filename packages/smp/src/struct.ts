import type { CborMap, CborValue } from './cbor.ts';
import { badField, type Field, kindOf, type MemberLayout, type Optional, type Reading, type ValueOf } from './field.ts';

/** A declared member, ready for use. */
export interface Member {
  readonly name: string;
  /** The one to write first; null takes all that are not declared. */
  readonly keys: readonly string[] | null;
  readonly field: Field<unknown>;
  readonly optional: boolean;
}

/** Keys that tell how a request ended; no field takes them as one of its members without a declaration. */
const OUTCOME_KEYS: ReadonlySet<CborValue> = new Set(['rc', 'err', 'rsn']);

/** A map of declared members as one value. */
export function struct<const F extends Readonly<Record<string, unknown>>>(fields: F): Field<ValueOf<F>> {
  const members = membersOf(fields);
  return {
    layout: { kind: 'struct', members: layoutOf(members) },
    write: (value) => writeMembers(members, value),
    read: (value, reading) => {
      if (value instanceof Map) return readMembers(members, value, reading) as ValueOf<F>;
      reading.fail(`${kindOf(value)} is no map`);
      return {} as ValueOf<F>;
    },
  };
}

/** The members of a set of fields, in their order. */
export function membersOf(fields: Readonly<Record<string, unknown>>): Member[] {
  return Object.entries(fields as Readonly<Record<string, Field<unknown>>>).map(([name, field]) => ({
    name,
    keys: field.keys === undefined ? [name] : field.keys,
    field,
    optional: (field as Partial<Optional<unknown>>).optional === true,
  }));
}

/** How members stand on the wire. */
export function layoutOf(members: readonly Member[]): MemberLayout[] {
  return members.map(({ name, keys, field, optional }) => {
    const key = keys?.[0];
    return { name, ...(key !== undefined && { key }), optional, of: field.layout };
  });
}

/** The map of a value: members in the order of their declaration, optional ones that are undefined left out. Throws `bad-field`. */
export function writeMembers(members: readonly Member[], value: object): Map<CborValue, CborValue> {
  const map = new Map<CborValue, CborValue>();
  for (const { name, keys, field, optional } of members) {
    const given = (value as Readonly<Record<string, unknown>>)[name];
    if (given === undefined && (optional || field.missing !== undefined)) continue;
    const written = writeMember(name, field, given);
    if (keys !== null) map.set(keys[0], written);
    else for (const [key, member] of written as CborMap) map.set(key, member);
  }
  return map;
}

/** The value of a map; members without a declaration do not matter. Reports trouble to `reading`. */
export function readMembers(members: readonly Member[], map: CborMap, reading: Reading): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (const { name, keys, field } of members) {
    const given = keys === null ? others(members, map) : find(map, keys);
    // Null is a value that is not there for a client; on a server it is one of a wrong type.
    if (given === undefined || (given === null && !reading.asServer)) {
      if (reading.asServer) continue;
      if (field.missing === undefined) reading.fail('missing');
      else if (field.missing.value !== undefined) value[name] = field.missing.value;
    } else {
      value[name] = field.read(given, reading);
    }
    reading.within(name);
    if (reading.failure !== undefined) break;
  }
  return value;
}

function writeMember(name: string, field: Field<unknown>, value: unknown): CborValue {
  if (value === undefined) throw badField(`${name} is missing`);
  try {
    return field.write(value);
  } catch (thrown) {
    throw badField(`${name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}

function find(map: CborMap, keys: readonly string[]): CborValue {
  for (const key of keys) {
    const value = map.get(key);
    if (value !== undefined) return value;
  }
  return undefined;
}

function others(members: readonly Member[], map: CborMap): CborMap {
  const rest = new Map<CborValue, CborValue>();
  for (const [key, value] of map) {
    if (OUTCOME_KEYS.has(key) || members.some(({ keys }) => keys?.includes(key as string))) continue;
    rest.set(key, value);
  }
  return rest;
}
