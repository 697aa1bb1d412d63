import type { Case, WithoutTest } from './case.ts';

/** What became of a case. */
export interface Result {
  readonly id: string;
  readonly title: string;
  readonly state: 'passed' | 'failed' | WithoutTest;
  /** Why it failed. */
  readonly reason?: string;
}

/** Runs a case, if there is something to run. */
export async function run({ id, title, test }: Case): Promise<Result> {
  if (typeof test === 'string') return { id, title, state: test };
  try {
    await test();
    return { id, title, state: 'passed' };
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return { id, title, state: 'failed', reason };
  }
}

/** One line of the table. */
export function line({ id, title, state, reason }: Result): string {
  const why = reason === undefined ? '' : `\n    ${reason.replaceAll('\n', '\n    ')}`;
  return `${id.padEnd(34)} ${state.padEnd(16)} ${title}${why}`;
}

/** The counts under the table. */
export function summary(results: readonly Result[]): string {
  const count = (state: Result['state']): number => results.filter((result) => result.state === state).length;
  const specified = results.length - count('purpose unknown');
  return [
    `${results.length} test cases, ${specified} specified: ${count('passed')} passed, ${count('failed')} failed,`,
    `${count('not written')} not written; ${count('purpose unknown')} of unknown purpose (never counted as passed)`,
  ].join(' ');
}
