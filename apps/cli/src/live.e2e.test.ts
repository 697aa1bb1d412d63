import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { freshAir, noCompiler, startHarness } from '../../../packages/bearer-dongle/src/testing/firmware.ts';
import { firmware, type Json, meshferry, temporaryFolder } from './testing/cli.ts';
import { Controllers, hasSocat } from './testing/controllers.ts';
import { type LiveProcess, run, start } from './testing/live.ts';

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

/** A device that has just been switched on, and the network of an updater that knows it as node 0x0002. */
async function setUp(name: string, updater: readonly string[], target: readonly string[]) {
  const net = [...updater, '--state', join(folder.path, `${name} network`)];
  const slot = join(folder.path, `${name}.bin`);
  const options = ['--slot', slot, ...target, '--state', join(folder.path, `${name} device`)];
  const device = start(['device', 'run', '--uuid', UUID, '--once', ...options]);
  await device.until(({ state }) => state === 'unprovisioned');
  expect((await run(['net', 'create', ...net])).exit).toBe(0);
  const scan = await run(['scan', '--seconds', '3', ...net]);
  expect(new Set(scan.result.devices.map(({ uuid }: Json) => uuid))).toEqual(new Set([UUID]));
  const provisioned = await run(['provision', UUID, '--profile', profile, ...net]);
  expect(provisioned, provisioned.stderr).toMatchObject({ exit: 0, result: { nodes: [{ address: '0x0002' }] } });
  return { net, slot, device, options };
}

function expectUpdated({ exit, result, stderr }: Awaited<ReturnType<typeof run>>): void {
  const target = { address: '0x0002', phase: 'applied', firmwareIdAfter: toHex(made.firmwareId) };
  expect({ exit, result }, stderr + JSON.stringify(result)).toMatchObject({ exit: 0, result: { targets: [target] } });
}

async function expectFlashed(device: LiveProcess, slot: string): Promise<void> {
  expect(await device.ended).toBe(0);
  const sha256 = toHex(portableCrypto.sha256(made.image));
  expect(device.events.at(-1)).toMatchObject({ type: 'result', ok: true, image: { size: made.image.length, sha256 } });
  expect(new Uint8Array(readFileSync(slot))).toEqual(made.image);
}

/** A whole update by processes: `updater` and `target` are the bearers of either side. */
async function wholeUpdate(
  name: string,
  updater: readonly string[],
  target: readonly string[],
  ...options: readonly string[]
): Promise<void> {
  const { net, slot, device } = await setUp(name, updater, target);
  expectUpdated(await run(['dfu', 'run', zip, ...options, ...net]));
  await expectFlashed(device, slot);
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

  test('that are unplugged in the middle, and come back', async () => {
    const unstable = new Controllers();
    const uri = ['--bearer', `hci:tcp:127.0.0.1:${await unstable.tcp()}`];
    const { net, slot, device } = await setUp('unplugged', uri, uri);
    const update = start(['dfu', 'run', zip, ...net]);
    await update.until(({ phase, percent }) => phase === 'transferring' && percent > 10);
    unstable.unplug();
    await update.until(({ type, state }) => type === 'radio' && state === 'lost');
    await update.until(({ type, state }) => type === 'radio' && state === 'back');
    expect(device.events.filter(({ type }) => type === 'radio').map(({ state }) => state)).toContain('lost');
    expectUpdated({ ...update, exit: await update.ended, result: update.events.at(-1), stderr: update.stderr() });
    await expectFlashed(device, slot);
    unstable.close();
  });

  test('of which one is gone for good: the other ends with 4, and says how to go on; the device is killed, and goes on', async () => {
    const first = new Controllers();
    const port = await first.tcp();
    const uri = ['--bearer', `hci:tcp:127.0.0.1:${port}`];
    const { net, slot, device, options } = await setUp('gone', uri, uri);
    const update = start(['dfu', 'run', zip, ...net, '--reconnect', '1']);
    await update.until(({ phase, percent }) => phase === 'transferring' && percent > 10);
    device.child.kill('SIGKILL');
    first.close();
    expect(await update.ended).toBe(4);
    expect(update.events.at(-1)).toMatchObject({
      ok: false,
      error: { code: 'bearer-lost', hint: expect.stringContaining('meshferry dfu resume') },
    });
    const nothing = await run(['dfu', 'resume', ...net]);
    expect(nothing).toMatchObject({ exit: 4, result: { error: { code: 'bearer-unavailable' } } });
    const second = new Controllers();
    await second.tcp(port);
    const again = start(['device', 'run', '--once', ...options]);
    await again.until(({ state, address }) => state === 'node' && address === '0x0002');
    expectUpdated(await run(['dfu', 'resume', ...net]));
    await expectFlashed(again, slot);
    second.close();
  });

  test('by PB-GATT, and then through the device as a proxy', async () => {
    const uri = `hci:tcp:127.0.0.1:${await controllers.tcp()}`;
    const capture = join(folder.path, 'gatt.jsonl.gz');
    await wholeUpdate('gatt', ['--bearer', `proxy:${uri}`], ['--bearer', uri], '--capture', capture);
    const { result } = await meshferry(['decode', capture, '--json']);
    expect(result).toMatchObject({ ok: true, errors: {} });
    expect(result.messages).toBeGreaterThan(20);
  });

  test.skipIf(!hasSocat)('by the Bluetooth of this computer as noble has it, on a serial port', async () => {
    const port = join(folder.path, 'noble');
    await controllers.serial(port);
    const device = ['--bearer', `hci:tcp:127.0.0.1:${await controllers.tcp()}`];
    process.env.BLUETOOTH_HCI_SOCKET_UART_PORT = port;
    try {
      await wholeUpdate('noble', ['--bearer', 'noble:'], device);
    } finally {
      delete process.env.BLUETOOTH_HCI_SOCKET_UART_PORT;
    }
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
