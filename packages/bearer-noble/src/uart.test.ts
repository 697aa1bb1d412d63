import { type Bearer, type BearerGround, type GattLink, MESH_PROXY_SERVICE } from '@meshferry/bearer';
import { bearer as hci } from '@meshferry/bearer-hci';
import { hostClock, hostRandom, MeshError, silent } from '@meshferry/core';
import { afterEach, describe, expect, it } from 'vitest';
import { startBtvirt, whyNoBtvirt } from '../../bearer-hci/src/testing/btvirt.ts';
import { watch } from '../../bearer-hci/src/testing/gatt-rig.ts';
import { bearer } from './plugin.ts';
import { BOTH } from './testing/fake-bindings.ts';
import { noSerial, SerialControllers } from './testing/serial-controllers.ts';

const ground: BearerGround = { clock: hostClock(globalThis), random: hostRandom(globalThis.crypto), log: silent };
const PORT = 'BLUETOOTH_HCI_SOCKET_UART_PORT';
const VALUES = 3000;

// Their driver of serial ports is chosen when they are loaded.
process.env[PORT] = '/dev/null';
const toEnd: (() => void)[] = [];

afterEach(() => {
  for (const end of toEnd.splice(0).reverse()) end();
});

const noBtvirt = whyNoBtvirt();
if (noSerial !== undefined) console.warn(`${noSerial}: noble over serial ports is not tested`);
else if (noBtvirt !== undefined) console.warn(`${noBtvirt}: noble over its controllers is not tested`);

describe.skipIf(noSerial !== undefined).each(BOTH)(
  '%s on a controller behind a pseudo-terminal, in real time',
  (lib) => {
    async function open(controllers: SerialControllers) {
      const terminal = await controllers.terminal();
      process.env[PORT] = terminal.path;
      const noble = await bearer.open(`noble:?lib=${lib}`, ground);
      toEnd.push(() => noble.close());
      return { noble, ...terminal };
    }

    it('carries thousands of values each way, is dropped and connects again, and is lost with its port', async () => {
      const controllers = await SerialControllers.start();
      toEnd.push(() => controllers.stop());
      const proxy = await serve(controllers.socket);
      const { noble, unplug } = await open(controllers);
      const link = watch(await connect(noble));
      await until(() => proxy.links.length > 0);
      await Promise.all([flood(link.link), flood(proxy.links[0]!.link)]);
      await until(() => link.values.length === VALUES && proxy.links[0]!.values.length === VALUES);
      expect(link.values.map(numberOf)).toEqual([...Array(VALUES).keys()]);
      expect(proxy.links[0]!.values.map(numberOf)).toEqual([...Array(VALUES).keys()]);
      proxy.links[0]!.link.disconnect();
      await until(() => link.ended === 1);
      const again = watch(await connect(noble));
      const lost: string[] = [];
      noble.lost?.((reason) => lost.push(reason.code));
      unplug();
      await until(() => lost.length > 0 && again.ended > 0);
      expect([lost, again.ended]).toEqual([['bearer-lost'], 1]);
    });

    it.skipIf(noBtvirt !== undefined)('works on the controllers of btvirt', async () => {
      const btvirt = await startBtvirt();
      toEnd.push(() => btvirt.stop());
      const socket = btvirt.uri.replace('hci:unix:', '');
      const controllers = await SerialControllers.start(socket);
      toEnd.push(() => controllers.stop());
      const proxy = await serve(socket);
      const { noble } = await open(controllers);
      const link = watch(await connect(noble));
      await until(() => proxy.links.length > 0);
      await Promise.all([flood(link.link, 200), flood(proxy.links[0]!.link, 200)]);
      await until(() => link.values.length === 200 && proxy.links[0]!.values.length === 200);
      link.link.disconnect();
      await until(() => link.ended === 1 && proxy.links[0]!.ended === 1);
    });
  },
);

it('a serial port that is not there is bearer-unavailable', async () => {
  process.env[PORT] = '/dev/no-such-port';
  const error = await bearer.open('noble:', ground).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'bearer-unavailable', message: expect.stringContaining('/dev/no-such-port') });
  expect(await bearer.check()).toMatchObject({ code: 'bearer-unavailable' });
});

async function serve(socket: string) {
  const server = await hci.open(`hci:unix:${socket}`, ground);
  toEnd.push(() => server.close());
  const links: ReturnType<typeof watch>[] = [];
  const { peripheral } = server;
  peripheral?.serve(MESH_PROXY_SERVICE, (link) => void links.unshift(watch(link)));
  peripheral?.advertise({ service: 0x1828, data: new Uint8Array(9), intervalMs: 100, privateAddress: false });
  return { links };
}

async function connect({ central }: Bearer): Promise<GattLink> {
  const peer = await new Promise<string>((resolve) => {
    const stop = central!.discover([0x1828], (found) => {
      stop();
      resolve(found.peer);
    });
  });
  const outcome = await new Promise<GattLink | MeshError>((resolve) => {
    central!.connect(peer, MESH_PROXY_SERVICE, resolve);
  });
  if (outcome instanceof MeshError) throw outcome;
  return outcome;
}

/** Sends numbered values, each when the one before was taken. */
function flood(link: GattLink, count = VALUES): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = (n: number): void => {
      if (n === count) {
        resolve();
        return;
      }
      const value = new Uint8Array(20).fill(n);
      value.set([n >> 8, n & 0xff]);
      link.send(value, (error) => (error === undefined ? next(n + 1) : reject(error)));
    };
    next(0);
  });
}

function numberOf(value: string): number {
  return Number.parseInt(value.slice(0, 4), 16);
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}
