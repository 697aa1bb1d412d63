import { toHex } from '@meshferry/core';
import { checkKeyLength } from './checks.ts';
import type { Aes, CryptoProvider } from './provider.ts';

/**
 * A provider for many nodes in one process, as in a simulation: who uses the same key on the same octets as somebody a moment
 * ago gets that outcome instead of computing it anew. A hundred receivers of one PDU decrypt it once. Every outcome is a
 * copy and depends on nothing but the arguments, so nobody can tell the difference but by the clock on the wall.
 *
 * Keeps all keys that it has seen, and clear text: never for nodes that must not trust each other.
 */
export function sharedCrypto(provider: CryptoProvider): CryptoProvider {
  const ciphers = new Map<string, Aes>();
  return {
    aes: (key) => {
      checkKeyLength(key);
      const name = toHex(key);
      let cipher = ciphers.get(name);
      if (cipher === undefined) {
        cipher = new SharedAes(provider.aes(key));
        ciphers.set(name, cipher);
      }
      return cipher;
    },
    sha256: (message) => provider.sha256(message),
    hmacSha256: (key, message) => provider.hmacSha256(key, message),
  };
}

/** Outcomes kept of each operation and key, a power of two: more than PDUs are on the air at a time. */
const KEPT = 64;

interface KeptBlock {
  readonly input: Uint8Array;
  readonly output: Uint8Array;
}

interface KeptMessage {
  readonly nonce: Uint8Array;
  readonly sealed: Uint8Array;
  readonly micLength: number;
  readonly additional: Uint8Array | undefined;
  /** The message, or null: it did not authenticate. */
  readonly opened: Uint8Array | null;
}

/** One key with the last outcomes of what receivers do; what only senders do is never done twice. */
class SharedAes implements Aes {
  readonly #aes: Aes;
  /** At the place that the last octet of their input says: cipher text and MIC are as good as random. */
  readonly #blocks: (KeptBlock | undefined)[] = new Array(KEPT);
  readonly #messages: (KeptMessage | undefined)[] = new Array(KEPT);

  constructor(aes: Aes) {
    this.#aes = aes;
  }

  encryptBlock(input: Uint8Array, output: Uint8Array, inputAt = 0, outputAt = 0): void {
    const place = (input[inputAt + 15] ?? 0) & (KEPT - 1);
    const kept = this.#blocks[place];
    if (kept !== undefined && holds(kept.input, input, inputAt) && outputAt >= 0 && outputAt + 16 <= output.length) {
      for (let i = 0; i < 16; i++) output[outputAt + i] = kept.output[i]!;
      return;
    }
    const block = input.slice(inputAt, inputAt + 16);
    this.#aes.encryptBlock(input, output, inputAt, outputAt);
    this.#blocks[place] = { input: block, output: output.slice(outputAt, outputAt + 16) };
  }

  seal(nonce: Uint8Array, message: Uint8Array, micLength: 4 | 8, additional?: Uint8Array): Uint8Array {
    return this.#aes.seal(nonce, message, micLength, additional);
  }

  open(
    nonce: Uint8Array,
    sealed: Uint8Array,
    micLength: 4 | 8,
    additional?: Uint8Array,
    into?: Uint8Array,
  ): Uint8Array | null {
    if (into !== undefined && into.length !== sealed.length - micLength) return null;
    const place = (sealed[sealed.length - 1] ?? 0) & (KEPT - 1);
    const kept = this.#messages[place];
    if (kept !== undefined && isSame(kept, nonce, sealed, micLength, additional)) return copied(kept.opened, into);
    const opened = this.#aes.open(nonce, sealed, micLength, additional);
    this.#messages[place] = {
      nonce: nonce.slice(),
      sealed: sealed.slice(),
      micLength,
      additional: additional?.slice(),
      opened,
    };
    return copied(opened, into);
  }

  cmac(message: Uint8Array): Uint8Array {
    return this.#aes.cmac(message);
  }
}

function isSame(
  kept: KeptMessage,
  nonce: Uint8Array,
  sealed: Uint8Array,
  micLength: number,
  additional: Uint8Array | undefined,
): boolean {
  if (kept.sealed.length !== sealed.length || kept.micLength !== micLength) return false;
  if (kept.nonce.length !== nonce.length || kept.additional?.length !== additional?.length) return false;
  if (!holds(kept.sealed, sealed, 0) || !holds(kept.nonce, nonce, 0)) return false;
  return additional === undefined || holds(kept.additional!, additional, 0);
}

/** Whether `octets` stand in `bytes` from `at` on. */
function holds(octets: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < octets.length; i++) if (octets[i] !== bytes[at + i]) return false;
  return true;
}

/** What is handed out is the caller's to change. */
function copied(octets: Uint8Array | null, into: Uint8Array | undefined): Uint8Array | null {
  if (octets === null) return null;
  const copy = into ?? new Uint8Array(octets.length);
  for (let i = 0; i < copy.length; i++) copy[i] = octets[i]!;
  return copy;
}
