import type { Store, Write } from '@meshferry/core';

/** The Composition Data pages that the running software has: 0 and 1, and 2 if the node claims a mesh profile. */
export type RunningPages = ReadonlyMap<0 | 1 | 2, Uint8Array>;

/** The first page of those that show the next term: 128 tells of page 0, 129 of page 1, 130 of page 2. */
const NEXT_TERM = 128;

const PREFIX = 'composition/';

/**
 * The Composition Data of a node over its term on the network [Mesh Protocol 1.1, 4.2.2]. The pages that it was
 * provisioned with stay until a refresh, also when the software has changed; pages 128 and up show those of the
 * software, if the node can be refreshed (has a Remote Provisioning Server).
 */
export class CompositionPages {
  readonly #store: Store;
  readonly #running: RunningPages;
  readonly #refreshable: boolean;

  /** The first time in a term the running pages become those of the term, durably. */
  constructor(store: Store, running: RunningPages, refreshable: boolean) {
    this.#store = store;
    this.#running = running;
    this.#refreshable = refreshable;
    if (store.keys(PREFIX).length === 0) this.refresh();
  }

  /** The page asked for, or the largest present one below it; 0xFF gives the highest. Octets without the page number. */
  at(asked: number): { readonly page: number; readonly data: Uint8Array } {
    for (let page = asked; page > 0; page--) {
      const data = this.#page(page);
      if (data !== undefined) return { page, data };
    }
    return { page: 0, data: this.#page(0) ?? new Uint8Array(0) };
  }

  /** A new term: the pages of the term are those of the running software from now on. */
  refresh(): void {
    const writes: Write[] = forgetComposition(this.#store).slice();
    for (const [page, data] of this.#running) writes.push([PREFIX + page, data]);
    this.#store.batch(writes);
  }

  #page(page: number): Uint8Array | undefined {
    if (page < NEXT_TERM) return this.#store.get(PREFIX + page);
    return this.#refreshable ? this.#running.get((page - NEXT_TERM) as 0 | 1 | 2) : undefined;
  }
}

/** Forgets the pages of the term: the node leaves the network. */
export function forgetComposition(store: Store): readonly Write[] {
  return store.keys(PREFIX).map((key) => [key, null]);
}
