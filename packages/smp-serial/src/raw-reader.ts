import { type Clock, concat, Deadline } from '@meshferry/core';

const HEADER_SIZE = 8;
/** Silence after which half a packet is given up, ms: long for a line, short for who waits. */
const SILENCE_MS = 200;
const NOTHING = new Uint8Array(0);

/**
 * Finds packets without framing by the length in their header [spec: smp section 7, "raw"]. There is no CRC: what cannot begin a
 * packet (reserved bits) is passed over, half a packet given up when nothing comes any more. Never throws.
 */
export class RawReader {
  readonly #packet: (packet: Uint8Array) => void;
  readonly #silence: Deadline;
  #held: Uint8Array = NOTHING;

  constructor(clock: Clock, packet: (packet: Uint8Array) => void) {
    this.#packet = packet;
    this.#silence = new Deadline(clock, () => this.reset());
  }

  /** Takes octets as they come, cut anywhere. */
  push(octets: Uint8Array): void {
    const all = this.#held.length === 0 ? octets : concat(this.#held, octets);
    let at = 0;
    while (at < all.length) {
      if (!canBegin(all[at] as number)) {
        at++;
        continue;
      }
      if (all.length - at < HEADER_SIZE) break;
      const end = at + HEADER_SIZE + ((all[at + 2] as number) << 8) + (all[at + 3] as number);
      if (end > all.length) break;
      // Copied: what a stream hands over may be a Buffer, and its slices are none.
      this.#packet(new Uint8Array(all.subarray(at, end)));
      at = end;
    }
    this.#held = new Uint8Array(all.subarray(at));
    if (this.#held.length === 0) this.#silence.clear();
    else this.#silence.set(SILENCE_MS);
  }

  /** Forgets what has begun. */
  reset(): void {
    this.#held = NOTHING;
    this.#silence.clear();
  }
}

/** The first octet of a header: reserved bits 0, one of the four operations, a version that exists. */
function canBegin(octet: number): boolean {
  return (octet & 0xf4) === 0;
}
