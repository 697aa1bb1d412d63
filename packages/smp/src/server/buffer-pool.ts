import { SMP_HEADER_SIZE } from '../packet.ts';

/** A buffer of the server; what stood at its beginning stays there until it is written over. */
export interface ServerBuffer {
  readonly head: Uint8Array;
}

/**
 * The buffers that requests and the answers being built share [spec: smp section 4.1]. Like Zephyr's pool the one given back last
 * is the next to be taken: a bug of 3.4.99 sends what it still holds [spec: smp section 11].
 */
export class BufferPool {
  readonly #free: ServerBuffer[] = [];
  #untouched: number;

  /** @param count how many buffers there are, 1 or more. */
  constructor(count: number) {
    this.#untouched = count;
  }

  /** Undefined when none is left. */
  take(): ServerBuffer | undefined {
    const used = this.#free.pop();
    if (used !== undefined) return used;
    if (this.#untouched === 0) return undefined;
    this.#untouched--;
    return { head: new Uint8Array(SMP_HEADER_SIZE) };
  }

  /** Takes a buffer back; each once. */
  give(buffer: ServerBuffer): void {
    this.#free.push(buffer);
  }
}

/** Notes the beginning of what is written to a buffer. */
export function writeHead(buffer: ServerBuffer, packet: Uint8Array): void {
  buffer.head.set(packet.subarray(0, SMP_HEADER_SIZE));
}
