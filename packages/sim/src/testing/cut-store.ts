import { MemoryStore, type Write } from '@meshferry/core';

/** A store that loses all that is written after a moment, as when the process is killed then. */
export class CutStore extends MemoryStore {
  #left = Number.POSITIVE_INFINITY;
  #cut: () => void = () => {};

  /** Takes so many more batches; `cut` is called with the last of them. */
  cutAfter(batches: number, cut: () => void): void {
    this.#left = batches;
    this.#cut = cut;
  }

  override batch(writes: Iterable<Write>): void {
    if (this.#left > 0) super.batch(writes);
    if (--this.#left === 0) this.#cut();
  }

  /** What is on the disk; takes writes again. */
  survived(): MemoryStore {
    const store = new MemoryStore();
    store.batch(this.keys('').map((key) => [key, this.get(key) ?? null]));
    return store;
  }
}
