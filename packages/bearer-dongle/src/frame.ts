import { crc32 } from 'node:zlib';

/** Octets of the longest message [PROTOCOL.md 2]. */
export const MESSAGE_MAX = 128;
const CRC_SIZE = 4;
/** Message and CRC with the one octet that COBS adds to so few. */
const ENCODED_MAX = MESSAGE_MAX + CRC_SIZE + 1;

/** The frame of a message of 1 to {@link MESSAGE_MAX} octets: a zero, COBS of message and CRC-32, a zero [PROTOCOL.md 2]. */
export function encodeFrame(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(message.length + CRC_SIZE + 3);
  const crc = crc32(message);
  let code = 1;
  let at = 2;
  for (let i = 0; i < message.length + CRC_SIZE; i++) {
    const octet = i < message.length ? message[i]! : (crc >>> (8 * (i - message.length))) & 0xff;
    if (octet !== 0) {
      frame[at++] = octet;
      continue;
    }
    frame[code] = at - code;
    code = at++;
  }
  frame[code] = at - code;
  return frame;
}

/** Takes what {@link FrameReader} finds. */
export interface FrameListener {
  /** A message with a right CRC; the octets are overwritten by the next one. */
  message(octets: Uint8Array): void;
  /** Octets that were no frame. */
  bad(): void;
}

/** Finds frames in a stream of octets that is cut anywhere and may hold anything. Never throws. */
export class FrameReader {
  readonly #listener: FrameListener;
  readonly #octets = new Uint8Array(ENCODED_MAX);
  #length = 0;
  #isOverlong = false;

  constructor(listener: FrameListener) {
    this.#listener = listener;
  }

  push(chunk: Uint8Array): void {
    for (const octet of chunk) {
      if (octet === 0) this.#end();
      else if (this.#length < ENCODED_MAX) this.#octets[this.#length++] = octet;
      else this.#isOverlong = true;
    }
  }

  #end(): void {
    const encoded = this.#length;
    const isOverlong = this.#isOverlong;
    this.#length = 0;
    this.#isOverlong = false;
    if (encoded === 0) return; // the zeros between two frames
    const size = isOverlong ? 0 : unstuff(this.#octets, encoded) - CRC_SIZE;
    const message = this.#octets.subarray(0, Math.max(size, 0));
    if (size > 0 && crc32(message) === readU32(this.#octets, size)) this.#listener.message(message);
    else this.#listener.bad();
  }
}

/** Undoes COBS in place. The length of what was in it, 0 if it is none. */
function unstuff(octets: Uint8Array, length: number): number {
  let to = 0;
  for (let from = 0; from < length; ) {
    const code = octets[from]!;
    const end = from + code;
    if (end > length) return 0;
    for (from++; from < end; from++) octets[to++] = octets[from]!;
    if (code !== 0xff && from < length) octets[to++] = 0;
  }
  return to;
}

function readU32(octets: Uint8Array, at: number): number {
  return (octets[at]! | (octets[at + 1]! << 8) | (octets[at + 2]! << 16) | (octets[at + 3]! << 24)) >>> 0;
}
