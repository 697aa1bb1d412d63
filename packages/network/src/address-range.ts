import { fail, MeshError, ok, type Result, type Unicast } from '@meshferry/core';
import type { PduError } from './decode-error.ts';

/** Consecutive unicast addresses, such as the elements of a node [Mesh Protocol 1.1, 3.4.2.2.4]. */
export interface UnicastAddressRange {
  readonly start: Unicast;
  /** Number of addresses, 1 to 255; the last one is 0x7FFF at most. */
  readonly length: number;
}

/**
 * Three octets, two for a single address: RangeLength ‖ RangeStart ‖ LengthPresent as `little` endian access messages
 * have it, LengthPresent ‖ RangeStart ‖ RangeLength as `big` endian control messages do. Throws `bad-field`.
 */
export function encodeAddressRange({ start, length }: UnicastAddressRange, order: 'big' | 'little'): Uint8Array {
  if (!(start >= 1 && length >= 1 && length <= 0xff && start + length <= 0x8000)) {
    throw new MeshError('bad-field', `address range from ${start}, length ${length}`, {
      hint: 'Give 1 to 255 unicast addresses.',
    });
  }
  const present = length > 1 ? 1 : 0;
  const head = order === 'big' ? (present << 15) | start : (start << 1) | present;
  const octets = order === 'big' ? [head >> 8, head] : [head, head >> 8];
  return Uint8Array.of(...octets, ...(present ? [length] : []));
}

/** The range at `offset`, and how many octets it takes (2 or 3). */
export function decodeAddressRange(
  octets: Uint8Array,
  order: 'big' | 'little',
  offset = 0,
): Result<{ readonly range: UnicastAddressRange; readonly octets: number }, PduError> {
  const [first, second, length] = [octets[offset], octets[offset + 1], octets[offset + 2]];
  if (first === undefined || second === undefined) return fail({ field: 'RangeStart', offset, reason: 'missing' });
  const head = order === 'big' ? (first << 8) | second : (second << 8) | first;
  const present = order === 'big' ? head >> 15 === 1 : (head & 1) === 1;
  const start = order === 'big' ? head & 0x7fff : head >> 1;
  if (start === 0) return fail({ field: 'RangeStart', offset, reason: 'unassigned' });
  if (!present) return ok({ range: { start, length: 1 }, octets: 2 });
  if (length === undefined || length < 2) return fail({ field: 'RangeLength', offset: offset + 2, reason: 'below 2' });
  if (start + length > 0x8000) return fail({ field: 'RangeLength', offset: offset + 2, reason: 'past 0x7FFF' });
  return ok({ range: { start, length }, octets: 3 });
}
