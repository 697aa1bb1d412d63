/** Fixed channels of an LE connection [Bluetooth Core, Vol 3, Part A, 2.1]. */
export const CID = { ATT: 0x0004, SIGNALLING: 0x0005, SECURITY: 0x0006 } as const;

/** Octets ahead of the payload of an L2CAP frame: length and CID. */
export const L2CAP_HEADER = 4;

/** What comes out of an {@link L2capReassembler}. */
export interface L2capSink {
  /** A whole frame of a channel that is used here. `payload` is nobody else's. */
  frame(cid: number, payload: Uint8Array): void;
  /** Something is missing or cannot be: what follows cannot be trusted to be whole. */
  broken(reason: string): void;
}

/** A frame with room for a payload of so many octets behind its header. */
export function newFrame(cid: number, length: number): Uint8Array {
  const frame = new Uint8Array(L2CAP_HEADER + length);
  frame[0] = length & 0xff;
  frame[1] = length >> 8;
  frame[2] = cid & 0xff;
  frame[3] = cid >> 8;
  return frame;
}

/**
 * Puts the fragments of one connection together to L2CAP frames [Bluetooth Core, Vol 3, Part A, 7.2]. The link layer loses
 * nothing, so a frame that is cut short or has no beginning means that a value is lost: the connection is to end.
 */
export class L2capReassembler {
  readonly #sink: L2capSink;
  /** Longest payload by channel; frames of other channels are passed over. */
  readonly #longest: ReadonlyMap<number, number>;
  readonly #header = new Uint8Array(L2CAP_HEADER);
  /** Octets of the current frame so far, header included; -1 between frames. */
  #have = -1;
  #cid = 0;
  #length = 0;
  /** Undefined for a frame that is passed over. */
  #payload: Uint8Array | undefined;

  constructor(longest: ReadonlyMap<number, number>, sink: L2capSink) {
    this.#longest = longest;
    this.#sink = sink;
  }

  /** The next fragment; it may be changed afterwards. */
  receive(first: boolean, data: Uint8Array): void {
    const began = this.#have >= 0;
    if (first === began) {
      if (first || data.length > 0) this.#break(first ? 'a frame is cut short' : 'the beginning of a frame is missing');
      return;
    }
    if (first) this.#have = 0;
    const body = this.#takeHeader(data);
    if (this.#have < L2CAP_HEADER) return;
    const at = this.#have - L2CAP_HEADER;
    if (at + body.length > this.#length) {
      this.#break('a fragment goes beyond the end of its frame');
      return;
    }
    this.#payload?.set(body, at);
    this.#have += body.length;
    if (at + body.length === this.#length) this.#end();
  }

  /** Takes what is missing of the header; returns what is behind it. */
  #takeHeader(data: Uint8Array): Uint8Array {
    if (this.#have >= L2CAP_HEADER) return data;
    const part = data.subarray(0, L2CAP_HEADER - this.#have);
    this.#header.set(part, this.#have);
    this.#have += part.length;
    if (this.#have === L2CAP_HEADER) this.#begin();
    return data.subarray(part.length);
  }

  #begin(): void {
    const [low = 0, high = 0, cidLow = 0, cidHigh = 0] = this.#header;
    this.#length = low | (high << 8);
    this.#cid = cidLow | (cidHigh << 8);
    const longest = this.#longest.get(this.#cid);
    if (longest === undefined) this.#payload = undefined;
    else if (this.#length <= longest) this.#payload = new Uint8Array(this.#length);
    else this.#break(`a frame of ${this.#length} octets, at most ${longest} can be`);
  }

  #end(): void {
    const payload = this.#payload;
    this.#have = -1;
    this.#payload = undefined;
    if (payload !== undefined) this.#sink.frame(this.#cid, payload);
  }

  #break(reason: string): void {
    this.#have = -1;
    this.#payload = undefined;
    this.#sink.broken(reason);
  }
}
