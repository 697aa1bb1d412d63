import { MemoryStore, MeshError, type Write } from '@meshferry/core';

/**
 * A store of a process that is killed: right after one of its writes, or (`late`) not before it needs the next one, with
 * all that it sends in between.
 */
export class KilledStore extends MemoryStore {
  #left = Number.POSITIVE_INFINITY;
  #late = false;
  #killed: () => void = () => {};

  /** Takes so many more batches, then calls `killed`, once, inside of a write. */
  cutAfter(batches: number, late: boolean, killed: () => void): void {
    this.#left = late ? batches + 1 : batches;
    this.#late = late;
    this.#killed = killed;
  }

  override batch(writes: Iterable<Write>): void {
    const taken = this.#left > (this.#late ? 1 : 0);
    if (taken) super.batch(writes);
    if (this.#left > 0 && --this.#left === 0) this.#killed();
    // A process that is dead writes no more, and does nothing with the outcome.
    if (!taken) throw new MeshError('store-failed', 'the power is gone');
  }

  /** What is on the disk. */
  survived(): MemoryStore {
    const store = new MemoryStore();
    store.batch(this.keys('').map((key): Write => [key, this.get(key) ?? null]));
    return store;
  }
}
