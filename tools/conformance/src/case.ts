/** How a test case stands that has no test: nobody knows what it checks, or nobody has written it yet. */
export type WithoutTest = 'purpose unknown' | 'not written';

/** One test case by its name in the lists of the project (`ids.json` of each folder). */
export interface Case {
  readonly id: string;
  /** What it checks, for people. */
  readonly title: string;
  /** Throws (or rejects) when the behaviour is not as the case wants it. */
  readonly test: (() => void | Promise<void>) | WithoutTest;
}

/** A case that is specified. */
export function specified(id: string, title: string, test: () => void | Promise<void>): Case {
  return { id, title, test };
}

/** Cases whose purpose is not public: never counted as passed, whatever else covers them. */
export function unknown(ids: readonly string[], title: string): readonly Case[] {
  return ids.map((id) => ({ id, title, test: 'purpose unknown' }));
}

/** Cases that are specified but that nobody has written a test for. */
export function unwritten(ids: readonly string[], title: string): readonly Case[] {
  return ids.map((id) => ({ id, title, test: 'not written' }));
}

/** `prefix` with numbers of two digits, `first` to `last`. */
export function numbered(prefix: string, first: number, last: number = first): readonly string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => `${prefix}${String(first + i).padStart(2, '0')}`);
}
