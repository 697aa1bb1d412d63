import type { Store, Write } from '@meshferry/core';

/** Sequence numbers are 24 bits. */
export const SEQ_MAX = 0xff_ffff;
const BLOCK = 256;
const KEY = 'seq';

/**
 * The one allocator of sequence numbers of a node, shared by all its elements and protocols. Numbers are stored ahead:
 * before one is used that is not below the stored limit, a limit a block further is written. After a restart the
 * sequence goes on at the limit, so no number is used twice, whenever the power failed [Mesh Protocol 1.1, 3.9.3].
 */
export class SequenceAllocator {
  /** Called, inside of {@link take}, each time a block has been begun. Must not take numbers. */
  onBlock: () => void = () => {};
  readonly #store: Store;
  #next: number;
  #limit: number;

  constructor(store: Store) {
    this.#store = store;
    this.#limit = readLimit(store);
    this.#next = this.#limit;
  }

  /** The number that {@link take} gives next; above {@link SEQ_MAX} when they are used up. */
  get next(): number {
    return this.#next;
  }

  /** A number never given before, or undefined when they are used up under this IV Index. Throws `store-failed`. */
  take(): number | undefined {
    if (this.#next > SEQ_MAX) return undefined;
    if (this.#next >= this.#limit) this.#advanceLimit();
    return this.#next++;
  }

  /**
   * Starts again at 0, as an IV Index not transmitted with before allows. `commit` makes the change given to it durable,
   * together with that IV Index; when it throws, the numbers go on as before.
   */
  restart(commit: (write: Write) => void): void {
    commit([KEY, new Uint8Array(4)]);
    this.#next = 0;
    this.#limit = 0;
  }

  #advanceLimit(): void {
    const limit = this.#next + BLOCK;
    this.#store.batch([[KEY, Uint8Array.of(limit >>> 24, limit >>> 16, limit >>> 8, limit)]]);
    this.#limit = limit;
    this.onBlock();
  }
}

function readLimit(store: Store): number {
  const record = store.get(KEY);
  return record?.length === 4 ? new DataView(record.buffer, record.byteOffset).getUint32(0) : 0;
}
