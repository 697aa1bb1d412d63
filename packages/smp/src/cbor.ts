import { concat, fail, ok, type Result, toMeshError } from '@meshferry/core';
import { type DecodeOptions, decode, type EncodeOptions, encode } from 'cborg';
import { applyEdits, type CborError, walkCbor } from './cbor-walk.ts';
import { SMP_PAYLOAD_MAX } from './packet.ts';

// cborg of the three libraries measured: pure ECMAScript without a dependency, released monthly, strict, and fast enough (on one slow core 0.9 M
// upload chunks of 400 octets encoded and 3.5 M answers decoded in a second). cbor-x is twice as fast, but has native code as
// optional dependency, allocates by lengths it has not checked, and hands out views of a buffer that it uses again; cbor2 is
// ten times slower. What cborg does not take – tags, strings in pieces, any simple value – and what it takes too
// willingly – any depth, a break as a value – is seen to by the walk before it.

/** A value of CBOR as it was read: bigint only beyond ±(2^53 − 1), tags left out. */
export type CborValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | undefined
  | Uint8Array
  | readonly CborValue[]
  | CborMap;

/** A map in the order of its members; its keys come from the peer, hence no plain object. */
export type CborMap = ReadonlyMap<CborValue, CborValue>;

// The sort is stable, so this keeps the order of insertion; without it cborg sorts the members.
const ENCODE: EncodeOptions = { mapSorter: () => 0 };
const DECODE: DecodeOptions = { useMaps: true };
const DECODE_UNIQUE: DecodeOptions = { useMaps: true, rejectDuplicateMapKeys: true };

const MAP_BEGIN = Uint8Array.of(0xbf);
const ARRAY_BEGIN = Uint8Array.of(0x9f);
const END = Uint8Array.of(0xff);

/** A map with definite lengths and shortest integers, members in their order: how clients write. */
export function encodeMap(map: CborMap): Uint8Array {
  return encode(map, ENCODE);
}

/** The same with indefinite maps and arrays at every level, octet for octet as Zephyr's zcbor writes: for servers. */
export function encodeIndefiniteMap(map: CborMap): Uint8Array {
  const parts: Uint8Array[] = [];
  addIndefinite(parts, map);
  return concat(...parts);
}

/**
 * The map that a payload begins with; octets after it are ignored [spec: smp section 2]. With `unique` a key that stands twice in a map is an
 * error, as on servers; otherwise its last value counts. Never throws.
 */
export function decodeMap(octets: Uint8Array, options: { readonly unique?: boolean } = {}): Result<CborMap, CborError> {
  if (octets.length > SMP_PAYLOAD_MAX) {
    return fail({ offset: 0, reason: `${octets.length} octets, at most ${SMP_PAYLOAD_MAX}` });
  }
  const walk = walkCbor(octets);
  if ('reason' in walk) return fail(walk);
  const plain = walk.edits.length === 0 ? octets.subarray(0, walk.end) : applyEdits(octets, walk);
  try {
    const value: unknown = decode(plain, options.unique === true ? DECODE_UNIQUE : DECODE);
    return value instanceof Map ? ok(value as CborMap) : fail({ offset: 0, reason: 'not a map' });
  } catch (thrown) {
    // Well-formed by the walk: what is left is a key that stands twice.
    return fail({ offset: 0, reason: toMeshError(thrown).message });
  }
}

function addIndefinite(parts: Uint8Array[], value: CborValue): void {
  if (value instanceof Map) {
    parts.push(MAP_BEGIN);
    for (const [key, member] of value) {
      parts.push(encode(key, ENCODE));
      addIndefinite(parts, member);
    }
    parts.push(END);
  } else if (Array.isArray(value)) {
    parts.push(ARRAY_BEGIN);
    for (const item of value as readonly CborValue[]) addIndefinite(parts, item);
    parts.push(END);
  } else {
    parts.push(encode(value, ENCODE));
  }
}
