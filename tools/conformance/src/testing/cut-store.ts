import { MemoryStore } from '@meshferry/core';

/** A store whose power fails at the n-th write under some prefixes (those of the models): before it, or right after it. */
export class CutStore extends MemoryStore {
  writes = 0;
  cutAt = Number.POSITIVE_INFINITY;
  after = false;
  isDead = false;
  /** The power fails now. */
  died: () => void = () => {};
  readonly #prefixes: readonly string[];

  constructor(...prefixes: readonly string[]) {
    super();
    this.#prefixes = prefixes;
  }

  override batch(entries: Parameters<MemoryStore['batch']>[0]): void {
    const all = [...entries];
    const isModel = all.some(([key]) => this.#prefixes.some((prefix) => key.startsWith(prefix)));
    if (isModel) this.writes++;
    const cut = isModel && this.writes >= this.cutAt;
    if (!this.isDead && !(cut && !this.after)) super.batch(all);
    if (!cut || this.isDead) return;
    this.isDead = true;
    this.died();
  }

  /** The power is back: it takes all that comes. */
  repair(): void {
    this.cutAt = Number.POSITIVE_INFINITY;
    this.isDead = false;
  }
}
