import { createCipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { type Aes, checkBlock, checkKeyLength, checkSealable, isOpenable } from '@meshferry/crypto';

/**
 * AES-128 on two native ciphers that live as long as the key: making one costs more than all the work on a mesh PDU.
 * Neither is ever finished. The ECB cipher serves single blocks and counter mode; the CBC cipher goes on chaining from
 * its last output, so a CBC-MAC starts by cancelling that output out of its first block.
 */
export class NativeAes implements Aes {
  readonly #key: KeyObject;
  #ecb: NativeCipher | undefined;
  #cbc: NativeCipher | undefined;
  #subkeys: Uint8Array | undefined; // K1 ‖ K2 of AES-CMAC
  readonly #chained = new Uint8Array(16); // what the CBC cipher returned last

  constructor(key: Uint8Array) {
    checkKeyLength(key);
    this.#key = createSecretKey(key);
  }

  encryptBlock(input: Uint8Array, output: Uint8Array, inputAt = 0, outputAt = 0): void {
    checkBlock(input, inputAt, output, outputAt);
    const block = reserve(1);
    for (let i = 0; i < 16; i++) block[i] = input[inputAt + i]!;
    output.set(this.#encryptBlocks(block), outputAt);
  }

  seal(nonce: Uint8Array, message: Uint8Array, micLength: 4 | 8, additional?: Uint8Array): Uint8Array {
    checkSealable(nonce, message, additional);
    const length = message.length;
    const mac = this.#ccmMac(nonce, message, micLength, additional);
    const stream = this.#counterStream(nonce, length);
    const sealed = new Uint8Array(length + micLength);
    for (let i = 0; i < length; i++) sealed[i] = message[i]! ^ stream[16 + i]!;
    for (let i = 0; i < micLength; i++) sealed[length + i] = mac[i]! ^ stream[i]!;
    return sealed;
  }

  open(
    nonce: Uint8Array,
    sealed: Uint8Array,
    micLength: 4 | 8,
    additional?: Uint8Array,
    into?: Uint8Array,
  ): Uint8Array | null {
    if (!isOpenable(nonce, sealed, micLength, additional, into)) return null;
    const length = sealed.length - micLength;
    const stream = this.#counterStream(nonce, length);
    const message = into ?? new Uint8Array(length);
    for (let i = 0; i < length; i++) message[i] = sealed[i]! ^ stream[16 + i]!;
    const mac = this.#ccmMac(nonce, message, micLength, additional);
    let difference = 0; // all octets are looked at, whatever the first ones say
    for (let i = 0; i < micLength; i++) difference |= mac[i]! ^ stream[i]! ^ sealed[length + i]!;
    return difference === 0 ? message : null;
  }

  cmac(message: Uint8Array): Uint8Array {
    this.#subkeys ??= this.#makeSubkeys();
    const length = message.length;
    const count = Math.max(1, Math.ceil(length / 16));
    const blocks = reserve(count);
    blocks.set(message);
    const last = 16 * (count - 1);
    const whole = length === 16 * count;
    if (!whole) {
      blocks.fill(0, length);
      blocks[length] = 0x80;
    }
    const subkeyAt = whole ? 0 : 16;
    for (let i = 0; i < 16; i++) blocks[last + i]! ^= this.#subkeys[subkeyAt + i]!;
    return new Uint8Array(this.#cbcMac(blocks));
  }

  /** A0 to An encrypted: the MIC's mask, then the key stream of the message. */
  #counterStream(nonce: Uint8Array, length: number): Uint8Array {
    const count = 1 + Math.ceil(length / 16);
    const blocks = reserve(count);
    for (let i = 0, at = 0; i < count; i++, at += 16) {
      blocks[at] = 0x01;
      for (let j = 0; j < 13; j++) blocks[at + 1 + j] = nonce[j]!;
      blocks[at + 14] = i >>> 8;
      blocks[at + 15] = i;
    }
    return this.#encryptBlocks(blocks);
  }

  /** T of RFC 3610: the CBC-MAC over B0, the additional data with its length, and the message. */
  #ccmMac(nonce: Uint8Array, message: Uint8Array, micLength: number, additional: Uint8Array | undefined): Uint8Array {
    const extra = additional?.length ?? 0;
    const extraBlocks = extra === 0 ? 0 : Math.ceil((2 + extra) / 16);
    const blocks = reserve(1 + extraBlocks + Math.ceil(message.length / 16));
    blocks[0] = (extra === 0 ? 0 : 0x40) | (((micLength - 2) / 2) << 3) | 0x01;
    for (let j = 0; j < 13; j++) blocks[1 + j] = nonce[j]!;
    blocks[14] = message.length >>> 8;
    blocks[15] = message.length;
    const messageAt = 16 * (1 + extraBlocks);
    if (additional !== undefined && extra !== 0) {
      blocks[16] = extra >>> 8;
      blocks[17] = extra;
      blocks.set(additional, 18);
      blocks.fill(0, 18 + extra, messageAt);
    }
    for (let i = 0; i < message.length; i++) blocks[messageAt + i] = message[i]!;
    for (let i = messageAt + message.length; i < blocks.length; i++) blocks[i] = 0;
    return this.#cbcMac(blocks);
  }

  /** CBC-MAC with zero IV, 16 octets; changes the first block. The result is good until the next call. */
  #cbcMac(blocks: Uint8Array): Uint8Array {
    this.#cbc ??= createCipheriv('aes-128-cbc', this.#key, ZERO_BLOCK).setAutoPadding(false);
    const chained = this.#chained;
    for (let i = 0; i < 16; i++) blocks[i]! ^= chained[i]!;
    const output = this.#cbc.update(blocks);
    const last = output.length - 16;
    for (let i = 0; i < 16; i++) chained[i] = output[last + i]!;
    return chained;
  }

  #encryptBlocks(blocks: Uint8Array): Uint8Array {
    this.#ecb ??= createCipheriv('aes-128-ecb', this.#key, null).setAutoPadding(false);
    return this.#ecb.update(blocks);
  }

  /** K1 and K2 of RFC 4493: e(key, zeros) doubled once and twice in GF(2^128), without a branch on key material. */
  #makeSubkeys(): Uint8Array {
    const subkeys = new Uint8Array(32);
    subkeys.set(this.#encryptBlocks(ZERO_BLOCK));
    double(subkeys, 0, 0);
    double(subkeys, 0, 16);
    return subkeys;
  }
}

/** The class has another name in each version of Node's types. */
type NativeCipher = ReturnType<typeof createCipheriv>;

const ZERO_BLOCK = new Uint8Array(16);

// Input of the ciphers, shared by all keys: they have read it when `update` returns. One view for each number of blocks
// that mesh uses, because making a view costs as much as encrypting one.
const SCRATCH_BLOCKS = 32;
const scratch = new Uint8Array(16 * SCRATCH_BLOCKS);
const views = Array.from({ length: SCRATCH_BLOCKS + 1 }, (_, count) => scratch.subarray(0, 16 * count));

/** Room for so many blocks; what stands in it is left over from earlier calls. */
function reserve(count: number): Uint8Array {
  return views[count] ?? new Uint8Array(16 * count);
}

function double(bytes: Uint8Array, from: number, to: number): void {
  const carry = bytes[from]! >> 7;
  for (let i = 0; i < 15; i++) bytes[to + i] = (bytes[from + i]! << 1) | (bytes[from + i + 1]! >> 7);
  bytes[to + 15] = (bytes[from + 15]! << 1) ^ (carry * 0x87);
}
