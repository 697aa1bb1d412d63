import { concat, fail, MeshError, ok, type Result } from '@meshferry/core';
import { Inflate } from 'fflate';
import { crc32 } from './crc32.ts';

const HEADER_LENGTH = 10;
const TRAILER_LENGTH = 8;
const FLAG = { headerCrc: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 };
/** Compressed octets inflated at a time: bounds what a bomb can unpack to (1032 times as much) before it is noticed. */
const STEP = 8192;

/** Whether octets start as a gzip does. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Unpacks a gzip of one member, its CRC-32 and length checked, to at most `most` octets; fails with `archive-damaged` or
 * `archive-too-large`. No more than a few MiB over `most` are ever unpacked.
 */
export function gunzip(bytes: Uint8Array, most: number): Result<Uint8Array, MeshError> {
  const start = dataStart(bytes);
  if (start === undefined) return fail(damaged('its gzip header is broken'));
  const packed = bytes.subarray(start, bytes.length - TRAILER_LENGTH);
  const chunks: Uint8Array[] = [];
  let length = 0;
  let ended = false;
  const inflater = new Inflate((chunk, final) => {
    length += chunk.length;
    ended = final;
    if (length <= most) chunks.push(chunk);
  });
  try {
    for (let at = 0; at < packed.length && length <= most; at += STEP) {
      inflater.push(packed.slice(at, at + STEP), at + STEP >= packed.length);
    }
  } catch (thrown) {
    return fail(damaged(`its compressed data are broken (${(thrown as Error).message})`));
  }
  if (length > most) {
    return fail(
      new MeshError('archive-too-large', `the firmware archive unpacks to more than ${most} octets`, {
        hint: 'This is no firmware, or the limit on its size is too low for it.',
      }),
    );
  }
  const unpacked = concat(...chunks);
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - TRAILER_LENGTH, TRAILER_LENGTH);
  if (!ended || trailer.getUint32(4, true) !== length >>> 0) return fail(damaged('it is cut off'));
  if (trailer.getUint32(0, true) !== crc32(unpacked)) return fail(damaged('its CRC-32 is wrong'));
  return ok(unpacked);
}

/** Behind the header of RFC 1952 section 2.3, or undefined when it is none. */
function dataStart(bytes: Uint8Array): number | undefined {
  if (bytes.length < HEADER_LENGTH + TRAILER_LENGTH || !isGzip(bytes) || bytes[2] !== 8) return undefined;
  const flags = bytes[3]!;
  if ((flags & FLAG.reserved) !== 0) return undefined;
  let at = HEADER_LENGTH;
  if ((flags & FLAG.extra) !== 0) at += 2 + (bytes[at]! | (bytes[at + 1]! << 8));
  for (const flag of [FLAG.name, FLAG.comment]) {
    if ((flags & flag) === 0) continue;
    const end = bytes.indexOf(0, at);
    if (end < 0) return undefined;
    at = end + 1;
  }
  if ((flags & FLAG.headerCrc) !== 0) at += 2;
  return at <= bytes.length - TRAILER_LENGTH ? at : undefined;
}

function damaged(what: string): MeshError {
  return new MeshError('archive-damaged', `the firmware archive is damaged: ${what}`, { hint: 'Fetch it again.' });
}
