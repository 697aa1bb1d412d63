/** What a code means, and what to do. */
export interface CodeWords {
  readonly name: string;
  readonly remedy: string;
  /** What a server of v1 sends instead: a code of the SMP layer. */
  readonly v1: number;
}

export const SMP_CODES: ReadonlyMap<number, CodeWords> = new Map();

export function groupCodes(_group: number): ReadonlyMap<number, CodeWords> | undefined {
  return undefined;
}
