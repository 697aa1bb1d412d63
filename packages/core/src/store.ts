/** One change of a {@link Store}: a value to write, or null to delete the record. */
export type Write = readonly [key: string, value: Uint8Array | null];

/**
 * Small records that survive a power cut. They are written before they are relied upon: when `batch` has returned,
 * all of it is durable; when the power fails inside it, none of it happened.
 */
export interface Store {
  /** The record, or undefined. The caller must not change the octets. */
  get(key: string): Uint8Array | undefined;
  /** The keys that start with `prefix`, in ascending order. */
  keys(prefix: string): string[];
  /** All of it or nothing. Throws `store-failed` when the medium refuses; then nothing was written. */
  batch(writes: Iterable<Write>): void;
  close(): void;
}

/** A store that lives as long as the process: for tests and simulations that need no memory of themselves. */
export class MemoryStore implements Store {
  readonly #records = new Map<string, Uint8Array>();

  get(key: string): Uint8Array | undefined {
    return this.#records.get(key);
  }

  keys(prefix: string): string[] {
    return [...this.#records.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  batch(writes: Iterable<Write>): void {
    // Taken whole first: an iterable that throws half-way must leave nothing behind.
    const all: readonly Write[] = Array.isArray(writes) ? writes : Array.from(writes);
    for (const [key, value] of all) {
      if (value === null) this.#records.delete(key);
      else this.#records.set(key, value.slice());
    }
  }

  close(): void {}
}

/** A part of a store under a prefix of its own: many nodes or models share one file. Closing it leaves the rest open. */
export function storeView(store: Store, prefix: string): Store {
  return new StoreView(store, prefix);
}

class StoreView implements Store {
  readonly #store: Store;
  readonly #prefix: string;
  /** Keys written before, by their short form: a text that is put together anew has to be hashed anew at each use. */
  readonly #keys = new Map<string, string>();

  constructor(store: Store, prefix: string) {
    const isView = store instanceof StoreView; // a view of a view goes to the store itself
    this.#store = isView ? store.#store : store;
    this.#prefix = isView ? store.#prefix + prefix : prefix;
  }

  get(key: string): Uint8Array | undefined {
    return this.#store.get(this.#prefix + key);
  }

  keys(prefix: string): string[] {
    return this.#store.keys(this.#prefix + prefix).map((key) => key.slice(this.#prefix.length));
  }

  batch(writes: Iterable<Write>): void {
    const prefixed: Write[] = [];
    for (const [key, value] of writes) prefixed.push([this.#keyOf(key), value]);
    this.#store.batch(prefixed);
  }

  close(): void {}

  #keyOf(key: string): string {
    let whole = this.#keys.get(key);
    if (whole === undefined) {
      whole = this.#prefix + key;
      this.#keys.set(key, whole);
    }
    return whole;
  }
}
