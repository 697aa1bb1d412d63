import type { Store } from './store.ts';

/** A value that JSON can hold, besides octets (as hex in an object {"hex":"…"}) and bigint ({"big":"…"}). */
type Plain = string | number | boolean | null | bigint | Uint8Array | Plain[] | { [member: string]: Plain };

/** A state of small plain values as a record of a store: JSON in UTF-8, octets and big integers marked. */
export function encodeRecord(value: unknown): Uint8Array {
  const text = JSON.stringify(value, (_, member: unknown) => {
    if (typeof member === 'bigint') return { big: member.toString() };
    if (member instanceof Uint8Array)
      return { hex: Array.from(member, (o) => o.toString(16).padStart(2, '0')).join('') };
    return member;
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
  if (typeof member.hex === 'string') {
    return Uint8Array.from(member.hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  }
  return member;
}
