import { MemoryStore, MeshError, type Write } from '@meshferry/core';

/** A store that loses what is written after a moment, as when the power fails then, or refuses it, as a full disk does. */
export class CutStore extends MemoryStore {
  #left = Number.POSITIVE_INFINITY;
  #cut: () => void = () => {};
  /** Every batch throws `store-failed` while it is true. */
  refuses = false;

  /** Takes so many more batches; `cut` is called with the last of them. */
  cutAfter(batches: number, cut: () => void): void {
    this.#left = batches;
    this.#cut = cut;
  }

  override batch(writes: Iterable<Write>): void {
    if (this.refuses) throw new MeshError('store-failed', 'the disk is full');
    if (this.#left > 0) super.batch(writes);
    if (--this.#left === 0) this.#cut();
  }

  /** What is on the disk; takes writes again. */
  survived(): CutStore {
    const store = new CutStore();
    store.batch(this.keys('').map((key) => [key, this.get(key) ?? null]));
    return store;
  }
}
