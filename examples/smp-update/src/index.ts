// An update of one device with MCUboot over SMP from a script: an image made on the spot, the plan, progress, how it ended.
// For a real device only the route changes: smpPlugin.route('serial:/dev/ttyACM0') of @meshferry/smp-serial, likewise udp:HOST
// of @meshferry/smp-udp, or bleRoute with the central of a bearer.
import { MemoryStore, SeededRandom } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { makeFirmware, readFirmwarePackage } from '@meshferry/firmware';
import { parseSimSmpUri, SimSmp } from '@meshferry/sim';
import { createSmpUpdate, smpUpdateImages } from '@meshferry/smp';

// The link breaks once in the middle: the update goes on where it was.
const world = new SimSmp({ sim: parseSimSmpUri('sim:smp,fail=disconnect@50') });
const { zip } = await makeFirmware({
  payload: new SeededRandom('an application').bytes(100_000),
  version: { major: 1, minor: 1, revision: 0, build: 0 },
  company: 0x0059,
  crypto: portableCrypto,
});
const read = await readFirmwarePackage(zip, { crypto: portableCrypto });
if (!read.ok) throw read.error;

let shown = '';
const job = createSmpUpdate({
  route: world.route,
  clock: world.clock,
  random: world.random,
  store: new MemoryStore(), // with one on disk another process goes on after a power cut
  images: smpUpdateImages(read.value),
  onProgress: ({ phase, percent }) => {
    const line = phase === 'uploading' ? `uploading ${20 * Math.floor(percent / 20)} %` : phase;
    if (line !== shown) console.log(line);
    shown = line;
  },
});

const plan = await world.run(job.inspect());
for (const { text } of plan.steps) console.log(`plan: ${text}`);
const report = await world.run(job.run());
console.log(report.outcome, report.error?.message ?? '', `in ${report.stats.totalSeconds.toFixed(1)} s of the device`);
world.close();
process.exitCode = report.succeeded ? 0 : 1;
