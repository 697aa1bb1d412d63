import { MemoryStore, MeshError, type Write } from '@meshferry/core';

/** A store that loses all that is written after a moment, as when the power fails then, or refuses it, as a full disk does. */
export class CutStore extends MemoryStore {
  /** Batches taken so far. */
  batches = 0;
  /** Every batch throws `store-failed` while it is true. */
  refuses = false;
  #left = Number.POSITIVE_INFINITY;
  #cut: () => void = () => {};

  /** Takes so many more batches; `cut` is called with the last of them, still inside of it. */
  cutAfter(batches: number, cut: () => void): void {
    this.#left = batches;
    this.#cut = cut;
  }

  get isCut(): boolean {
    return this.#left <= 0;
  }

  override batch(writes: Iterable<Write>): void {
    if (this.refuses) throw new MeshError('store-failed', 'the disk is full');
    if (this.#left > 0) {
      super.batch(writes);
      this.batches++;
    }
    if (--this.#left === 0) this.#cut();
  }

  /** What is on the disk; takes writes again. */
  survived(): CutStore {
    const store = new CutStore();
    const writes = this.keys('').map((key): Write => [key, this.get(key) ?? null]);
    MemoryStore.prototype.batch.call(store, writes);
    return store;
  }
}
