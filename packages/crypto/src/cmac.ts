import { encryptWords, paddedWordAt, putWord } from './aes.ts';

const mac = new Int32Array(4); // as in ccm.ts: no two calls overlap

/** The subkeys K1 and K2 of a key, four words each [RFC 4493, 2.3]. */
export function cmacSubkeys(schedule: Int32Array): Int32Array {
  const subkeys = new Int32Array(8);
  encryptWords(schedule, 0, 0, 0, 0, mac);
  subkeys.set(mac);
  double(subkeys, 0);
  subkeys.copyWithin(4, 0, 4);
  double(subkeys, 4);
  return subkeys;
}

/** AES-CMAC [RFC 4493]: 16 octets. `subkeys` come from {@link cmacSubkeys}. */
export function cmac(schedule: Int32Array, subkeys: Int32Array, message: Uint8Array): Uint8Array {
  const end = message.length;
  const last = end === 0 ? 0 : (end - 1) & ~15;
  mac.fill(0);
  for (let at = 0; at < last; at += 16) absorb(schedule, message, at, 0, 0, 0, 0);
  if (end > 0 && end % 16 === 0) {
    absorb(schedule, message, last, subkeys[0]!, subkeys[1]!, subkeys[2]!, subkeys[3]!);
  } else {
    mac[(end - last) >> 2]! ^= 0x80 << (24 - 8 * (end & 3)); // the bit 1 that starts the padding
    absorb(schedule, message, last, subkeys[4]!, subkeys[5]!, subkeys[6]!, subkeys[7]!);
  }
  const result = new Uint8Array(16);
  for (let i = 0; i < 4; i++) putWord(result, 4 * i, mac[i]!);
  return result;
}

function absorb(
  schedule: Int32Array,
  message: Uint8Array,
  at: number,
  k0: number,
  k1: number,
  k2: number,
  k3: number,
): void {
  const end = message.length;
  encryptWords(
    schedule,
    mac[0]! ^ k0 ^ paddedWordAt(message, at, end),
    mac[1]! ^ k1 ^ paddedWordAt(message, at + 4, end),
    mac[2]! ^ k2 ^ paddedWordAt(message, at + 8, end),
    mac[3]! ^ k3 ^ paddedWordAt(message, at + 12, end),
    mac,
  );
}

/** The four words from `at` times x in GF(2^128). */
function double(words: Int32Array, at: number): void {
  const carry = words[at]! >>> 31;
  for (let i = 0; i < 3; i++) words[at + i] = (words[at + i]! << 1) | (words[at + i + 1]! >>> 31);
  words[at + 3] = (words[at + 3]! << 1) ^ (carry * 0x87);
}
