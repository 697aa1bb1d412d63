import { encryptWords, paddedWordAt, wordAt } from './aes.ts';

// One scratch for all keys: everything here is synchronous and calls nothing back, so no two calls overlap.
const nonceWords = new Int32Array(4); // 0x00 ‖ nonce ‖ 0x0000: flags and the last two octets are or-ed in
const stream = new Int32Array(4); // the last block encrypted in counter mode
const mac = new Int32Array(4); // the running CBC-MAC

/** Ciphertext ‖ MIC [RFC 3610 with L = 2]. The caller has checked the lengths. */
export function ccmSeal(
  schedule: Int32Array,
  nonce: Uint8Array,
  message: Uint8Array,
  micLength: number,
  additional: Uint8Array | undefined,
): Uint8Array {
  const length = message.length;
  const sealed = new Uint8Array(length + micLength);
  loadNonce(nonce);
  authenticate(schedule, message, micLength, additional);
  cryptCounterMode(schedule, message, length, sealed);
  counterBlock(schedule, 0);
  for (let i = 0; i < micLength; i++) sealed[length + i] = octet(mac, i) ^ octet(stream, i);
  return sealed;
}

/** The message (in `into`, if that is given), or null when the MIC is wrong. The caller has checked the lengths. */
export function ccmOpen(
  schedule: Int32Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  micLength: number,
  additional: Uint8Array | undefined,
  into: Uint8Array | undefined,
): Uint8Array | null {
  const length = sealed.length - micLength;
  const message = into ?? new Uint8Array(length);
  loadNonce(nonce);
  cryptCounterMode(schedule, sealed, length, message);
  authenticate(schedule, message, micLength, additional);
  counterBlock(schedule, 0);
  let difference = 0; // all octets are looked at, whatever the first ones say
  for (let i = 0; i < micLength; i++) difference |= octet(mac, i) ^ octet(stream, i) ^ sealed[length + i]!;
  return (difference & 0xff) === 0 ? message : null;
}

/** First octet of B0 [RFC 3610, 2.2]. */
export function ccmFlags(micLength: number, hasAdditional: boolean): number {
  return (hasAdditional ? 0x40 : 0) | (((micLength - 2) / 2) << 3) | 0x01;
}

function loadNonce(nonce: Uint8Array): void {
  nonceWords[0] = (nonce[0]! << 16) | (nonce[1]! << 8) | nonce[2]!;
  nonceWords[1] = wordAt(nonce, 3);
  nonceWords[2] = wordAt(nonce, 7);
  nonceWords[3] = (nonce[11]! << 24) | (nonce[12]! << 16);
}

/** e(key, A_i) into `stream`. */
function counterBlock(schedule: Int32Array, i: number): void {
  encryptWords(schedule, 0x01000000 | nonceWords[0]!, nonceWords[1]!, nonceWords[2]!, nonceWords[3]! | i, stream);
}

function cryptCounterMode(schedule: Int32Array, input: Uint8Array, length: number, output: Uint8Array): void {
  for (let at = 0, i = 1; at < length; at += 16, i++) {
    counterBlock(schedule, i);
    const size = Math.min(length - at, 16);
    for (let j = 0; j < size; j++) output[at + j] = input[at + j]! ^ octet(stream, j);
  }
}

/** CBC-MAC over B0, the additional data with its length, and the message, into `mac`. */
function authenticate(
  schedule: Int32Array,
  message: Uint8Array,
  micLength: number,
  additional: Uint8Array | undefined,
): void {
  const hasAdditional = additional !== undefined && additional.length > 0;
  const flags = ccmFlags(micLength, hasAdditional) << 24;
  encryptWords(schedule, flags | nonceWords[0]!, nonceWords[1]!, nonceWords[2]!, nonceWords[3]! | message.length, mac);
  if (hasAdditional) authenticateAdditional(schedule, additional);
  for (let at = 0; at < message.length; at += 16) absorb(schedule, message, at);
}

/** The two octets of length shift everything, so the first block is put together by hand. */
function authenticateAdditional(schedule: Int32Array, additional: Uint8Array): void {
  const end = additional.length;
  encryptWords(
    schedule,
    mac[0]! ^ ((end << 16) | (additional[0]! << 8) | (additional[1] ?? 0)),
    mac[1]! ^ paddedWordAt(additional, 2, end),
    mac[2]! ^ paddedWordAt(additional, 6, end),
    mac[3]! ^ paddedWordAt(additional, 10, end),
    mac,
  );
  for (let at = 14; at < end; at += 16) absorb(schedule, additional, at);
}

function absorb(schedule: Int32Array, bytes: Uint8Array, at: number): void {
  const end = bytes.length;
  encryptWords(
    schedule,
    mac[0]! ^ paddedWordAt(bytes, at, end),
    mac[1]! ^ paddedWordAt(bytes, at + 4, end),
    mac[2]! ^ paddedWordAt(bytes, at + 8, end),
    mac[3]! ^ paddedWordAt(bytes, at + 12, end),
    mac,
  );
}

/** Octet i of a block of four big-endian words, in the low eight bits (the bits above are not cleared). */
function octet(words: Int32Array, i: number): number {
  return words[i >> 2]! >>> (24 - 8 * (i & 3));
}
