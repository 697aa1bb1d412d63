import { SeededRandom } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { type MadeFirmware, makeFirmware, readFirmwarePackage } from '@meshferry/firmware';
import { SIM_GROUP } from '@meshferry/sim';
import type { Command } from 'commander';
import { type ExitCode, input } from '../shell/exit.ts';
import { formatSeconds, formatSize } from '../shell/format.ts';
import type { Runner } from '../shell/run.ts';
import { Shell } from '../shell/shell.ts';
import { withMesh } from '../update/mesh.ts';
import { finishUpdate } from '../update/result.ts';
import { runUpdate } from '../update/run-update.ts';

const NETWORK = 'sim:targets=10';
const VERSION = { major: 1, minor: 1, revision: 0, build: 0 };
const COMPANY = 0x0059;
const PAYLOAD = 48 * 1024;
/** What Zephyr 3.4 with its default settings reached to ten targets, B/s [design/performance-anchors.md]. */
const STOCK_RATE = 30;

export function addDemoCommand(program: Command, runner: Runner): void {
  program
    .command('demo')
    .description('a whole update of ten simulated nodes, with a package made on the spot; leaves nothing behind')
    .addHelpText('after', '\nExample:\n  meshferry demo\n')
    .action(runner.of(demo));
}

/** `demo`, what `npm start` runs. */
async function demo(given: Shell): Promise<ExitCode> {
  // Whatever else is given: the network of the demo, and nothing left on the disk.
  const { state: _, ...options } = given.options;
  const shell = new Shell(given.io, { ...options, bearer: [NETWORK] });
  const made = await makePackage();
  // Read like any other package: what the demo shows is what `dfu run` does.
  const { images, warnings } = input(await readFirmwarePackage(made.zip, { crypto: portableCrypto }));
  const bytes = images[0]?.bytes ?? made.image;
  const image = { bytes, metadata: made.metadata, firmwareId: made.firmwareId, warnings };
  introduce(shell, made);
  return withMesh(shell, async (mesh) => {
    const request = {
      image: bytes,
      metadata: image.metadata,
      firmwareId: image.firmwareId,
      targets: mesh.targets,
      appIndex: mesh.appIndex,
      group: SIM_GROUP,
    };
    const finished = await runUpdate(shell, mesh, mesh.targets.length, (job, onProgress) =>
      job.run(request, { onProgress }),
    );
    const exit = finishUpdate(shell, mesh, image, finished);
    sayWhatNext(shell, bytes.length);
    return exit;
  });
}

/** The same octets every time: an application of noise, signed with the key that everybody has. */
function makePackage(): Promise<MadeFirmware> {
  const payload = new SeededRandom('meshferry demo').bytes(PAYLOAD);
  return makeFirmware({ payload, version: VERSION, company: COMPANY, crypto: portableCrypto, name: 'demo' });
}

function introduce(shell: Shell, made: MadeFirmware): void {
  const { bold, dim } = shell.style;
  shell.say(bold('A firmware update of ten mesh nodes'));
  shell.say(`  firmware  1.1.0, ${formatSize(made.image.length)}, signed (MCUboot, ECDSA P-256), with mesh metadata`);
  shell.say(`  network   ${NETWORK}: ten nodes of the same stack, a simulated radio with collisions and scan gaps`);
  shell.say(dim('  Every octet goes as encrypted mesh PDUs; simulated time runs faster than yours.'));
  shell.say();
}

function sayWhatNext(shell: Shell, size: number): void {
  const { bold, dim } = shell.style;
  shell.say(
    dim(
      `For comparison: Zephyr with default settings sends ${STOCK_RATE} B/s to ten nodes: ${formatSeconds(size / STOCK_RATE)}.`,
    ),
  );
  shell.say();
  shell.say(bold('What to try next'));
  for (const line of [
    'meshferry fw make app.bin --image-version 1.2.3 --out update.zip   a package of your own',
    'meshferry fw inspect update.zip                                    what is in it',
    'meshferry dfu run update.zip --bearer sim:targets=10,loss=0.1      a worse radio',
    'meshferry dfu run update.zip --bearer sim:targets=10 --state ./s   press Ctrl-C, then add --resume',
    'meshferry --help                                                   everything else',
  ]) {
    shell.say(`  ${line}`);
  }
  shell.say(dim('  (in a checkout, meshferry is node apps/cli/bin/meshferry.js)'));
}
