import {
  type DeviceWanted,
  findDevice,
  type GattCentral,
  type GattDevice,
  type GattLink,
  type GattOffer,
  type GattService,
  MESH_PROXY_SERVICE,
  sameGattUuid,
} from '@meshferry/bearer';
import { MeshError } from '@meshferry/core';
import {
  type Central,
  carries,
  connect,
  type LinkEnd,
  openCentral,
  type Peripheral,
  value,
  watch,
} from './gatt-ends.ts';
import type { Scene } from './scene.ts';
import type { Stage } from './stage.ts';

/** A service of 128 bits with one characteristic for both directions, as SMP has it. */
const LONG: GattService = {
  uuid: '8d53dc1d-1db7-4cd3-868b-8a527460aa84',
  dataIn: 'da2e7828-fbce-4e01-ae9e-261174997c48',
  dataOut: 'da2e7828-fbce-4e01-ae9e-261174997c48',
};
const NAME = 'Ferry 17';

/** Services of 128 bits, several services of one device, and looking for devices. */
export const serviceScenes: readonly Scene[] = [
  {
    name: 'hears by a scan who has a service of 128 bits, with its name, until it is told to stop',
    needs: 'scans',
    play: async (stage) => {
      await serveBoth(stage);
      const { central } = await openCentral(stage);
      const device = await seek(stage, central, { name: NAME, service: LONG.uuid });
      const { rssi, at, address, connectable } = device;
      stage.expect(device.name === NAME, `the name ${device.name} instead of ${NAME}`);
      stage.expect(rssi >= -128 && rssi <= 126, `heard with an RSSI of ${rssi} dBm`);
      stage.expect(at <= stage.clock.now + 1, `heard at ${at}, it is ${stage.clock.now}`);
      stage.expect(connectable, 'it is told not to be connectable');
      const isAddress = address === null || /^([0-9A-F]{2}:){5}[0-9A-F]{2}$/.test(address);
      stage.expect(isAddress, `"${address}" is no address`);
      let heard = 0;
      const count = () => void heard++;
      const [stop, other] = [scan(stage, central, count), scan(stage, central, count)];
      await stage.until(() => heard >= 6, stage.gatt.connectMs, 'a device is heard three times by two scans');
      stop();
      stop();
      other();
      const before = heard;
      await stage.pass(5 * stage.gatt.intervalMs);
      stage.expect(heard === before, 'a device was heard by a scan that was taken back');
    },
  },
  {
    name: 'finds a device again by its name when it has begun anew, and connects by its address alone',
    needs: 'scans',
    play: async (stage) => {
      const first = await serveBoth(stage);
      const central = await openCentral(stage);
      const before = await seek(stage, central.central, { name: NAME });
      await opened(stage, central, first, LONG, before.peer);
      stage.close(first.bearer);
      const second = await serveBoth(stage);
      await stage.pass(stage.gatt.connectMs / 4);
      const after = await seek(stage, central.central, { name: NAME });
      const { client, served } = await opened(stage, central, second, LONG, after.address ?? after.peer);
      await carries(stage, client, served, [value(1, 20)]);
    },
  },
  {
    name: 'tells a scan of who is connected already, whether it shows itself or not',
    needs: 'scans',
    play: async (stage) => {
      const server = await serveBoth(stage);
      const central = await openCentral(stage);
      const { peer, address } = await seek(stage, central.central, { name: NAME });
      await opened(stage, central, server, MESH_PROXY_SERVICE, peer);
      server.unadvertise();
      await stage.pass(3 * stage.gatt.intervalMs);
      const again = await seek(stage, central.central, { address: address ?? peer });
      await bothCarry(stage, await opened(stage, central, server, LONG, again.peer), 1);
    },
  },
  {
    name: 'hears offers of other services while it scans',
    needs: 'scans',
    play: async (stage) => {
      const server = await serveBoth(stage);
      const { central } = await openCentral(stage);
      let [offers, devices] = [0, 0];
      scan(stage, central, ({ services }) => {
        if (services.some((service) => sameGattUuid(service, PROXY))) devices++;
      });
      central.discover([PROXY], () => offers++);
      server.bearer.peripheral.advertise({ ...server.offer, service: PROXY, data: Uint8Array.of(0, 1, 2) });
      const both = () => offers >= 2 && devices >= 2;
      await stage.until(both, stage.gatt.connectMs, 'an offer is heard by a search and by a scan');
    },
  },
  {
    name: 'carries values both ways over one characteristic, whole, of any length up to the MTU less 3',
    play: async (stage) => {
      const server = await serveBoth(stage);
      const central = await openCentral(stage);
      const peer = await peerOf(stage, central, server);
      const { client, served } = await opened(stage, central, server, LONG, peer);
      const [a, b] = [client.link.mtu, served.link.mtu];
      stage.expect(a === b, `one end has an MTU of ${a}, the other of ${b}`);
      for (const [from, to] of [
        [client, served],
        [served, client],
      ] as const) {
        const lengths = [1, 20, from.link.mtu - 3, 8];
        await carries(
          stage,
          from,
          to,
          lengths.map((length, i) => value(i, length)),
        );
      }
      const record = connect(stage, central.central, peer, { service: UNKNOWN });
      await stage.until(() => record.outcomes.length > 0, stage.gatt.connectMs, 'connecting in vain ends');
      const [outcome] = record.outcomes;
      const code = outcome instanceof MeshError ? outcome.code : 'a link';
      stage.expect(code === 'connect-failed', `a service that is not there ended with ${code}`);
      await carries(stage, client, served, [value(9, 20)]);
    },
  },
  {
    name: 'has links of two services over one connection: they are kept apart, each ends alone, the connection with the last',
    play: async (stage) => {
      const server = await serveBoth(stage);
      const central = await openCentral(stage);
      const peer = await peerOf(stage, central, server);
      const long = await opened(stage, central, server, LONG, peer);
      const proxy = await opened(stage, central, server, MESH_PROXY_SERVICE, peer);
      await bothCarry(stage, long, 1);
      await bothCarry(stage, proxy, 2);
      stage.expect(long.served.received.length === 1, 'a value came over the link of another service');
      await refusedInUse(stage, central, peer, LONG);

      long.client.link.disconnect();
      const longEnded = () => long.client.hasEnded && long.served.hasEnded;
      await stage.until(longEnded, stage.gatt.connectMs, 'both ends of one of two links learn of its end');
      await bothCarry(stage, proxy, 3);
      const again = await opened(stage, central, server, LONG, peer);
      await bothCarry(stage, again, 4);
      proxy.client.link.disconnect();
      const proxyEnded = () => proxy.client.hasEnded && proxy.served.hasEnded;
      await stage.until(proxyEnded, stage.gatt.connectMs, 'both ends of one of two links learn of its end');
      await bothCarry(stage, again, 5);
      stage.expect(!again.client.hasEnded, 'a link ended with that of another service');

      again.client.link.disconnect();
      const allEnded = () => again.client.hasEnded && again.served.hasEnded;
      await stage.until(allEnded, stage.gatt.connectMs, 'both ends learn of the end of the last link');
      // All its places are free now.
      const { connections } = server.bearer.peripheral;
      for (let i = 0; i < Math.min(connections, 4); i++) {
        const other = await openCentral(stage);
        await bothCarry(stage, await opened(stage, other, server, LONG, await peerOf(stage, other, server)), 6 + i);
      }
    },
  },
  {
    name: 'ends all links of a connection when the server disconnects one of them, or either bearer closes',
    play: async (stage) => {
      for (const end of ['disconnect', 'server', 'client'] as const) {
        const server = await serveBoth(stage);
        const central = await openCentral(stage);
        const peer = await peerOf(stage, central, server);
        const [long, proxy] = [
          await opened(stage, central, server, LONG, peer),
          await opened(stage, central, server, MESH_PROXY_SERVICE, peer),
        ];
        if (end === 'disconnect') long.served.link.disconnect();
        else stage.close(end === 'server' ? server.bearer : central);
        const watched = end === 'server' ? [] : [long.served, proxy.served];
        if (end !== 'client') watched.push(long.client, proxy.client);
        const allEnded = () => watched.every(({ hasEnded }) => hasEnded);
        await stage.until(allEnded, stage.gatt.connectMs, 'all links of a connection end');
        if (end !== 'server') stage.close(server.bearer);
        if (end !== 'client') stage.close(central);
      }
    },
  },
  {
    name: 'leaves a link alone when connecting to another service beside it is cancelled',
    play: async (stage) => {
      const server = await serveBoth(stage);
      const central = await openCentral(stage);
      const peer = await peerOf(stage, central, server);
      const proxy = await opened(stage, central, server, MESH_PROXY_SERVICE, peer);
      for (const ms of [0, 1, 20, 60]) {
        const { cancel, outcomes } = connect(stage, central.central, peer, { service: LONG });
        if (ms > 0) await stage.pass(ms);
        if (outcomes.length > 0) break; // this bearer is quicker than that
        cancel();
      }
      const isFree = () => server.long.every(({ hasEnded }) => hasEnded);
      await stage.until(isFree, stage.gatt.connectMs, 'links that nobody wanted any more end');
      await bothCarry(stage, proxy, 1);
      stage.expect(!proxy.client.hasEnded, 'a link ended with the cancelling of another service');
    },
  },
];

