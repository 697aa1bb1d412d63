import { MemoryStore, type Store, type Write } from '@meshferry/core';

/** Whether the write at which the power fails has reached the medium. */
export type CutSide = 'before' | 'after';

/** A store on which the power fails at one write: `died` is called, and nothing is written any more. */
export class CutStore extends MemoryStore {
  writes = 0;
  isCut = false;
  died: () => void = () => {};
  readonly #at: number;
  readonly #side: CutSide;

  /** Begins with what `from` holds; counts from the first write on. */
  constructor(from: Store, at: number = Number.POSITIVE_INFINITY, side: CutSide = 'before') {
    super();
    super.batch(from.keys('').map((key): Write => [key, from.get(key) ?? null]));
    this.#at = at;
    this.#side = side;
  }

  override batch(writes: Iterable<Write>): void {
    if (this.isCut) return;
    this.writes++;
    const isNow = this.writes === this.#at;
    if (!isNow || this.#side === 'after') super.batch(writes);
    if (!isNow) return;
    this.isCut = true;
    this.died();
  }
}

/** A store that refuses one write under some prefixes, once, and nobody dies of it. */
export class RefusingStore extends CutStore {
  readonly #at: number;
  readonly #prefixes: readonly string[];
  /** Writes under the prefixes. */
  own = 0;

  constructor(from: Store, prefixes: readonly string[], at: number = Number.POSITIVE_INFINITY) {
    super(from);
    this.#at = at;
    this.#prefixes = prefixes;
  }

  override batch(writes: Iterable<Write>): void {
    const all = [...writes];
    const isOwn = all.some(([key]) => this.#prefixes.some((prefix) => key.startsWith(prefix)));
    if (isOwn && ++this.own === this.#at) throw new Error('the medium refuses');
    super.batch(all);
  }
}

/** A store that refuses writes as long as it is told to. */
export class StubbornStore extends MemoryStore {
  /** All writes, or those under a prefix. */
  refuses: boolean | string = false;

  override batch(writes: Iterable<Write>): void {
    const all = [...writes];
    const { refuses } = this;
    const isRefused = typeof refuses === 'string' ? all.some(([key]) => key.startsWith(refuses)) : refuses;
    if (isRefused) throw new Error('the medium is full');
    super.batch(all);
  }
}
