/** Octet of the header before which nothing but operation, length and group stand; the next one is the sequence number. */
const SEQUENCE_AT = 6;
/** More than are ever on their way. */
const REMEMBERED = 32;

/** Knows a packet that is sent again, under another sequence number: the one before it, or its answer, got lost. */
export class Repeats {
  /** How often each of the last packets was sent again, by its hash. */
  readonly #times = new Map<number, number>();

  /** How often a packet of the same contents was among the last ones; remembers it. */
  count(packet: Uint8Array): number {
    let hash = 0x811c9dc5;
    for (let i = 0; i < packet.length; i++) {
      if (i !== SEQUENCE_AT) hash = Math.imul(hash ^ (packet[i] as number), 0x01000193);
    }
    const before = this.#times.get(hash);
    const times = before === undefined ? 0 : before + 1;
    this.#times.set(hash, times);
    const [oldest] = this.#times.keys();
    if (this.#times.size > REMEMBERED && oldest !== undefined) this.#times.delete(oldest);
    return times;
  }
}