const PROXY = MESH_PROXY_SERVICE.uuid as number;
const UNKNOWN: GattService = { ...LONG, uuid: '8d53dc1d-1db7-4cd3-868b-8a527460aa85' };

/** A peripheral with both services, that shows the long one. */
interface BothServer {
  readonly bearer: Peripheral;
  readonly offer: GattOffer;
  readonly unadvertise: () => void;
  readonly long: readonly LinkEnd[];
  readonly proxy: readonly LinkEnd[];
}

async function serveBoth(stage: Stage): Promise<BothServer> {
  const bearer = (await stage.open('peripheral')) as Peripheral;
  const [long, proxy]: LinkEnd[][] = [[], []];
  const take = (ends: LinkEnd[]) => (link: GattLink) => void ends.push(watch(stage, link));
  bearer.peripheral.serve(LONG, take(long!));
  bearer.peripheral.serve(MESH_PROXY_SERVICE, take(proxy!));
  const { intervalMs } = stage.gatt;
  const offer = { service: LONG.uuid, name: NAME, data: new Uint8Array(), intervalMs, privateAddress: true };
  const unadvertise = bearer.peripheral.advertise(offer);
  return { bearer, offer, unadvertise, long: long!, proxy: proxy! };
}

function scan(stage: Stage, central: GattCentral, found: (device: GattDevice) => void): () => void {
  if (central.scan === undefined) return stage.fail('the central cannot scan (say so with `scans: false`)');
  return central.scan(found);
}

