/** The segments of one message as they come in, in any order. */
export class Reassembly {
  readonly segN: number;
  readonly #full: number;
  readonly #octets: Uint8Array;
  #received = 0;
  #length = 0;

  /** `full`: octets of every segment but the last. */
  constructor(segN: number, full: number) {
    this.segN = segN;
    this.#full = full;
    this.#octets = new Uint8Array((segN + 1) * full);
  }

  /** Bit i: segment i has arrived. Unsigned 32 bits, as AckedSegments. */
  get received(): number {
    return this.#received >>> 0;
  }

  get isComplete(): boolean {
    return this.received === allSegments(this.segN);
  }

  has(segO: number): boolean {
    return ((this.#received >>> segO) & 1) === 1;
  }

  /** Takes a segment whose size the decoder has checked. */
  add(segO: number, segment: Uint8Array): void {
    this.#received |= 1 << segO;
    const octets = this.#octets;
    const at = segO * this.#full;
    for (let i = 0; i < segment.length; i++) octets[at + i] = segment[i]!; // so few are copied faster than by set()
    if (segO === this.segN) this.#length = at + segment.length;
  }

  /** The whole Upper Transport PDU, once complete. */
  message(): Uint8Array {
    return this.#length === this.#octets.length ? this.#octets : this.#octets.slice(0, this.#length);
  }
}

/** AckedSegments of a message that is complete: unsigned 32 bits. */
export function allSegments(segN: number): number {
  return segN === 31 ? 0xffff_ffff : 2 ** (segN + 1) - 1;
}
