import type { Unicast } from '@meshferry/core';

/**
 * The last messages seen, by IV Index, SRC and SEQ: stops a message from being handled and relayed again when its copies
 * come by several ways [Mesh Protocol 1.1, 3.4.6.5]. Only authenticated PDUs may enter, or a forger could suppress
 * messages. The oldest entry makes room.
 */
export class MessageCache {
  /** A ring of numbers: 12 bits of IV Index, 15 of SRC, 24 of SEQ, exact in a double. Empty: -1. */
  readonly #ring: Float64Array;
  #next = 0;

  constructor(capacity: number) {
    this.#ring = new Float64Array(capacity).fill(-1);
  }

  has(src: Unicast, seq: number, ivIndex: number): boolean {
    return this.#ring.includes(keyOf(src, seq, ivIndex));
  }

  add(src: Unicast, seq: number, ivIndex: number): void {
    this.#ring[this.#next] = keyOf(src, seq, ivIndex);
    this.#next = (this.#next + 1) % this.#ring.length;
  }
}

function keyOf(src: Unicast, seq: number, ivIndex: number): number {
  return (((ivIndex & 0xfff) << 15) | src) * 0x100_0000 + seq;
}
