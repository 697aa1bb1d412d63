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
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#tails = new Int32Array(capacity);
    this.#lengths = new Uint8Array(capacity);
  }

  /** Whether these octets (4 to 32) were among the last; remembers them if not. */
  seen(octets: Uint8Array): boolean {
    const { length } = octets;
    const tail =
      (octets[length - 4]! << 24) | (octets[length - 3]! << 16) | (octets[length - 2]! << 8) | octets[length - 1]!;
    const tails = this.#tails;
    for (let slot = 0; slot < this.#capacity; slot++) {
      if (tails[slot] === tail && this.#lengths[slot] === length && this.#equal(slot, octets)) return true;
    }
    this.#remember(octets, tail);
    return false;
  }

  /** Forgets all: what could not be read before may be readable now (new keys, another IV Index). */
  clear(): void {
    this.#lengths.fill(0);
  }

  #equal(slot: number, octets: Uint8Array): boolean {
    const stored = this.#octets!;
    const at = slot * SLOT;
    for (let i = 0; i < octets.length; i++) if (stored[at + i] !== octets[i]) return false;
    return true;
  }

  #remember(octets: Uint8Array, tail: number): void {
    this.#octets ??= new Uint8Array(this.#capacity * SLOT);
    this.#octets.set(octets, this.#next * SLOT);
    this.#tails[this.#next] = tail;
    this.#lengths[this.#next] = octets.length;
    this.#next = (this.#next + 1) % this.#capacity;
  }
}
