import { equal, fail, MeshError, ok, type Result } from '@meshferry/core';

/** Octets at consecutive flash addresses. */
export interface HexSegment {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** What an Intel HEX file holds [spec: firmware-packages section 5]. */
export interface IntelHex {
  /** By address, with at least one missing octet between two of them. */
  readonly segments: readonly HexSegment[];
  /** How many records there are of each type. */
  readonly recordTypes: Readonly<Record<number, number>>;
  /** Type (3 or 5) and data of the last start address record, null when there is none. */
  readonly start: readonly [type: number, data: Uint8Array] | null;
}

/** Where a data record goes, and where its octets stand in the decoded text. */
interface Piece {
  readonly address: number;
  readonly bytes: Uint8Array;
}

const DIGITS = Uint8Array.from({ length: 256 }, (_, code) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase());
  return digit < 0 ? 0xff : digit;
});

const RecordType = { data: 0, end: 1, segment: 2, startSegment: 3, linear: 4, startLinear: 5 } as const;
const RECORD_LENGTHS: Readonly<Record<number, number>> = { 1: 0, 2: 2, 3: 4, 4: 2, 5: 4 };

/** Whether the first visible characters are those of an Intel HEX record. */
export function looksLikeIntelHex(bytes: Uint8Array): boolean {
  let at = 0;
  while (at < bytes.length && isBlank(bytes[at]!)) at++;
  return bytes[at] === 0x3a && DIGITS[bytes[at + 1] ?? 0] !== 0xff && DIGITS[bytes[at + 2] ?? 0] !== 0xff;
}

/** Reads Intel HEX; fails with `bad-hex-file` naming the line. */
export function parseIntelHex(text: Uint8Array): Result<IntelHex, MeshError> {
  const recordTypes: Record<number, number> = {};
  const pieces: Piece[] = [];
  let start: IntelHex['start'] = null;
  let base = 0;
  let wraps = false;
  let line = 0;
  let ended = false;
  for (let at = 0; at < text.length; ) {
    let end = text.indexOf(0x0a, at);
    if (end < 0) end = text.length;
    line++;
    const record = readRecord(text, at, end);
    at = end + 1;
    if (record === null) continue;
    if (typeof record === 'string') return fail(bad(line, record));
    if (ended) return fail(bad(line, 'a record after the end record'));
    const { type, offset, data } = record;
    recordTypes[type] = (recordTypes[type] ?? 0) + 1;
    if (type === RecordType.data) {
      const problem = addressProblem(base, offset, data.length, wraps);
      if (problem !== null) return fail(bad(line, problem));
      if (data.length > 0) pieces.push({ address: base + offset, bytes: data });
    } else if (type === RecordType.end) ended = true;
    else if (type === RecordType.segment || type === RecordType.linear) {
      wraps = type === RecordType.segment;
      base = ((data[0]! << 8) | data[1]!) * (wraps ? 16 : 0x1_0000);
    } else start = [type, data];
  }
  if (!ended) return fail(bad(line, 'no end record: the file is truncated'));
  const segments = join(pieces);
  return segments.ok ? ok({ segments: segments.value, recordTypes, start }) : segments;
}

/** One line from `at` to `end`: a record, null for a blank line, or what is wrong with it. */
function readRecord(
  text: Uint8Array,
  at: number,
  end: number,
): { type: number; offset: number; data: Uint8Array } | null | string {
  while (at < end && isBlank(text[at]!)) at++;
  while (end > at && isBlank(text[end - 1]!)) end--;
  if (at === end) return null;
  if (text[at] !== 0x3a) return 'does not start with ":"';
  if ((end - at) % 2 === 0) return 'odd number of digits';
  const octets = new Uint8Array((end - at - 1) / 2);
  let sum = 0;
  for (let i = 0; i < octets.length; i++) {
    const high = DIGITS[text[at + 1 + 2 * i]!]!;
    const low = DIGITS[text[at + 2 + 2 * i]!]!;
    if ((high | low) > 0xf) return 'a character that is no hex digit';
    octets[i] = (high << 4) | low;
    sum += octets[i]!;
  }
  if (octets.length < 5 || octets.length !== octets[0]! + 5) return `length ${octets[0]} does not match the record`;
  if ((sum & 0xff) !== 0) return 'wrong checksum';
  const type = octets[3]!;
  if (type > RecordType.startLinear) return `unknown record type ${type}`;
  const data = octets.subarray(4, -1);
  if (type !== RecordType.data && data.length !== RECORD_LENGTHS[type])
    return `record of type ${type} with ${data.length} octets`;
  return { type, offset: (octets[1]! << 8) | octets[2]!, data };
}

function addressProblem(base: number, offset: number, length: number, wraps: boolean): string | null {
  if (wraps && offset + length > 0x1_0000) return 'data cross the end of their 64 KiB segment';
  return base + offset + length > 0x1_0000_0000 ? 'data beyond the last 32-bit address' : null;
}

/** Sorts by address and joins what is adjacent; the same octets twice are tolerated, different ones are not. */
function join(pieces: Piece[]): Result<HexSegment[], MeshError> {
  pieces.sort((a, b) => a.address - b.address);
  const segments: HexSegment[] = [];
  for (let first = 0; first < pieces.length; ) {
    const { address } = pieces[first]!;
    let end = address;
    let next = first;
    for (; next < pieces.length && pieces[next]!.address <= end; next++) {
      end = Math.max(end, pieces[next]!.address + pieces[next]!.bytes.length);
    }
    const bytes = new Uint8Array(end - address);
    let written = 0;
    for (const piece of pieces.slice(first, next)) {
      const at = piece.address - address;
      const again = piece.bytes.subarray(0, Math.max(0, written - at));
      if (!equal(again, bytes.subarray(at, at + again.length))) return fail(overlap(piece.address));
      bytes.set(piece.bytes, at);
      written = Math.max(written, at + piece.bytes.length);
    }
    segments.push({ address, bytes });
    first = next;
  }
  return ok(segments);
}

function isBlank(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

function overlap(address: number): MeshError {
  return new MeshError('bad-hex-file', `Intel HEX: two different contents at address 0x${address.toString(16)}`, {
    hint: 'The files merged into it overlap: build it again.',
  });
}

function bad(line: number, what: string): MeshError {
  return new MeshError('bad-hex-file', `Intel HEX line ${line}: ${what}`, {
    hint: 'The file is damaged or was edited: fetch or build it again.',
  });
}
