import { MemoryStore, type Write } from '@meshferry/core';

/** When the power fails: before the write is in the flash, or just after. */
export type Moment = 'before' | 'after';

/** The store of a world in which one node loses its power at a write, and writes nothing from then on until it is back. */
export class NodeCutStore extends MemoryStore {
  /** Batches of the node so far. */
  writes = 0;
  readonly #prefix: string;
  #at = Number.POSITIVE_INFINITY;
  #moment: Moment = 'before';
  #cut: () => void = () => {};
  #isDead = false;

  /** `prefix` of all that the node keeps. */
  constructor(prefix: string) {
    super();
    this.#prefix = prefix;
  }

  /** The power fails at the `at`-th batch of the node from now on, counted from 1; `cut` is told. */
  cutAt(at: number, moment: Moment, cut: () => void): void {
    this.#at = this.writes + at;
    this.#moment = moment;
    this.#cut = cut;
  }

  /** The node is off: what it comes to write after that counts again. */
  revive(): void {
    this.#isDead = false;
  }

  override batch(writes: Iterable<Write>): void {
    const all = Array.from(writes);
    if (!all.some(([key]) => key.startsWith(this.#prefix))) {
      super.batch(all);
      return;
    }
    if (this.#isDead) return;
    this.writes++;
    const isCut = this.writes === this.#at;
    if (!isCut || this.#moment === 'after') super.batch(all);
    if (!isCut) return;
    this.#isDead = true;
    this.#cut();
  }
}
