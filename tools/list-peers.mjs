// Prints each scenario with a program that others made (tools/peers) and how it ended, from the report in test-results: a
// scenario that was skipped proves nothing, and a count does not show it.
import { existsSync, readFileSync } from 'node:fs';

const report = new URL('../test-results/vitest.json', import.meta.url);
const { testResults = [] } = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : {};

for (const { name, assertionResults } of testResults) {
  if (!/[\\/]tools[\\/]peers[\\/]/.test(name)) continue;
  for (const { status, fullName } of assertionResults) console.log(`${status.padEnd(7)} ${fullName}`);
}
