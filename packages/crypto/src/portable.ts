import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { encryptWords, expandKey, putWord, wordAt } from './aes.ts';
import { ccmOpen, ccmSeal } from './ccm.ts';
import { checkBlock, checkSealable, isOpenable } from './checks.ts';
import { cmac, cmacSubkeys } from './cmac.ts';
import type { Aes, CryptoProvider } from './provider.ts';

/**
 * The primitives in TypeScript alone: runs wherever JavaScript runs and is the fastest for tiny packets, so it suits
 * browsers and large simulations. Its AES looks octets up in tables and is **not constant-time**: on Node take
 * `nodeCrypto` of `@meshferry/crypto-node` for real keys.
 */
export const portableCrypto: CryptoProvider = {
  aes: (key: Uint8Array): Aes => new PortableAes(key),
  sha256: (message: Uint8Array): Uint8Array => sha256(message),
  hmacSha256: (key: Uint8Array, message: Uint8Array): Uint8Array => hmac(sha256, key, message),
};

const block = new Int32Array(4);

/** Keeps the round keys, and the CMAC subkeys once they are asked for; private fields keep both out of logs. */
class PortableAes implements Aes {
  readonly #schedule: Int32Array;
  #subkeys: Int32Array | undefined;

  constructor(key: Uint8Array) {
    this.#schedule = expandKey(key);
  }

  encryptBlock(input: Uint8Array, output: Uint8Array, inputAt = 0, outputAt = 0): void {
    checkBlock(input, inputAt, output, outputAt);
    encryptWords(
      this.#schedule,
      wordAt(input, inputAt),
      wordAt(input, inputAt + 4),
      wordAt(input, inputAt + 8),
      wordAt(input, inputAt + 12),
      block,
    );
    putWord(output, outputAt, block[0]!);
    putWord(output, outputAt + 4, block[1]!);
    putWord(output, outputAt + 8, block[2]!);
    putWord(output, outputAt + 12, block[3]!);
  }

  seal(nonce: Uint8Array, message: Uint8Array, micLength: 4 | 8, additional?: Uint8Array): Uint8Array {
    checkSealable(nonce, message, additional);
    return ccmSeal(this.#schedule, nonce, message, micLength, additional);
  }

  open(
    nonce: Uint8Array,
    sealed: Uint8Array,
    micLength: 4 | 8,
    additional?: Uint8Array,
    into?: Uint8Array,
  ): Uint8Array | null {
    if (!isOpenable(nonce, sealed, micLength, additional, into)) return null;
    return ccmOpen(this.#schedule, nonce, sealed, micLength, additional, into);
  }

  cmac(message: Uint8Array): Uint8Array {
    this.#subkeys ??= cmacSubkeys(this.#schedule);
    return cmac(this.#schedule, this.#subkeys, message);
  }
}
