/**
 * How long a transfer takes on the simulated radio: `pnpm bench airtime [FROM-TO] [SEEDS] [stock]`, rows by number. Prints
 * simulated seconds against the goal, both bounds and a stock sender.
 */
import { performance } from 'node:perf_hooks';
import { MemoryStore, SeededRandom, storeView } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { makeFirmware } from '@meshferry/firmware';
import { UpdateJob } from '@meshferry/node';
import { airBoundSeconds, parseSimUri, SIM_APP_INDEX, SIM_GROUP, settingsBoundSeconds, World } from '@meshferry/sim';
import { AIRTIME_CASES, type AirtimeCase } from './airtime-cases.ts';

/** What `makeFirmware` puts round the payload. */
const FRAME = 666;

const [range = '', seedText = '1', peer = 'meshferry'] = process.argv.slice(2);
const [from = 0, to = from || 999] = range.split('-').filter(Boolean).map(Number);
const seeds = seedText.split(',').map(Number);

for (const [i, each] of AIRTIME_CASES.entries()) {
  if (i < from || i > to) continue;
  const goal = peer === 'stock' ? each.atMostStock : each.atMost;
  if (goal === null) continue;
  for (const seed of seeds) console.log(await row(i, each, seed, goal));
}

async function row(i: number, { uri, kib, unicast }: AirtimeCase, seed: number, goal: number): Promise<string> {
  const made = await makeFirmware({
    payload: new SeededRandom('bench').bytes(kib * 1024 - FRAME),
    version: { major: 2, minor: 0, revision: 0, build: 0 },
    company: 0x59,
    crypto: portableCrypto,
  });
  const sim = parseSimUri(`sim:${uri},seed=${seed},peer=${peer}`);
  const world = new World({ sim });
  const { clock, random, role } = world;
  const job = new UpdateJob({
    role,
    clock,
    random,
    crypto: portableCrypto,
    store: storeView(new MemoryStore(), 'job/'),
  });
  const start = performance.now();
  const targets = world.targets.map(({ address }) => address);
  const { image, metadata, firmwareId } = made;
  const report = await world.run(
    job.run({
      image,
      metadata,
      firmwareId,
      targets,
      appIndex: SIM_APP_INDEX,
      ...(unicast ? {} : { group: SIM_GROUP }),
    }),
  );
  const wall = (performance.now() - start) / 1000;
  const seconds = report.stats.transferSeconds;
  const applied = report.targets.filter(({ phase }) => phase === 'applied').length;
  world.close();
  return [
    String(i).padStart(2),
    uri.padEnd(44),
    `${kib} KiB`.padStart(8),
    `seed ${seed}`,
    `${applied}/${sim.targets}`.padStart(7),
    `${seconds.toFixed(0)} s`.padStart(7),
    `goal ${goal}`.padStart(10),
    (seconds <= goal ? 'ok' : `×${(seconds / goal).toFixed(2)}`).padStart(6),
    `settings ×${(seconds / settingsBoundSeconds(image.length, sim.targets, sim.controller)).toFixed(2)}`,
    `air ×${(seconds / airBoundSeconds(image.length, sim.targets)).toFixed(1)}`,
    `wall ${wall.toFixed(1)}`,
  ].join('  ');
}
