/**
 * How well the time of an update is foretold: `pnpm bench eta [FROM-TO] [SEEDS] [stock]`, rows by number, seeds as 101,102 or
 * 101-110. Of each update prints how far off the time of the transfer was that was stated before it began, and a tenth of it
 * later; the same of the whole update; then the share of seeds within 15 and 5 %.
 */
import { MemoryStore, SeededRandom, storeView } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { type MadeFirmware, makeFirmware } from '@meshferry/firmware';
import { type JobProgress, UpdateJob } from '@meshferry/node';
import { parseSimUri, SIM_APP_INDEX, SIM_GROUP, World } from '@meshferry/sim';
import { ETA_CASES } from './eta-cases.ts';
import { readSeeds, type UpdateCase } from './one-update.ts';

/** What `makeFirmware` puts round the payload. */
const FRAME = 666;

/** Errors as shares: 0.1 is ten percent too long. */
interface Outcome {
  readonly transferSeconds: number;
  readonly totalSeconds: number;
  readonly start: { readonly transfer: number; readonly total: number };
  readonly tenth: { readonly transfer: number; readonly total: number };
}

const [range = '', seedText, peer = 'meshferry'] = process.argv.slice(2);
const [from = 0, to = from || 999] = range.split('-').filter(Boolean).map(Number);
const seeds = readSeeds(seedText, '101');
const all: Outcome[] = [];

for (const [i, each] of ETA_CASES.entries()) {
  if (i < from || i > to) continue;
  const outcomes: Outcome[] = [];
  for (const seed of seeds) {
    const outcome = await measure(each, seed);
    outcomes.push(outcome);
    console.log(`${label(i, each)}  seed ${seed}  ${text(outcome)}`);
  }
  console.log(`${label(i, each)}  ${summary(outcomes)}`);
  all.push(...outcomes);
}
console.log(`all  ${summary(all)}`);

async function measure({ uri, kib, unicast }: UpdateCase, seed: number): Promise<Outcome> {
  const { image, metadata, firmwareId } = await firmware(kib);
  const world = new World({ sim: parseSimUri(`sim:${uri},seed=${seed},peer=${peer}`) });
  const { clock, random, role } = world;
  const store = storeView(new MemoryStore(), 'job/');
  const job = new UpdateJob({ role, clock, random, crypto: portableCrypto, store });
  const targets = world.targets.map(({ address }) => address);
  const group = unicast ? {} : { group: SIM_GROUP };
  const told: JobProgress[] = [];
  const onProgress = (progress: JobProgress): void => {
    if (progress.phase === 'starting' || progress.phase === 'transferring') told.push(progress);
  };
  const request = { image, metadata, firmwareId, targets, appIndex: SIM_APP_INDEX, ...group };
  const { stats } = await world.run(job.run(request, { onProgress }));
  world.close();
  const { transferSeconds, totalSeconds } = stats;
  const first = told.find(({ secondsLeft }) => secondsLeft !== null);
  const begun = told.find(({ phase }) => phase === 'transferring')?.elapsedSeconds ?? 0;
  const tenth = told.find(({ elapsedSeconds }) => elapsedSeconds >= begun + transferSeconds / 10);
  const error = (progress: JobProgress | undefined, since: number) => ({
    transfer: (since + (progress?.secondsLeft ?? 0)) / transferSeconds - 1,
    total: ((progress?.elapsedSeconds ?? 0) + (progress?.updateSecondsLeft ?? 0)) / totalSeconds - 1,
  });
  return {
    transferSeconds,
    totalSeconds,
    start: error(first, 0),
    tenth: error(tenth, (tenth?.elapsedSeconds ?? begun) - begun),
  };
}

function firmware(kib: number): Promise<MadeFirmware> {
  return makeFirmware({
    payload: new SeededRandom('bench').bytes(kib * 1024 - FRAME),
    version: { major: 2, minor: 0, revision: 0, build: 0 },
    company: 0x59,
    crypto: portableCrypto,
  });
}

function label(i: number, { uri, kib }: UpdateCase): string {
  return `${String(i).padStart(2)}  ${uri.padEnd(54)}  ${`${kib} KiB`.padStart(8)}`;
}

function text({ transferSeconds, totalSeconds, start, tenth }: Outcome): string {
  return [
    `transfer ${transferSeconds.toFixed(0)} s`.padStart(15),
    `start ${percent(start.transfer)}`,
    `tenth ${percent(tenth.transfer)}`,
    `update ${totalSeconds.toFixed(0)} s`.padStart(14),
    `start ${percent(start.total)}`,
    `tenth ${percent(tenth.total)}`,
  ].join('  ');
}

function summary(outcomes: readonly Outcome[]): string {
  const share = (within: number, of: (outcome: Outcome) => number): string => {
    const count = outcomes.filter((outcome) => Math.abs(of(outcome)) <= within).length;
    return `${Math.round((100 * count) / Math.max(1, outcomes.length))} %`;
  };
  const mean = outcomes.reduce((sum, { start }) => sum + start.transfer, 0) / Math.max(1, outcomes.length);
  return [
    `within 15 % at the start: transfer ${share(0.15, ({ start }) => start.transfer)}`,
    `update ${share(0.15, ({ start }) => start.total)}`,
    `within 5 % after a tenth: transfer ${share(0.05, ({ tenth }) => tenth.transfer)}`,
    `update ${share(0.05, ({ tenth }) => tenth.total)}`,
    `mean error at the start ${percent(mean)}`,
  ].join(' · ');
}

function percent(share: number): string {
  return `${share >= 0 ? '+' : ''}${(100 * share).toFixed(1)} %`.padStart(8);
}
