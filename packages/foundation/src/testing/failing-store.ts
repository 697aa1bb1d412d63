import { MemoryStore, MeshError, type Store, type Write } from '@meshferry/core';

/** A store that refuses the writes it is told to, or all after so many. */
export class FailingStore implements Store {
  /** Batches that still succeed. */
  left: number = Number.POSITIVE_INFINITY;
  refuses: (key: string) => boolean = () => false;
  readonly #inner = new MemoryStore();

  get(key: string): Uint8Array | undefined {
    return this.#inner.get(key);
  }

  keys(prefix: string): string[] {
    return this.#inner.keys(prefix);
  }

  batch(writes: Iterable<Write>): void {
    const all = [...writes];
    if (this.left === 0 || all.some(([key]) => this.refuses(key))) {
      throw new MeshError('store-failed', 'the medium refuses');
    }
    this.left--;
    this.#inner.batch(all);
  }

  close(): void {}
}
