import type { Unicast } from '@meshferry/core';

/**
 * Capacity where nothing else is asked for: more than all relays on the way keep waiting at a time. Who forgets sooner
 * relays again what comes late, and others after it.
 */
export const CACHE_ENTRIES = 256;

/** Entries among which a message is looked for, so that a large cache costs a relay no more than a small one. */
const WAYS = 8;

/**
 * The last messages seen, by IV Index, SRC and SEQ: stops a message from being handled and relayed again when its copies
 * come by several ways [Mesh Protocol 1.1, 3.4.6.5]. Only authenticated PDUs may enter, or a forger could suppress
 * messages. The oldest of the entries that a message shares its place with makes room.
 */
export class MessageCache {
  /** Rings of numbers: 12 bits of IV Index, 15 of SRC, 24 of SEQ, exact in a double. Empty: -1. */
  readonly #entries: Float64Array;
  readonly #next: Uint8Array;
  readonly #ways: number;

  /** `capacity`: 1 or more. */
  constructor(capacity: number) {
    this.#ways = Math.min(capacity, WAYS);
    const rings = Math.ceil(capacity / this.#ways);
    this.#entries = new Float64Array(rings * this.#ways).fill(-1);
    this.#next = new Uint8Array(rings);
  }

  has(src: Unicast, seq: number, ivIndex: number): boolean {
    const key = keyOf(src, seq, ivIndex);
    const from = this.#ringOf(src, seq) * this.#ways;
    for (let i = from; i < from + this.#ways; i++) if (this.#entries[i] === key) return true;
    return false;
  }

  add(src: Unicast, seq: number, ivIndex: number): void {
    const ring = this.#ringOf(src, seq);
    const at = this.#next[ring]!;
    this.#entries[ring * this.#ways + at] = keyOf(src, seq, ivIndex);
    this.#next[ring] = (at + 1) % this.#ways;
  }

  /** Messages of one source, one SEQ after the other, spread over all rings. */
  #ringOf(src: Unicast, seq: number): number {
    return (seq + src * 31) % this.#next.length;
  }
}

function keyOf(src: Unicast, seq: number, ivIndex: number): number {
  return (((ivIndex & 0xfff) << 15) | src) * 0x100_0000 + seq;
}
