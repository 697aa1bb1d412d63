/**
 * Runs the benchmarks of this folder: `pnpm bench` all of them, `pnpm bench network radio` those named; what follows a
 * single name and is none itself goes to that one, as in `pnpm bench airtime 6-8 1,2,3`. Each
 * `NAME.bench.ts` is a script that prints its own figures; it gets a process of its own, so that memory and
 * just-in-time compilation of one do not colour the next.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = new URL('.', import.meta.url);
const known = readdirSync(folder)
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.slice(0, -'.bench.ts'.length))
  .sort();
const [first = '', ...rest] = process.argv.slice(2);
const hasArguments = known.includes(first) && rest.length > 0 && !rest.some((each) => known.includes(each));
const wanted = hasArguments ? [first] : process.argv.slice(2);

const unknown = wanted.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`No benchmark named ${unknown.join(', ')}. There are: ${known.join(', ') || 'none yet'}.`);
  process.exit(2);
}

let failed = 0;
for (const name of wanted.length > 0 ? wanted : known) {
  console.log(`\n== ${name}`);
  const file = fileURLToPath(new URL(`${name}.bench.ts`, folder));
  // process.execArgv carries tsx and the source condition on to the child.
  const { status } = spawnSync(process.execPath, [...process.execArgv, file, ...(hasArguments ? rest : [])], {
    stdio: 'inherit',
  });
  if (status !== 0) {
    console.error(`== ${name} failed`);
    failed++;
  }
}
process.exit(failed === 0 ? 0 : 1);
