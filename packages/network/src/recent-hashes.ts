const HASHES = 256;

/**
 * The hashes (8 bits) of the last things seen. Of most new ones it says at once that they are none of them, so that nobody
 * has to look through all.
 */
export class RecentHashes {
  /** How many of the last have each hash. */
  readonly #counts = new Uint16Array(HASHES);
  /** The hashes themselves, the oldest at `next`. */
  readonly #ring: Uint8Array;
  #next = 0;

  /** `capacity`: how many are the last. At first all of them have the hash 0. */
  constructor(capacity: number) {
    this.#ring = new Uint8Array(capacity);
    this.#counts[0] = capacity;
  }

  /** False: it is none of the last. True: it may be. Bits above the lowest eight do not matter. */
  mayHold(hash: number): boolean {
    return this.#counts[hash & (HASHES - 1)] !== 0;
  }

  /** Takes a new one in place of the oldest. */
  add(hash: number): void {
    const place = this.#next;
    this.#counts[this.#ring[place]!]!--;
    this.#ring[place] = hash;
    this.#counts[hash & (HASHES - 1)]!++;
    this.#next = place + 1 === this.#ring.length ? 0 : place + 1;
  }
}
