import { MemoryStore, MeshError, type Store, type Write } from '@meshferry/core';

/** A store that refuses to write after so many times. */
export class FlakyStore implements Store {
  /** Writes that still succeed. */
  left: number = Number.POSITIVE_INFINITY;
  readonly #records = new MemoryStore();

  get(key: string): Uint8Array | undefined {
    return this.#records.get(key);
  }

  keys(prefix: string): string[] {
    return this.#records.keys(prefix);
  }

  batch(writes: Iterable<Write>): void {
    if (this.left === 0) throw new MeshError('store-failed', 'the medium is full');
    this.left--;
    this.#records.batch(writes);
  }

  close(): void {}
}
