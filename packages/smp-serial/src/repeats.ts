/** Octet of the header before which nothing but operation, length and group stand; the next one is the sequence number. */
const SEQUENCE_AT = 6;
/** More than are ever on their way. */
const REMEMBERED = 32;

/** Knows a packet that is sent again, under another sequence number: the one before it, or its answer, got lost. */
export class Repeats {
  readonly #hashes: number[] = [];

  /** Whether a packet of the same contents was among the last ones; remembers it. */
  has(packet: Uint8Array): boolean {
    let hash = 0x811c9dc5;
    for (let i = 0; i < packet.length; i++) {
      if (i !== SEQUENCE_AT) hash = Math.imul(hash ^ (packet[i] as number), 0x01000193);
    }
    if (this.#hashes.includes(hash)) return true;
    if (this.#hashes.push(hash) > REMEMBERED) this.#hashes.shift();
    return false;
  }
}
