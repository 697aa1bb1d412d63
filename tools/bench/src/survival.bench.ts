/**
 * Whether any target is lost where the radio is bad: `pnpm bench survival [KIB] [SEEDS] [LOSS] [KEYS]`, by default 16 KiB to ten
 * targets at a loss of 20 %, seeds 1001-1200, each with an advertiser that works by interval and with single events. KEYS:
 * more of the simulator's URI, such as `peer=stock`. Fails when one is lost.
 */
import { oneUpdate, peakMemory, readSeeds } from './one-update.ts';

const [kibText = '16', seedText, loss = '0.2', keys = ''] = process.argv.slice(2);
const kib = Number(kibText);
const seeds = readSeeds(seedText, '1001-1200');
let lostInAll = 0;

for (const controller of ['interval', 'single']) {
  const uri = [`targets=10,loss=${loss},controller=${controller}`, keys].filter(Boolean).join(',');
  const times: { readonly seed: number; readonly seconds: number }[] = [];
  let lost = 0;
  let wall = 0;
  for (const seed of seeds) {
    const outcome = await oneUpdate({ uri, kib }, seed);
    times.push({ seed, seconds: outcome.seconds });
    lost += outcome.lost.length;
    wall += outcome.wallSeconds;
    for (const each of outcome.lost) console.log(`   seed ${seed}: ${each}`);
  }
  lostInAll += lost;
  const mean = times.reduce((sum, { seconds }) => sum + seconds, 0) / times.length;
  const worst = times.reduce((most, each) => (each.seconds > most.seconds ? each : most));
  console.log(
    [
      `${kib} KiB  sim:${uri}`,
      `${seeds.length} seeds`,
      `lost ${lost}`,
      `mean ${mean.toFixed(1)} s`,
      `worst ${worst.seconds.toFixed(1)} s (seed ${worst.seed})`,
      `wall ${wall.toFixed(0)} s`,
      `peak ${peakMemory()} MiB`,
    ].join('  '),
  );
}
process.exitCode = lostInAll === 0 ? 0 : 1;
