/** Chance as every package below the edge sees it: handed in, so that a run can be repeated. */
export interface Random {
  /** `n` octets. For keys and BLOB IDs the source must be cryptographic (the edge sees to it). */
  bytes(n: number): Uint8Array;
  /** A number from 0 (included) to 1 (excluded): for delays and jitter, never for secrets. */
  uniform(): number;
}

/** The same numbers for the same seed (xoshiro128**): for simulation and tests, never for real keys. */
export class SeededRandom implements Random {
  readonly #s: Uint32Array;

  /** `seed`: any number or text; the same seed gives the same sequence. */
  constructor(seed: number | string) {
    this.#s = spread(String(seed));
  }

  /** A generator of its own for one purpose, so that a draw here does not shift the sequence elsewhere. */
  fork(purpose: string): SeededRandom {
    return new SeededRandom(`${this.uint32()}/${purpose}`);
  }

  uint32(): number {
    const s = this.#s;
    const s1 = s[1] as number;
    const product = Math.imul(s1, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const t = s1 << 9;
    s[2]! ^= s[0] as number;
    s[3]! ^= s1;
    s[1]! ^= s[2] as number;
    s[0]! ^= s[3] as number;
    s[2]! ^= t;
    const s3 = s[3] as number;
    s[3] = (s3 << 11) | (s3 >>> 21);
    return result;
  }

  uniform(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  bytes(n: number): Uint8Array {
    const bytes = new Uint8Array(n);
    for (let i = 0; i < n; i += 4) {
      const word = this.uint32();
      for (let j = 0; j < 4 && i + j < n; j++) bytes[i + j] = word >>> (8 * j);
    }
    return bytes;
  }
}

/** Four well-mixed words from a text (FNV-1a, then the finaliser of MurmurHash3 with another constant for each). */
function spread(text: string): Uint32Array {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  const words = new Uint32Array(4);
  for (let i = 0; i < 4; i++) {
    hash = (hash + 0x9e3779b9) | 0;
    let word = hash;
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    words[i] = word ^ (word >>> 16);
  }
  return words;
}
