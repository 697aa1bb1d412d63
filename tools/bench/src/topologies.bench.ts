/**
 * How much sooner than a stock sender: `pnpm bench topologies [NAMES] [SEEDS] [STOCK-SEEDS] [KEYS]`, such as
 * `pnpm bench topologies room,line-6 101-103 101`; `-` for NAMES: the twelve. Default seeds: 101 for both. With `-` for
 * STOCK-SEEDS only this sender runs. The peers are the same for both: those of Meshferry, or what KEYS say (`peer=stock`). Fails
 * when a target is lost, when the stock sender was faster in a site, or when fewer than ten of the twelve are three times as fast.
 */
import { oneUpdate, peakMemory, readSeeds } from './one-update.ts';
import { MORE_TOPOLOGIES, type NamedTopology, TOPOLOGIES } from './topologies.ts';

/** So much faster in so many of the twelve. */
const FASTER = 3;
const IN = 10;

const [names = '-', seedText, stockText, keys = ''] = process.argv.slice(2);
const chosen = names === '-' ? TOPOLOGIES : names.split(',').map(named);
const seeds = readSeeds(seedText, '101');
const stockSeeds = stockText === '-' ? [] : readSeeds(stockText, '101');

const ratios: number[] = [];
let lost = 0;
for (const each of chosen) ratios.push(await compare(each));

const faster = ratios.filter((ratio) => ratio >= FASTER).length;
const slower = ratios.filter((ratio) => ratio < 1).length;
if (stockSeeds.length > 0) console.log(`${faster} of ${ratios.length} at least ${FASTER} × as fast, ${slower} slower`);
const failed = lost > 0 || slower > 0 || (names === '-' && stockSeeds.length > 0 && faster < IN);
process.exitCode = failed ? 1 : 0;

/** Prints a row; gives how many times as long a stock sender takes, NaN when that was not run. */
async function compare({ name, uri, kib, wallAtMost }: NamedTopology): Promise<number> {
  const full = [uri, keys].filter(Boolean).join(',');
  const ours = await means(full, kib, seeds, 'auto');
  const stock = await means(full, kib, stockSeeds, 'stock');
  lost += ours.lost;
  const ratio = stock.seconds / ours.seconds;
  console.log(
    [
      name.padEnd(13),
      `${kib} KiB sim:${full}`.padEnd(72),
      `${ours.seconds.toFixed(0)} s`.padStart(7),
      `lost ${ours.lost}`,
      `wall ${ours.wall.toFixed(1)} s${wallAtMost === undefined ? '' : ` (goal ${wallAtMost})`}`,
      ...(stockSeeds.length > 0
        ? [
            `stock ${stock.seconds.toFixed(0)} s, lost ${stock.lost}, wall ${stock.wall.toFixed(1)} s`,
            `× ${ratio.toFixed(2)}`,
          ]
        : []),
      `peak ${peakMemory()} MiB`,
    ].join('  '),
  );
  for (const each of ours.reasons) console.log(`   ${each}`);
  return ratio;
}

interface Means {
  readonly seconds: number;
  /** In all seeds. */
  readonly lost: number;
  readonly reasons: readonly string[];
  /** Of one seed. */
  readonly wall: number;
}

async function means(uri: string, kib: number, of: readonly number[], settings: 'auto' | 'stock'): Promise<Means> {
  let seconds = 0;
  let wall = 0;
  const reasons: string[] = [];
  for (const seed of of) {
    const outcome = await oneUpdate({ uri, kib, settings }, seed);
    seconds += outcome.seconds / of.length;
    wall += outcome.wallSeconds / of.length;
    reasons.push(...outcome.lost.map((each) => `seed ${seed}: ${each}`));
  }
  return { seconds: of.length === 0 ? Number.NaN : seconds, lost: reasons.length, reasons, wall };
}

function named(name: string): NamedTopology {
  const found = [...TOPOLOGIES, ...MORE_TOPOLOGIES].find((each) => each.name === name);
  if (found !== undefined) return found;
  const all = [...TOPOLOGIES, ...MORE_TOPOLOGIES].map((each) => each.name).join(', ');
  console.error(`No topology named ${name}. There are: ${all}.`);
  process.exit(2);
}
