/**
 * Conformance by name: `pnpm conformance` runs all test cases, `pnpm conformance SR/START blob_cli` those whose ids begin
 * so, and prints the table. Ends with 1 when a case fails.
 */
import { profiles } from './cases.ts';
import { line, type Result, run, summary } from './report.ts';

const wanted = process.argv.slice(2);
const results: Result[] = [];
for (const [profile, cases] of Object.entries(profiles)) {
  const chosen = cases.filter(({ id }) => wanted.length === 0 || wanted.some((prefix) => id.startsWith(prefix)));
  if (chosen.length === 0) continue;
  console.log(`\n== ${profile}`);
  for (const each of chosen) {
    const result = await run(each);
    results.push(result);
    console.log(line(result));
  }
}
if (results.length === 0) {
  console.error(`No test case begins with ${wanted.join(' or ')}.`);
  process.exit(2);
}
console.log(`\n${summary(results)}`);
process.exit(results.some(({ state }) => state === 'failed') ? 1 : 0);
