/**
 * A whole update of simulated nodes: wall time, memory, and simulated transfer time against both bounds. The image has
 * the size of a real one (341 466 octets, the nRF52840 Target sample 2.0); `npm run bench update`.
 */
import { performance } from 'node:perf_hooks';
import { MemoryStore, SeededRandom, storeView } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { makeFirmware } from '@meshferry/firmware';
import { UpdateJob } from '@meshferry/node';
import { airBoundSeconds, parseSimUri, SIM_APP_INDEX, SIM_GROUP, settingsBoundSeconds, World } from '@meshferry/sim';

const IMAGE_SIZE = 341_466;

const CASES = ['sim:targets=10,radio=ideal', 'sim:targets=10', 'sim:targets=10,loss=0.1', 'sim:targets=100'] as const;

const payload = new SeededRandom('bench').bytes(IMAGE_SIZE - 666);
const made = await makeFirmware({
  payload,
  version: { major: 2, minor: 0, revision: 0, build: 0 },
  company: 0x59,
  crypto: portableCrypto,
});

console.log(`image ${made.image.length} octets`);
console.log(
  'case                          applied  wall s  rss MiB  transfer s  settings bound s  ratio  air bound s  receptions/s',
);
for (const uri of process.argv[2] === undefined ? CASES : [process.argv[2]]) {
  const sim = parseSimUri(uri);
  const world = new World({ sim });
  const job = new UpdateJob({
    role: world.role,
    clock: world.clock,
    random: world.random,
    crypto: portableCrypto,
    store: storeView(new MemoryStore(), 'job/'),
  });
  const start = performance.now();
  const report = await world.run(
    job.run({
      image: made.image,
      metadata: made.metadata,
      firmwareId: made.firmwareId,
      targets: world.targets.map(({ address }) => address),
      appIndex: SIM_APP_INDEX,
      group: SIM_GROUP,
    }),
  );
  const wall = (performance.now() - start) / 1000;
  const bound = settingsBoundSeconds(made.image.length, sim.targets, sim.controller);
  const { transferSeconds } = report.stats;
  console.log(
    [
      uri.padEnd(30),
      `${report.targets.filter(({ phase }) => phase === 'applied').length}/${sim.targets}`.padStart(6),
      wall.toFixed(1).padStart(7),
      (process.memoryUsage.rss() / 2 ** 20).toFixed(0).padStart(8),
      transferSeconds.toFixed(0).padStart(11),
      bound.toFixed(0).padStart(17),
      (transferSeconds / bound).toFixed(2).padStart(6),
      airBoundSeconds(made.image.length, sim.targets).toFixed(1).padStart(12),
      Math.round(world.radio.stats.receptions / wall)
        .toString()
        .padStart(13),
    ].join(' '),
  );
  world.close();
}
