/** Requests remembered: more than are ever under way. */
const REMEMBERED = 32;

/** The headers of the last requests, to tell the beginning of an answer from other octets. */
export class AwaitedAnswers {
  readonly #answers = new Float64Array(REMEMBERED).fill(-1);
  #next = 0;

  /** A request was sent. */
  sent(packet: Uint8Array): void {
    if (packet.length < 8) return;
    this.#answers[this.#next] = key(packet, 0, 1);
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  /** Whether the header at `at` is that of an answer to one of them. */
  has(octets: Uint8Array, at: number): boolean {
    return octets[at + 1] === 0 && this.#answers.includes(key(octets, at, 0));
  }
}

/** op, group, sequence number and command as one number. The version may differ in the answer. */
function key(octets: Uint8Array, at: number, addToOp: number): number {
  const op = (octets[at]! & 7) + addToOp;
  return (
    op * 2 ** 32 + octets[at + 4]! * 2 ** 24 + octets[at + 5]! * 2 ** 16 + octets[at + 6]! * 2 ** 8 + octets[at + 7]!
  );
}
