// A firmware update from a script: five simulated nodes, an image made on the spot, progress, and what they run then.
// With another bearer than the simulator only the lines that open the world change.
import { formatAddress, MemoryStore, SeededRandom, toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { makeFirmware } from '@meshferry/firmware';
import { UpdateJob } from '@meshferry/node';
import { parseSimUri, SIM_APP_INDEX, SIM_GROUP, World } from '@meshferry/sim';

const world = new World({ sim: parseSimUri('sim:targets=5,loss=0.05') });
const firmware = await makeFirmware({
  payload: new SeededRandom('an application').bytes(10_000),
  version: { major: 1, minor: 1, revision: 0, build: 0 },
  company: 0x0059,
  crypto: portableCrypto,
});

const job = new UpdateJob({
  role: world.role,
  clock: world.clock,
  random: world.random,
  crypto: portableCrypto,
  store: new MemoryStore(),
});

let shown = '';
const report = await world.run(
  job.run(
    {
      image: firmware.image,
      metadata: firmware.metadata,
      firmwareId: firmware.firmwareId,
      targets: world.targets.map(({ address }) => address),
      appIndex: SIM_APP_INDEX,
      group: SIM_GROUP,
    },
    {
      onProgress: ({ phase, percent }) => {
        const line = `${phase} ${10 * Math.floor(percent / 10)} %`;
        if (line !== shown) console.log(line);
        shown = line;
      },
    },
  ),
);

for (const { address, phase, firmwareIdAfter } of report.targets) {
  console.log(formatAddress(address), phase, firmwareIdAfter === null ? '' : toHex(firmwareIdAfter));
}
world.close();
process.exitCode = report.targets.every(({ phase }) => phase === 'applied') ? 0 : 1;
