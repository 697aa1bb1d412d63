import { fail, ok, type Result } from '@meshferry/core';

/**
 * The encoded list of chunk numbers of pull mode: each number as UTF-8 codes a code point, surrogate values included
 * [MBT 5.3.8]. An empty list means that nothing is missing.
 */
export function encodeChunkNumbers(numbers: readonly number[]): Uint8Array {
  const octets: number[] = [];
  for (const number of numbers) {
    if (number < 0x80) octets.push(number);
    else if (number < 0x800) octets.push(0xc0 | (number >> 6), 0x80 | (number & 0x3f));
    else octets.push(0xe0 | (number >> 12), 0x80 | ((number >> 6) & 0x3f), 0x80 | (number & 0x3f));
  }
  return Uint8Array.from(octets);
}

/** Octets that one number takes in the encoded list: 1, 2 or 3. */
export function chunkNumberSize(number: number): 1 | 2 | 3 {
  if (number < 0x80) return 1;
  return number < 0x800 ? 2 : 3;
}

/**
 * The reverse of {@link encodeChunkNumbers}. The error is the reason with the offset of the octet: a cut, overlong or
 * larger number than 16 bits, or an octet that cannot start a number.
 */
export function decodeChunkNumbers(
  octets: Uint8Array,
): Result<number[], { readonly reason: string; readonly offset: number }> {
  const numbers: number[] = [];
  for (let at = 0; at < octets.length; ) {
    const first = octets[at] as number;
    const size = sizeByLead(first);
    if (size === 0) return fail({ reason: `0x${first.toString(16)} cannot start a chunk number`, offset: at });
    let number = size === 1 ? first : first & (0x7f >> size);
    for (let i = 1; i < size; i++) {
      const octet = octets[at + i];
      if (octet === undefined) return fail({ reason: 'chunk number is cut', offset: at });
      if ((octet & 0xc0) !== 0x80) return fail({ reason: 'chunk number lacks a continuation octet', offset: at + i });
      number = (number << 6) | (octet & 0x3f);
    }
    if (chunkNumberSize(number) !== size)
      return fail({ reason: `overlong form of chunk number ${number}`, offset: at });
    numbers.push(number);
    at += size;
  }
  return ok(numbers);
}

function sizeByLead(lead: number): 0 | 1 | 2 | 3 {
  if (lead < 0x80) return 1;
  if (lead < 0xc0) return 0;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 0;
}
