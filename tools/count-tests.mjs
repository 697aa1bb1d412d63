// Prints `N passed, N failed, N skipped` of all test runners whose reports lie in test-results. A run that failed (its
// exit status is the argument) without a failed test counts as one failure: a check before the tests, or a crash.
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const folder = new URL('../test-results/', import.meta.url);
const total = { passed: 0, failed: 0, skipped: 0 };

for (const file of existsSync(folder) ? readdirSync(folder) : []) {
  if (!file.endsWith('.json')) continue;
  const report = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
  total.passed += report.numPassedTests;
  total.failed += report.numFailedTests;
  total.skipped += report.numPendingTests + (report.numTodoTests ?? 0);
}
if (process.argv[2] !== '0' && total.failed === 0) total.failed = 1;
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
