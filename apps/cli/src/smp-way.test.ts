import { memoryGatt } from '@meshferry/bearer';
import type { MeshError } from '@meshferry/core';
import { SMP_SERVICE, SmpBleTransport, SmpClient, SmpServer, type SmpTransport } from '@meshferry/smp';
import { serveSmpUdp } from '@meshferry/smp-udp';
import { afterAll, describe, expect, test } from 'vitest';
import type { Session } from './network/session.ts';
import type { Stop } from './shell/exit.ts';
import { realClock } from './shell/host.ts';
import type { Io } from './shell/io.ts';
import { Shell } from './shell/shell.ts';
import { temporaryFolder } from './testing/cli.ts';
import { checkSmpWay, SmpWay } from './update/smp-way.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const io: Io = {
  stdout: { write: () => {} },
  stderr: { write: () => {} },
  env: {},
  isTTY: false,
  columns: 80,
  cwd: process.cwd(),
  signals: { listen: () => () => {} },
  now: () => 0,
  wallTime: () => 0,
};
const shell = new Shell(io, { bearer: ['hci:tcp:127.0.0.1:9000'], state: folder.path });
const ADDRESS = 'C0:00:00:00:00:00';

/** A real network as far as the way to its Distributor needs it. */
function live(central?: Session['central']): Session {
  return { clock: realClock, central, smp: undefined } as Session;
}

function opened(way: SmpWay): Promise<SmpTransport | MeshError> {
  return new Promise((resolve) => way.open(resolve));
}

/** Whether an SMP server answers there. */
async function answers(way: SmpWay): Promise<string> {
  const transport = await opened(way);
  if (!('send' in transport)) throw transport;
  const client = new SmpClient(transport, realClock);
  const { o } = await client.shell.execute(['kernel', 'version']);
  client.close();
  await way.end();
  return o;
}

describe('the way to a real Distributor by SMP', () => {
  test.each([
    [undefined, 'no-smp-way'],
    ['udp:', 'bad-smp-uri'],
    ['serial:', 'bad-smp-uri'],
    ['noble:', 'no-device'],
    ['ble:', 'no-device'],
    ['hci:tcp:127.0.0.1:9000', 'no-device'],
  ])('wants to be named: %s', async (smp, code) => {
    const flags = { via: 'smp' as const, ...(smp !== undefined && { smp }) };
    const refused = await checkSmpWay(shell, live(), flags, 0x0012).catch((thrown: Stop) => thrown);
    expect(refused).toMatchObject({ exit: 2, error: { code, hint: expect.any(String) } });
  });

  test.each([
    'udp:127.0.0.1:1337',
    'serial:/dev/ttyACM1,115200',
    'noble:C0:FF:EE:00:00:01',
    'ble:C0:FF:EE:00:00:01',
    'ble:?name=Dist',
    'hci:tcp:127.0.0.1:9000?peer=C0:FF:EE:00:00:01',
  ])('can be %s', async (smp) => {
    await expect(checkSmpWay(shell, live(), { via: 'smp', smp }, 0x0012)).resolves.toBeUndefined();
  });

  test('goes over UDP, and is opened when it is needed', async () => {
    const server = new SmpServer({ clock: realClock });
    const socket = await serveSmpUdp({ clock: realClock, port: 0 }, (transport) => server.attach(transport));
    try {
      const way = new SmpWay(shell, live(), () => `udp:127.0.0.1:${socket.port}`);
      expect(await answers(way)).toContain('Zephyr version');
    } finally {
      socket.close();
    }
  });

  test.each([`ble:${ADDRESS}`, `hci:tcp:127.0.0.1:9000?peer=${ADDRESS}`])(
    'goes over the radio that reaches the mesh: %s',
    async (uri) => {
      const gatt = memoryGatt(realClock, { mtu: 247, connectMs: 1 });
      const server = new SmpServer({ clock: realClock });
      const peripheral = gatt.peripheral();
      peripheral.serve(SMP_SERVICE, (link) => server.attach(new SmpBleTransport(link, realClock, { side: 'server' })));
      const offer = { service: SMP_SERVICE.uuid, data: new Uint8Array(), intervalMs: 20, privateAddress: false };
      const stop = peripheral.advertise(offer);
      const way = new SmpWay(shell, live(gatt.central()), () => uri);
      expect(await answers(way)).toContain('Zephyr version');
      stop();
    },
  );

  test('says what is missing', async () => {
    expect(await opened(new SmpWay(shell, live(), () => undefined))).toMatchObject({ code: 'no-smp-way' });
    const noGatt = await opened(new SmpWay(shell, live(), () => `ble:${ADDRESS}`));
    expect(noGatt).toMatchObject({ code: 'no-central', hint: expect.stringContaining('--smp') });
    const noDevice = await opened(new SmpWay(shell, live(), () => 'noble:'));
    expect(noDevice).toMatchObject({ code: 'no-device' });
  });
});
