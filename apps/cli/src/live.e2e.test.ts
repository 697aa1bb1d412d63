import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { freshAir, noCompiler, startHarness } from '../../../packages/bearer-dongle/src/testing/firmware.ts';
import { firmware, type Json, temporaryFolder } from './testing/cli.ts';
import { Controllers, hasSocat } from './testing/controllers.ts';
import { run, start } from './testing/live.ts';

if (!hasSocat) console.log('skipped: there is no socat, updates over serial ports are not tried');

// Each command is a process of the operating system, in real time, on loopback.

const folder = temporaryFolder();
afterAll(folder.remove);

const made = await firmware(2500);
const zip = folder.write('update.zip', made.zip);
const profile = folder.write(
  'profile.json',
  JSON.stringify({
    models: [
      { model: '0x1400', bind: [0], subscribe: ['0xC000'] },
      { model: '0x1402', bind: [0] },
    ],
  }),
);
const UDP = ['--bearer-plugin', fileURLToPath(new URL('../../../examples/custom-bearer', import.meta.url))];
const UUID = '5d7e4f5e-0001-4002-8003-000000000004';

/** A whole update by processes: `updater` and `device` are the bearers of either side. */
async function wholeUpdate(name: string, updater: readonly string[], target: readonly string[]): Promise<void> {
  const net = [...updater, '--state', join(folder.path, `${name} network`)];
  const slot = join(folder.path, `${name}.bin`);
  const device = start([
    ...['device', 'run', '--uuid', UUID, '--once', '--slot', slot],
    ...[...target, '--state', join(folder.path, `${name} device`)],
  ]);
  await device.until(({ state }) => state === 'unprovisioned');
  expect((await run(['net', 'create', ...net])).exit).toBe(0);
  const scan = await run(['scan', '--seconds', '4', ...net]);
  expect(scan.result.devices.map(({ uuid }: Json) => uuid)).toEqual([UUID]);
  const provisioned = await run(['provision', UUID, '--profile', profile, ...net]);
  expect(provisioned, provisioned.stderr).toMatchObject({ exit: 0, result: { nodes: [{ address: '0x0002' }] } });
  const update = await run(['dfu', 'run', zip, ...net]);
  expect(update, update.stderr + JSON.stringify(update.result)).toMatchObject({
    exit: 0,
    result: { targets: [{ address: '0x0002', phase: 'applied', firmwareIdAfter: toHex(made.firmwareId) }] },
  });
  expect(await device.ended).toBe(0);
  const sha256 = toHex(portableCrypto.sha256(made.image));
  expect(device.events.at(-1)).toMatchObject({ type: 'result', ok: true, image: { size: made.image.length, sha256 } });
  expect(new Uint8Array(readFileSync(slot))).toEqual(made.image);
}

test('two processes update each other over the UDP bearer of the example', async () => {
  const uri = ['--bearer', `udp:239.255.77.71:${20_000 + (process.pid % 20_000)}`, ...UDP];
  await wholeUpdate('udp', uri, uri);
});

describe('two processes update each other, each with a Bluetooth controller', () => {
  const controllers = new Controllers();
  afterAll(() => controllers.close());

  test('over TCP', async () => {
    const port = await controllers.tcp();
    const uri = ['--bearer', `hci:tcp:127.0.0.1:${port}`];
    await wholeUpdate('tcp', uri, uri);
  });

  test('over a UNIX socket', async () => {
    const path = join(folder.path, 'hci');
    await controllers.unix(path);
    await wholeUpdate('unix', ['--bearer', `hci:unix:${path}`], ['--bearer', `hci:unix:${path}`]);
  });

  test.skipIf(!hasSocat)('over serial ports', async () => {
    const [one, other] = [join(folder.path, 'tty0'), join(folder.path, 'tty1')];
    await Promise.all([controllers.serial(one), controllers.serial(other)]);
    await wholeUpdate('serial', ['--bearer', `hci:serial:${one}`], ['--bearer', `hci:serial:${other}`]);
  });
});

test.skipIf(noCompiler !== undefined)('two processes update each other, each with a dongle', async () => {
  const air = ['--air', freshAir()];
  const dongles = await Promise.all([startHarness(...air), startHarness(...air)]);
  const [one = '', other = ''] = dongles.map(({ path }) => path);
  await wholeUpdate('dongle', ['--bearer', `dongle:${one}`], ['--bearer', `dongle:${other}`]);
  await Promise.all(dongles.map((dongle) => dongle.unplug()));
});
