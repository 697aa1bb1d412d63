import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { profiles } from './cases.ts';
import { run, summary } from './report.ts';

describe.each(Object.entries(profiles))('%s', (profile, cases) => {
  it('has every id of the list in its table, once, and no other', () => {
    const ids = JSON.parse(readFileSync(new URL(`./${profile}/ids.json`, import.meta.url), 'utf8')) as {
      specified: string[];
      unknown: string[];
    };
    expect(cases.map(({ id }) => id).sort()).toEqual([...ids.specified, ...ids.unknown].sort());
    const unknown = cases.filter(({ test }) => test === 'purpose unknown').map(({ id }) => id);
    expect(unknown.sort()).toEqual([...ids.unknown].sort());
  });

  for (const { id, title, test } of cases) {
    if (typeof test === 'function') it(`${id}: ${title}`, test);
  }
});

describe('the report', () => {
  it('counts a case without a test as what it is, never as passed', async () => {
    const results = await Promise.all([
      run({ id: 'a', title: '', test: 'purpose unknown' }),
      run({ id: 'b', title: '', test: 'not written' }),
      run({ id: 'c', title: '', test: () => {} }),
      run({
        id: 'd',
        title: '',
        test: () => {
          throw new Error('not so');
        },
      }),
    ]);
    expect(results.map(({ state }) => state)).toEqual(['purpose unknown', 'not written', 'passed', 'failed']);
    expect(results[3]?.reason).toBe('not so');
    expect(summary(results)).toMatch(/^4 test cases, 3 specified: 1 passed, 1 failed, 1 not written; 1 of unknown/);
  });
});
