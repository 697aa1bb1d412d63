import { checkKeyLength } from './checks.ts';

/** Substitution box of FIPS-197, and the four tables that merge SubBytes, ShiftRows and MixColumns of one octet. */
const SBOX = new Uint8Array(256);
const T0 = new Int32Array(256);
const T1 = new Int32Array(256);
const T2 = new Int32Array(256);
const T3 = new Int32Array(256);
fillTables();

/** Round keys of a 16-octet key, 44 big-endian words [FIPS-197, 5.2]; throws `bad-key-length`. */
export function expandKey(key: Uint8Array): Int32Array {
  checkKeyLength(key);
  const schedule = new Int32Array(44);
  for (let i = 0; i < 4; i++) schedule[i] = wordAt(key, 4 * i);
  let roundConstant = 1;
  for (let i = 4; i < 44; i++) {
    let word = schedule[i - 1]!;
    if (i % 4 === 0) {
      word = substitute((word << 8) | (word >>> 24)) ^ (roundConstant << 24);
      roundConstant = double(roundConstant);
    }
    schedule[i] = schedule[i - 4]! ^ word;
  }
  return schedule;
}

/** Encrypts the block a ‖ b ‖ c ‖ d (big-endian words) into `out`, four words. Table look-ups: not constant-time. */
export function encryptWords(schedule: Int32Array, a: number, b: number, c: number, d: number, out: Int32Array): void {
  let s0 = a ^ schedule[0]!;
  let s1 = b ^ schedule[1]!;
  let s2 = c ^ schedule[2]!;
  let s3 = d ^ schedule[3]!;
  for (let k = 4; k < 40; k += 4) {
    const t0 = T0[s0 >>> 24]! ^ T1[(s1 >>> 16) & 255]! ^ T2[(s2 >>> 8) & 255]! ^ T3[s3 & 255]! ^ schedule[k]!;
    const t1 = T0[s1 >>> 24]! ^ T1[(s2 >>> 16) & 255]! ^ T2[(s3 >>> 8) & 255]! ^ T3[s0 & 255]! ^ schedule[k + 1]!;
    const t2 = T0[s2 >>> 24]! ^ T1[(s3 >>> 16) & 255]! ^ T2[(s0 >>> 8) & 255]! ^ T3[s1 & 255]! ^ schedule[k + 2]!;
    s3 = T0[s3 >>> 24]! ^ T1[(s0 >>> 16) & 255]! ^ T2[(s1 >>> 8) & 255]! ^ T3[s2 & 255]! ^ schedule[k + 3]!;
    s0 = t0;
    s1 = t1;
    s2 = t2;
  }
  out[0] = lastRound(s0, s1, s2, s3) ^ schedule[40]!;
  out[1] = lastRound(s1, s2, s3, s0) ^ schedule[41]!;
  out[2] = lastRound(s2, s3, s0, s1) ^ schedule[42]!;
  out[3] = lastRound(s3, s0, s1, s2) ^ schedule[43]!;
}

/** The big-endian word at an offset, of which all four octets exist. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** The same, with zeros for the octets at `end` and beyond. */
export function paddedWordAt(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 <= end) return wordAt(bytes, at);
  let word = 0;
  for (let i = at; i < end; i++) word |= bytes[i]! << (24 - 8 * (i - at));
  return word;
}

/** The word as four octets, most significant first. */
export function putWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24;
  bytes[at + 1] = word >>> 16;
  bytes[at + 2] = word >>> 8;
  bytes[at + 3] = word;
}

function lastRound(a: number, b: number, c: number, d: number): number {
  return (SBOX[a >>> 24]! << 24) | (SBOX[(b >>> 16) & 255]! << 16) | (SBOX[(c >>> 8) & 255]! << 8) | SBOX[d & 255]!;
}

function substitute(word: number): number {
  return lastRound(word, word, word, word);
}

/** x times 2 in GF(2^8) with the polynomial of AES. */
function double(x: number): number {
  return ((x << 1) ^ (x & 0x80 ? 0x11b : 0)) & 0xff;
}

/** Walks p over all non-zero elements (powers of 3) with q its inverse, so that no table stands in the source. */
function fillTables(): void {
  let p = 1;
  let q = 1;
  do {
    p ^= double(p);
    q ^= q << 1;
    q ^= q << 2;
    q ^= q << 4;
    q &= 0xff;
    if (q & 0x80) q ^= 0x09;
    SBOX[p] = q ^ rotate8(q, 1) ^ rotate8(q, 2) ^ rotate8(q, 3) ^ rotate8(q, 4) ^ 0x63;
  } while (p !== 1);
  SBOX[0] = 0x63;
  for (let x = 0; x < 256; x++) {
    const s = SBOX[x]!;
    const s2 = double(s);
    const word = (s2 << 24) | (s << 16) | (s << 8) | (s2 ^ s);
    T0[x] = word;
    T1[x] = (word >>> 8) | (word << 24);
    T2[x] = (word >>> 16) | (word << 16);
    T3[x] = (word >>> 24) | (word << 8);
  }
}

function rotate8(x: number, by: number): number {
  return ((x << by) | (x >>> (8 - by))) & 0xff;
}
