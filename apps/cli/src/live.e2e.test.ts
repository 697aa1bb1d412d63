import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { afterAll, expect, test } from 'vitest';
import { firmware, type Json, temporaryFolder } from './testing/cli.ts';
import { run, start } from './testing/live.ts';

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
  expect(update, JSON.stringify(update.result)).toMatchObject({
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
