const SLOT = 32;
/** The length of what a slot holds stands in its last octet: 0, nothing. */
const LENGTH = SLOT - 1;
const HASHES = 256;

/**
 * The octets of the last PDUs heard, whatever they are: the copies of Network Transmit are dropped by comparing octets,
 * before any cryptography. An exact copy of what was handled a moment ago can have no other result, so unlike the
 * message cache this one may be filled by anybody.
 */
export class DuplicateFilter {
  readonly #capacity: number;
  /** Made at the first PDU: idle nodes of a simulation need none. */
  #slots: Uint8Array | undefined;
  /** Four of the last octets of each slot: the quick comparison. */
  readonly #tails: Int32Array;
  /** How many of the slots have each last octet: nearly always there is none with that of the new one. */
  readonly #hashes: Uint8Array = new Uint8Array(HASHES);
  #next = 0;

  /** `capacity`: 1 to 255. */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#tails = new Int32Array(capacity);
    this.#hashes[0] = capacity;
  }

  /** Whether these octets (4 to 31) were among the last; remembers them if not. */
  seen(octets: Uint8Array): boolean {
    const { length } = octets;
    const tail =
      (octets[length - 4]! << 24) | (octets[length - 3]! << 16) | (octets[length - 2]! << 8) | octets[length - 1]!;
    if (this.#hashes[tail & (HASHES - 1)] !== 0 && this.#holds(octets, tail)) return true;
    this.#remember(octets, tail);
    return false;
  }

  /** Forgets all: what could not be read before may be readable now (new keys, another IV Index). */
  clear(): void {
    this.#slots?.fill(0);
  }

  #holds(octets: Uint8Array, tail: number): boolean {
    const tails = this.#tails;
    for (let slot = 0; slot < this.#capacity; slot++) {
      if (tails[slot] === tail && this.#equal(slot * SLOT, octets)) return true;
    }
    return false;
  }

  #equal(at: number, octets: Uint8Array): boolean {
    const slots = this.#slots;
    if (slots === undefined || slots[at + LENGTH] !== octets.length) return false;
    for (let i = 0; i < octets.length; i++) if (slots[at + i] !== octets[i]) return false;
    return true;
  }

  #remember(octets: Uint8Array, tail: number): void {
    this.#slots ??= new Uint8Array(this.#capacity * SLOT);
    const slots = this.#slots;
    const slot = this.#next;
    const at = slot * SLOT;
    for (let i = 0; i < octets.length; i++) slots[at + i] = octets[i]!; // so few are copied faster than by set()
    slots[at + LENGTH] = octets.length;
    this.#hashes[this.#tails[slot]! & (HASHES - 1)]!--;
    this.#hashes[tail & (HASHES - 1)]!++;
    this.#tails[slot] = tail;
    this.#next = slot + 1 === this.#capacity ? 0 : slot + 1;
  }
}
