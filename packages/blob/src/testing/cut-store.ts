import { MemoryStore, type Write } from '@meshferry/core';

/** The store of a node whose power fails at its n-th write: before it, or right after it. Dead, it takes nothing more. */
export class CutStore extends MemoryStore {
  writes = 0;
  cutAt = Number.POSITIVE_INFINITY;
  isAfter = false;
  isDead = false;
  /** The power fails: the program runs on to its next return, but nothing of what it does is seen. */
  onCut: () => void = () => {};

  override batch(writes: Iterable<Write>): void {
    if (this.isDead) return;
    const isCut = ++this.writes === this.cutAt;
    if (!isCut || this.isAfter) super.batch(writes);
    if (!isCut) return;
    this.isDead = true;
    this.onCut();
  }

  /** Power again. */
  revive(): void {
    this.cutAt = Number.POSITIVE_INFINITY;
    this.isDead = false;
  }
}
