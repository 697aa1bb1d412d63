import { RecentHashes } from './recent-hashes.ts';

const SLOT = 32;

/**
 * The octets of the last PDUs heard, whatever they are: the copies of Network Transmit are dropped by comparing octets,
 * before any cryptography. An exact copy of what was handled a moment ago can have no other result, so unlike the
 * message cache this one may be filled by anybody.
 */
export class DuplicateFilter {
  readonly #capacity: number;
  /** Made at the first PDU: idle nodes of a simulation need none. */
  #octets: Uint8Array | undefined;
  /** Four of the last octets of each slot, and its length: the quick comparison. */
  readonly #tails: Int32Array;
  readonly #lengths: Uint8Array;
  /** Of the last octet: nearly always the first question is the last. */
  readonly #hashes: RecentHashes;
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#tails = new Int32Array(capacity);
    this.#lengths = new Uint8Array(capacity);
    this.#hashes = new RecentHashes(capacity);
  }

  /** Whether these octets (4 to 32) were among the last; remembers them if not. */
  seen(octets: Uint8Array): boolean {
    const { length } = octets;
    const tail =
      (octets[length - 4]! << 24) | (octets[length - 3]! << 16) | (octets[length - 2]! << 8) | octets[length - 1]!;
    if (this.#hashes.mayHold(tail) && this.#holds(octets, tail)) return true;
    this.#remember(octets, tail);
    return false;
  }

  /** Forgets all: what could not be read before may be readable now (new keys, another IV Index). */
  clear(): void {
    this.#lengths.fill(0);
  }

  #holds(octets: Uint8Array, tail: number): boolean {
    const tails = this.#tails;
    for (let slot = 0; slot < this.#capacity; slot++) {
      if (tails[slot] === tail && this.#lengths[slot] === octets.length && this.#equal(slot, octets)) return true;
    }
    return false;
  }

  #equal(slot: number, octets: Uint8Array): boolean {
    const stored = this.#octets!;
    const at = slot * SLOT;
    for (let i = 0; i < octets.length; i++) if (stored[at + i] !== octets[i]) return false;
    return true;
  }

  #remember(octets: Uint8Array, tail: number): void {
    this.#octets ??= new Uint8Array(this.#capacity * SLOT);
    const stored = this.#octets;
    const at = this.#next * SLOT;
    for (let i = 0; i < octets.length; i++) stored[at + i] = octets[i]!; // so few are copied faster than by set()
    this.#hashes.add(tail);
    this.#tails[this.#next] = tail;
    this.#lengths[this.#next] = octets.length;
    this.#next = (this.#next + 1) % this.#capacity;
  }
}