async function seek(stage: Stage, central: GattCentral, wanted: Partial<DeviceWanted>): Promise<GattDevice> {
  let outcome: GattDevice | MeshError | undefined;
  const { connectMs: timeoutMs } = stage.gatt;
  findDevice(central, stage.clock, { timeoutMs, ...wanted }, (found) => {
    outcome = found;
  });
  await stage.until(() => outcome !== undefined, timeoutMs + 1000, 'looking for a device ends');
  if (outcome instanceof MeshError) return stage.fail(`${outcome.code}: ${outcome.message}`);
  return outcome!;
}

/** A handle of the server, also of a central that cannot scan. */
async function peerOf(stage: Stage, { central }: Central, { bearer, offer }: BothServer): Promise<string> {
  if (stage.gatt.scans) return (await seek(stage, central, { name: NAME })).peer;
  let peer: string | undefined;
  const stop = central.discover([PROXY], (found) => {
    peer = found.peer;
  });
  const hide = bearer.peripheral.advertise({ ...offer, service: PROXY, privateAddress: false });
  await stage.until(() => peer !== undefined, stage.gatt.connectMs, 'an offer is discovered');
  hide();
  bearer.peripheral.advertise({ ...offer, privateAddress: false });
  stop();
  return peer!;
}

/** Both ends of a link. */
interface Pair {
  readonly client: LinkEnd;
  readonly served: LinkEnd;
}

async function opened(
  stage: Stage,
  { central }: Central,
  server: BothServer,
  service: GattService,
  peer: string,
): Promise<Pair> {
  const ends = service === LONG ? server.long : server.proxy;
  const before = ends.length;
  const { outcomes } = connect(stage, central, peer, { service });
  await stage.until(() => outcomes.length > 0, stage.gatt.connectMs, 'connecting ends');
  const client = outcomes[0]!;
  if (client instanceof MeshError) return stage.fail(`connecting ended with ${client.code}: ${client.message}`);
  await stage.until(() => ends.length > before, stage.gatt.connectMs, 'the server gets the link');
  return { client, served: ends[before]! };
}

async function bothCarry(stage: Stage, { client, served }: Pair, number: number): Promise<void> {
  await carries(stage, client, served, [value(number, 20)]);
  await carries(stage, served, client, [value(number + 100, 20)]);
}

async function refusedInUse(stage: Stage, { central }: Central, peer: string, service: GattService): Promise<void> {
  const { outcomes } = connect(stage, central, peer, { service });
  await stage.until(() => outcomes.length > 0, stage.gatt.connectMs, 'connecting to a service in use ends');
  const [outcome] = outcomes;
  const code = outcome instanceof MeshError ? outcome.code : 'a link';
  stage.expect(
    code === 'connect-failed',
    `connecting to a service in use ended with ${code} instead of connect-failed`,
  );
}
