import type { Store, Write } from '@meshferry/core';

/** The pages that the running software has, by their number: 0 and 1, and 2 if the node claims a mesh profile. */
export type RunningPages = ReadonlyMap<number, Uint8Array>;

/** The first page of those that show the next term: 128 tells of page 0, 129 of page 1, 130 of page 2. */
const NEXT_TERM = 128;

const PREFIXES = { composition: 'composition/', metadata: 'metadata/' } as const;

/**
 * The Composition Data or the Models Metadata of a node over its term on the network [Mesh Protocol 1.1, 4.2.2, 4.2.50].
 * The pages that it was provisioned with stay until a refresh, also when the software has changed; pages 128 and up show
 * those of the software, if the node can be refreshed (has a Remote Provisioning Server).
 */
export class TermPages {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #running: RunningPages;
  readonly #refreshable: boolean;

  /** The first time in a term the running pages become those of the term, durably. */
  constructor(store: Store, kind: keyof typeof PREFIXES, running: RunningPages, refreshable: boolean) {
    this.#store = store;
    this.#prefix = PREFIXES[kind];
    this.#running = running;
    this.#refreshable = refreshable;
    if (store.keys(this.#prefix).length === 0) store.batch(this.refreshed());
  }

  /** The page asked for, or the largest present one below it; 0xFF gives the highest. Octets without the page number. */
  at(asked: number): { readonly page: number; readonly data: Uint8Array } {
    for (let page = asked; page > 0; page--) {
      const data = this.#page(page);
      if (data !== undefined) return { page, data };
    }
    return { page: 0, data: this.#page(0) ?? new Uint8Array(0) };
  }

  /** What the store holds in a new term: the pages of the running software. */
  refreshed(): Write[] {
    const gone = this.#store.keys(this.#prefix).map((key): Write => [key, null]);
    for (const [page, data] of this.#running) gone.push([this.#prefix + page, data]);
    return gone;
  }

  #page(page: number): Uint8Array | undefined {
    if (page < NEXT_TERM) return this.#store.get(this.#prefix + page);
    return this.#refreshable ? this.#running.get(page - NEXT_TERM) : undefined;
  }
}

/** Composition Data Page 0 of the present term, without the page number; undefined before the first one. */
export function termPage0(store: Store): Uint8Array | undefined {
  return store.get(`${PREFIXES.composition}0`);
}

/** Forgets the pages of the term: the node leaves the network. */
export function forgetPages(store: Store): readonly Write[] {
  return Object.values(PREFIXES).flatMap((prefix) => store.keys(prefix).map((key): Write => [key, null]));
}
