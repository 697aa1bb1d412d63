import { fromHex, toHex } from './bytes.ts';
import type { Store } from './store.ts';

/** A value that JSON can hold, besides octets (as hex in an object {"hex":"…"}) and bigint ({"big":"…"}). */
type Plain = string | number | boolean | null | bigint | Uint8Array | Plain[] | { [member: string]: Plain };

/** A state of small plain values as a record of a store: JSON in UTF-8, octets and big integers marked. */
export function encodeRecord(value: unknown): Uint8Array {
  // Not an arrow: `this[name]` is the member before a toJSON of its own (Node's Buffer has one) got hold of it.
  const text = JSON.stringify(value, function (this: Record<string, unknown>, name: string, member: unknown) {
    const own = this[name];
    if (own instanceof Uint8Array) return { hex: toHex(own) };
    return typeof member === 'bigint' ? { big: member.toString() } : member;
  });
  return new TextEncoder().encode(text);
}

/** The reverse of {@link encodeRecord}; undefined for an absent or unreadable record. */
export function decodeRecord<T>(bytes: Uint8Array | undefined): T | undefined {
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(bytes), (_, member: unknown) => revive(member as Plain)) as T;
  } catch {
    return undefined;
  }
}

/** Reads a record of a store in one step. */
export function readRecord<T>(store: Store, key: string): T | undefined {
  return decodeRecord<T>(store.get(key));
}

function revive(member: Plain): unknown {
  if (typeof member !== 'object' || member === null || Array.isArray(member) || member instanceof Uint8Array)
    return member;
  const names = Object.keys(member);
  if (names.length !== 1) return member;
  if (typeof member.big === 'string') return BigInt(member.big);
  if (typeof member.hex === 'string' && /^([0-9a-f]{2})*$/.test(member.hex)) return fromHex(member.hex);
  return member;
}
