import { MemoryStore, MeshError, type Store, type Write } from '@meshferry/core';

/** Fails every write after so many, as if the power had gone; what was written before survives. */
export class FailingStore implements Store {
  readonly survivor: MemoryStore = new MemoryStore();
  failed = false;
  /** Writes that still succeed. */
  left: number;

  constructor(writes: number) {
    this.left = writes;
  }

  get(key: string): Uint8Array | undefined {
    return this.survivor.get(key);
  }

  keys(prefix: string): string[] {
    return this.survivor.keys(prefix);
  }

  batch(writes: Iterable<Write>): void {
    if (this.left === 0) {
      this.failed = true;
      throw new MeshError('store-failed', 'no power');
    }
    this.left--;
    this.survivor.batch(writes);
  }

  close(): void {}
}
