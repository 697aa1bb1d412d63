/** Bit fields as BLOB statuses carry them: bit i stands in octet i / 8 at place i mod 8 and is 1 while i is missing. */

/** A field of `count` bits, all of them 1. */
export function allBits(count: number): Uint8Array {
  const bits = new Uint8Array(Math.ceil(count / 8)).fill(0xff);
  if (count % 8 > 0) bits[bits.length - 1] = (1 << (count % 8)) - 1;
  return bits;
}

export function hasBit(bits: Uint8Array, index: number): boolean {
  return ((bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
}

export function setBit(bits: Uint8Array, index: number): void {
  bits[index >> 3]! |= 1 << (index & 7);
}

export function clearBit(bits: Uint8Array, index: number): void {
  bits[index >> 3]! &= ~(1 << (index & 7));
}

export function countBits(bits: Uint8Array): number {
  let count = 0;
  for (let octet of bits) {
    for (; octet !== 0; octet &= octet - 1) count++;
  }
  return count;
}

/** The index of the first 1 at or after `from`, or undefined. */
export function firstBit(bits: Uint8Array, from = 0): number | undefined {
  for (let index = from; index < bits.length * 8; index++) {
    if (bits[index >> 3] === 0) index |= 7;
    else if (hasBit(bits, index)) return index;
  }
  return undefined;
}

/** The numbers of the bits that are 1, ascending. */
export function numbersOfBits(bits: Uint8Array): number[] {
  const numbers: number[] = [];
  for (let i = firstBit(bits); i !== undefined; i = firstBit(bits, i + 1)) numbers.push(i);
  return numbers;
}

/** Makes every bit 1 that is 1 in `other`. */
export function uniteBits(bits: Uint8Array, other: Uint8Array): void {
  for (let i = 0; i < bits.length; i++) bits[i]! |= other[i] ?? 0;
}

/** A copy with exactly `count` bits: those past the end are cut off, absent ones are 0. */
export function fitBits(bits: Uint8Array, count: number): Uint8Array {
  const fitted = allBits(count);
  for (let i = 0; i < fitted.length; i++) fitted[i]! &= bits[i] ?? 0;
  return fitted;
}
