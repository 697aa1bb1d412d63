import { MemoryStore, MeshError, type Write } from '@meshferry/core';

/** The flash of a device: it loses what is written after the power fails, and can be worn out. */
export class DeviceStore extends MemoryStore {
  /** Every batch throws `store-failed` while it is true. */
  refuses = false;
  #left = Number.POSITIVE_INFINITY;
  #cut: () => void = () => {};

  /** Takes so many more batches; `cut` is called with the last of them. */
  cutAfter(batches: number, cut: () => void): void {
    this.#left = batches;
    this.#cut = cut;
  }

  override batch(writes: Iterable<Write>): void {
    if (this.refuses) throw new MeshError('store-failed', 'the flash is worn out');
    if (this.#left > 0) super.batch(writes);
    if (--this.#left === 0) this.#cut();
  }

  /** What is in the flash when the power comes back. */
  survived(): DeviceStore {
    const store = new DeviceStore();
    store.batch(this.keys('').map((key): Write => [key, this.get(key) ?? null]));
    return store;
  }
}
