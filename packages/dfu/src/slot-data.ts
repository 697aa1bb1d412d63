import type { BlobSink, BlobSource } from '@meshferry/blob';
import type { Store, Write } from '@meshferry/core';

/** Octets in a record of an image that did not come in blocks. */
const BLOCK = 4096;

/** The octets of one slot: a record for each block, under its offset. All blocks but the last have the same size. */
export class SlotData {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #size: number;

  constructor(store: Store, id: number, size: number) {
    this.#store = store;
    this.#prefix = `data/${id.toString(16).padStart(4, '0')}/`;
    this.#size = size;
  }

  /** Takes blocks as long as `open` says so. */
  sink(open: () => boolean): BlobSink {
    return {
      begin: (_, size) => open() && size === this.#size && this.#write(this.deletion()),
      block: (offset, data) => open() && this.#write([[this.#key(offset), data]]),
      recover: (_, size) => open() && size === this.#size,
    };
  }

  /** Takes all octets at once; false when the store refuses. */
  fill(octets: Uint8Array): boolean {
    const writes: Write[] = this.deletion();
    for (let at = 0; at < octets.length; at += BLOCK) writes.push([this.#key(at), octets.subarray(at, at + BLOCK)]);
    return this.#write(writes);
  }

  /** All octets; undefined while some are missing. */
  octets(): Uint8Array | undefined {
    const octets = new Uint8Array(this.#size);
    let at = 0;
    for (const key of this.#store.keys(this.#prefix)) {
      const block = this.#store.get(key);
      if (block === undefined || key !== this.#key(at) || at + block.length > this.#size) return undefined;
      octets.set(block, at);
      at += block.length;
    }
    return at === this.#size ? octets : undefined;
  }

  /** Reads block by block and keeps the last one: chunks are read in order. */
  source(): BlobSource {
    const blockSize = this.#store.get(this.#key(0))?.length ?? 1;
    let heldAt = -1;
    let held = new Uint8Array(0);
    const blockAt = (at: number): Uint8Array => {
      if (at !== heldAt) {
        held = new Uint8Array(this.#store.get(this.#key(at)) ?? []);
        heldAt = at;
      }
      return held;
    };
    return {
      size: this.#size,
      read: (offset, length) => {
        const first = offset - (offset % blockSize);
        if (offset + length <= first + blockSize)
          return blockAt(first).subarray(offset - first, offset - first + length);
        const octets = new Uint8Array(length);
        for (let at = first; at < offset + length; at += blockSize) {
          const from = Math.max(at, offset);
          octets.set(blockAt(at).subarray(from - at, offset + length - at), from - offset);
        }
        return octets;
      },
    };
  }

  deletion(): Write[] {
    return this.#store.keys(this.#prefix).map((key) => [key, null]);
  }

  /** Whether it is durable: a sink answers with it. */
  #write(writes: readonly Write[]): boolean {
    try {
      this.#store.batch(writes);
      return true;
    } catch {
      return false;
    }
  }

  #key(offset: number): string {
    return this.#prefix + offset.toString(16).padStart(8, '0');
  }
}
