/**
 * The checks of the repository itself: `floors` (imports and purity), `readme [--check]` (READMEs from package comments),
 * `packages` (what would be published). Without a name: all of them, changing nothing.
 */
import { fileURLToPath } from 'node:url';
import { importViolations } from './imports.ts';
import { packageViolations } from './packages.ts';
import { purityViolations } from './purity.ts';
import { readmeViolations, writeReadmes } from './readme.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const [check, option] = process.argv.slice(2);

const checks: Record<string, () => Promise<string[]>> = {
  floors: async () => [...(await importViolations(root)), ...purityViolations(root)],
  readme: async () => (check === 'readme' && option !== '--check' ? writeReadmes(root) : readmeViolations(root)),
  packages: () => packageViolations(root),
};

if (check !== undefined && !Object.hasOwn(checks, check)) {
  console.error(`Unknown check "${check}". There are: ${Object.keys(checks).join(', ')}.`);
  process.exit(2);
}

let found = 0;
for (const [name, run] of Object.entries(checks)) {
  if (check !== undefined && check !== name) continue;
  for (const violation of await run()) {
    console.error(violation);
    found++;
  }
}
process.exit(found === 0 ? 0 : 1);
