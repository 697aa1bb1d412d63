/** Counters of hashes, at the start of the memory. */
const HASHES = 256;
/** Octets of a slot: a PDU, and in the last one its length; 0: it holds none. */
const SLOT = 32;
const LENGTH = SLOT - 1;

/**
 * The octets of the last PDUs heard, whatever they are: the copies of Network Transmit are dropped by comparing octets,
 * before any cryptography. An exact copy of what was handled a moment ago can have no other result, so unlike the
 * message cache this one may be filled by anybody.
 */
export class DuplicateFilter {
  readonly #capacity: number;
  /**
   * How many slots have each hash (the last octet of their PDU), then the slots: one piece, of which most new PDUs touch
   * two places. Made at the first PDU: idle nodes of a simulation need none.
   */
  #memory: Uint8Array | undefined;
  #next = 0;

  /** `capacity`: 1 to 255. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Whether these octets (1 to 31) were among the last; remembers them if not. */
  seen(octets: Uint8Array): boolean {
    this.#memory ??= new Uint8Array(HASHES + this.#capacity * SLOT);
    const memory = this.#memory;
    if (memory[octets[octets.length - 1]!] !== 0 && this.#holds(memory, octets)) return true;
    this.#remember(memory, octets);
    return false;
  }

  /** Forgets all: what could not be read before may be readable now (new keys, another IV Index). */
  clear(): void {
    this.#memory?.fill(0);
  }

  /** The last ones first: copies come soon. */
  #holds(memory: Uint8Array, octets: Uint8Array): boolean {
    for (let i = 1; i <= this.#capacity; i++) {
      const slot = this.#next >= i ? this.#next - i : this.#next - i + this.#capacity;
      if (isAt(memory, HASHES + slot * SLOT, octets)) return true;
    }
    return false;
  }

  #remember(memory: Uint8Array, octets: Uint8Array): void {
    const slot = this.#next;
    const at = HASHES + slot * SLOT;
    const before = memory[at + LENGTH]!;
    if (before > 0) memory[memory[at + before - 1]!]!--;
    for (let i = 0; i < octets.length; i++) memory[at + i] = octets[i]!; // so few are copied faster than by set()
    memory[at + LENGTH] = octets.length;
    memory[octets[octets.length - 1]!]!++;
    this.#next = slot + 1 === this.#capacity ? 0 : slot + 1;
  }
}

function isAt(memory: Uint8Array, at: number, octets: Uint8Array): boolean {
  if (memory[at + LENGTH] !== octets.length) return false;
  for (let i = octets.length - 1; i >= 0; i--) if (memory[at + i] !== octets[i]) return false;
  return true;
}
