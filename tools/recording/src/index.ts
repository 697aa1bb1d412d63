/**
 * Records `meshferry demo` on a terminal of its own making and writes docs/update.svg, the moving picture of the README:
 * `pnpm recording`. The simulation is deterministic; only the wall time in its last lines differs from run to run.
 */
import { writeFileSync } from 'node:fs';
import { main } from '@meshferry/cli';
import { type Line, Screen } from './screen.ts';
import { animatedSvg } from './svg.ts';

const COLUMNS = 104;
/** Pictures in the recording, spread evenly over what was drawn; the last one stays. */
const PICTURES = 30;

const screen = new Screen();
const drawn: Line[][] = [];
const exit = await main(['demo'], {
  stdout: {
    write: (text) => {
      screen.write(text);
      drawn.push(screen.lines());
    },
  },
  stderr: process.stderr,
  env: { TERM: 'xterm-256color' },
  isTTY: true,
  columns: COLUMNS,
  cwd: process.cwd(),
  signals: { listen: () => () => {} },
  now: () => performance.now(),
  wallTime: () => Date.now(),
});
if (exit !== 0) throw new Error(`the demo ended with exit code ${exit}`);

const step = Math.max(1, (drawn.length - 1) / (PICTURES - 1));
const pictures = Array.from(
  { length: PICTURES },
  (_, i) => drawn[Math.min(drawn.length - 1, Math.round(i * step))] ?? [],
);
const file = new URL('../../../docs/update.svg', import.meta.url);
writeFileSync(file, animatedSvg(pictures, COLUMNS));
console.log(`docs/update.svg: ${PICTURES} of ${drawn.length} pictures`);
