/**
 * How long a transfer takes on the simulated radio: `pnpm bench airtime [ROWS] [SEEDS] [stock] [small] [sender]`, such as
 * `pnpm bench airtime 0-5 101-103`, `pnpm bench airtime 18 101 sender`. ROWS by number, `-` for all; default seed: 1. `stock`: the
 * peers are stock ones; `small`: ours take blocks of 4096 octets only, as without keys in the URI; `sender`: a stock sender
 * sends the same to the same peers, too (long simulated times; rows with a goal against it always do so). Prints the radio's
 * parameters, and for each row simulated seconds against goal, stock sender and both bounds, lost targets, wall time and the
 * most memory of the process so far.
 */
import { HONEST_RADIO } from '@meshferry/sim';
import { AIRTIME_CASES, type AirtimeCase } from './airtime-cases.ts';
import { oneUpdate, peakMemory, readSeeds, type UpdateCase, type UpdateOutcome } from './one-update.ts';

const [rows = '-', seedText, ...flags] = process.argv.slice(2);
const seeds = readSeeds(seedText, '1');
const isStockPeer = flags.includes('stock');
const isSmall = flags.includes('small');
const chosen = rows === '-' ? AIRTIME_CASES.map((_, i) => i) : readSeeds(rows, '');

/** Targets that take what wins [design/airtime.md]: blocks of 16 KiB, in up to 2048 chunks. */
const LARGE_BLOCKS = 'block=8-14,chunks=2048';

printRadio();
let lost = 0;
let met = 0;
let missed = 0;
for (const i of chosen) {
  const row = AIRTIME_CASES[i];
  if (row !== undefined && isAsked(row)) await run(i, row);
}
console.log(
  `seeds ${seedText ?? '1'}: ${met} rows within their goal, ${missed} not, ${lost} targets lost, peak ${peakMemory()} MiB`,
);

/** Rows without any goal for these peers are left out. */
function isAsked({ atMost, atMostStock, timesStock }: AirtimeCase): boolean {
  return (isStockPeer ? atMostStock : (atMost ?? timesStock)) != null;
}

async function run(i: number, row: AirtimeCase): Promise<void> {
  const isPlain = isSmall || row.timesStock !== undefined;
  const uri = isStockPeer ? `${row.uri},peer=stock` : isPlain ? row.uri : `${row.uri},${LARGE_BLOCKS}`;
  const update: UpdateCase = { uri, kib: row.kib, ...(row.unicast && { unicast: true }) };
  const compares = flags.includes('sender') || row.timesStock !== undefined;
  for (const seed of seeds) {
    const ours = await oneUpdate(update, seed);
    const stock = compares ? await oneUpdate({ ...update, settings: 'stock' }, seed) : undefined;
    lost += ours.lost.length;
    console.log([String(i).padStart(2), describe(row, uri), `seed ${seed}`, ...figures(row, ours, stock)].join('  '));
    for (const each of ours.lost) console.log(`   lost: ${each}`);
  }
}

function describe({ kib, unicast }: AirtimeCase, uri: string): string {
  return `${`sim:${uri}`.padEnd(72)} ${`${kib} KiB`.padStart(7)}${unicast ? ' unicast' : ''}`;
}

function figures(row: AirtimeCase, ours: UpdateOutcome, stock: UpdateOutcome | undefined): string[] {
  const { seconds, targets, settingsBound, airBound, wallSeconds, lost } = ours;
  return [
    `${targets - lost.length}/${targets}`.padStart(7),
    `${seconds.toFixed(0)} s`.padStart(7),
    against(isStockPeer ? row.atMostStock : row.atMost, seconds),
    ...(stock === undefined ? publishedRatio(row, seconds) : [measuredRatio(row, seconds, stock)]),
    `settings bound ×${(seconds / settingsBound).toFixed(2)}`,
    `radio bound ×${(seconds / airBound).toFixed(1)}`,
    `wall ${wallSeconds.toFixed(1)} s${row.wallAtMost === undefined ? '' : ` (goal ${row.wallAtMost})`}`,
    `peak ${peakMemory()} MiB`,
  ];
}

function against(goal: number | null, seconds: number): string {
  if (goal === null) return '';
  if (seconds <= goal) met++;
  else missed++;
  return `goal ${goal} ${seconds <= goal ? 'ok' : `×${(seconds / goal).toFixed(2)}`}`;
}

function publishedRatio({ stockSender }: AirtimeCase, seconds: number): string[] {
  return stockSender === undefined ? [] : [`stock elsewhere ${stockSender} s ×${(stockSender / seconds).toFixed(1)}`];
}

function measuredRatio({ timesStock }: AirtimeCase, seconds: number, stock: UpdateOutcome): string {
  const ratio = stock.seconds / seconds;
  if (timesStock !== undefined) ratio >= timesStock ? met++ : missed++;
  const goal = timesStock === undefined ? '' : ` (goal ×${timesStock}${ratio >= timesStock ? ' ok' : ''})`;
  return `stock sender ${stock.seconds.toFixed(0)} s, lost ${stock.lost.length} ×${ratio.toFixed(2)}${goal}`;
}

function printRadio(): void {
  const { packetGapMs, scanWindowMs, hopGapMs, advertisingDelayMs, hostMs } = HONEST_RADIO;
  console.log(
    [
      'Radio (honest): an event is three packets of 8·(16 + L) µs on 37, 38, 39,',
      `  ${packetGapMs.join('…')} ms apart; a receiver is on one channel for ${scanWindowMs} ms, deaf 0…${hopGapMs} ms after each hop; half-duplex;`,
      '  packets that overlap on a channel are lost; link loss on top, per event and receiver.',
      `Advertisers by interval: 20 ms + 0…${advertisingDelayMs} ms random, host round trip ${hostMs.join('…')} ms; single events: 1 ms to the next.`,
      'Settings bound: one pass of 377-octet chunks, one copy; radio bound: air or medium alone. Goals in simulated seconds.',
    ].join('\n'),
  );
}
