import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { firmware, type Json, temporaryFolder } from './testing/cli.ts';
import { Controllers, hasSocat, ptyPair } from './testing/controllers.ts';
import { type LiveProcess, run, start } from './testing/live.ts';

// "smp serve" and "smp update" are processes of the operating system, in real time, on loopback.

if (!hasSocat) console.log('skipped: there is no socat, SMP over serial ports is not tried');

const folder = temporaryFolder();
afterAll(folder.remove);
const image = folder.write('app_update.bin', (await firmware(20_000)).image);

/** A simulated device at a place, in its own process, and the state folder of who updates it. */
async function serve(name: string, at: string): Promise<{ device: LiveProcess; state: string }> {
  const own = ['--bearer', `sim:smp,boot=10,name=${name}`, '--state', join(folder.path, `${name} device`)];
  const device = start(['smp', 'serve', '--at', at, ...own]);
  await device.until(({ type }) => type === 'serving');
  return { device, state: join(folder.path, `${name} updater`) };
}

/** Updates it, and has it told what it runs. */
async function update({ device, state }: Awaited<ReturnType<typeof serve>>, bearer: string): Promise<void> {
  const { exit, result, stderr } = await run(['smp', 'update', image, '--bearer', bearer, '--state', state]);
  expect({ exit, result }, stderr + JSON.stringify(result)).toMatchObject({ exit: 0, result: { outcome: 'updated' } });
  await device.until(({ type, versions }: Json) => type === 'device' && versions?.[0] === '2.0.0+0');
  device.child.kill('SIGINT');
  expect(await device.ended).toBe(130);
}

describe('smp update of a device in another process', () => {
  const controllers = new Controllers();
  afterAll(() => controllers.close());

  test('over Bluetooth by two controllers, by the name of the device', async () => {
    const radio = `hci:tcp:127.0.0.1:${await controllers.tcp()}`;
    await update(await serve('Lamp', radio), `${radio}?name=Lamp`);
  }, 60_000);

  test.skipIf(!hasSocat)(
    'over the Bluetooth of this computer as noble has it, by its address',
    async () => {
      const port = join(folder.path, 'noble');
      await controllers.serial(port);
      const radio = `hci:tcp:127.0.0.1:${await controllers.tcp()}`;
      const served = await serve('Lock', radio);
      const { result } = await run(['smp', 'scan', '--bearer', radio]);
      const { address } = result.devices.find(({ name }: Json) => name === 'Lock');
      process.env.BLUETOOTH_HCI_SOCKET_UART_PORT = port;
      try {
        await update(served, `noble:${address}`);
      } finally {
        delete process.env.BLUETOOTH_HCI_SOCKET_UART_PORT;
      }
    },
    60_000,
  );

  test.skipIf(!hasSocat)(
    'over a serial line',
    async () => {
      const [near, far] = [join(folder.path, 'near'), join(folder.path, 'far')];
      const end = await ptyPair(near, far);
      try {
        await update(await serve('Board', `serial:${far}`), `serial:${near},1000000`);
      } finally {
        end();
      }
    },
    60_000,
  );
});
