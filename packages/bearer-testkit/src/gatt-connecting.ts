import { MESH_PROVISIONING_SERVICE } from '@meshferry/bearer';
import { MeshError, toHex } from '@meshferry/core';
import {
  carries,
  connect,
  connected,
  find,
  join,
  linked,
  offer,
  openCentral,
  PROXY,
  refused,
  sameValues,
  serve,
  value,
} from './gatt-ends.ts';
import type { Scene } from './scene.ts';

const PROVISIONING = MESH_PROVISIONING_SERVICE.uuid as number;

/** Peripherals are found and connected to. */
export const connectingScenes: readonly Scene[] = [
  {
    name: 'hears offers again and again, of the services alone that were asked for, until it is told to stop',
    play: async (stage) => {
      const server = await serve(stage, 1);
      const { central } = await openCentral(stage);
      const { intervalMs, connectMs } = stage.gatt;
      const peers = new Set<string>();
      let heard = 0;
      const stop = central.discover([PROXY, PROVISIONING], ({ service, data, peer, rssi, at }) => {
        heard++;
        peers.add(peer);
        const isRight = service === PROXY && toHex(data) === toHex(server.offer.data);
        if (!isRight) stage.violated(`an offer of 0x${service.toString(16)} with ${toHex(data)} was heard`);
        if (!(rssi >= -128 && rssi <= 127)) stage.violated(`heard with an RSSI of ${rssi} dBm`);
        if (!(at <= stage.clock.now + 1)) stage.violated(`heard at ${at}, it is ${stage.clock.now}`);
      });
      central.discover([PROVISIONING], () => stage.violated('a service was heard that was not asked for'));
      await stage.until(() => heard >= 3, connectMs, 'an offer is heard three times');
      stage.expect(peers.size === 1, `one offer came from ${peers.size} peers`);
      stop();
      stop();
      const before = heard;
      await stage.pass(3 * intervalMs);
      stage.expect(heard === before, 'an offer was heard by a subscription that was taken back');
    },
  },
  {
    name: 'shows the newest offer alone, until it is taken back',
    play: async (stage) => {
      const server = await serve(stage, 1);
      const { central } = await openCentral(stage);
      const { intervalMs } = stage.gatt;
      await find(stage, central, server.offer);
      const second = offer(stage, 2);
      const stop = server.bearer.peripheral.advertise(second);
      server.unadvertise();
      await find(stage, central, second);
      await stage.pass(3 * intervalMs);
      const heard: string[] = [];
      central.discover([PROXY], ({ data }) => void heard.push(toHex(data)));
      await stage.until(() => heard.length >= 3, stage.gatt.connectMs, 'the newest offer is heard three times');
      stage.expect(
        heard.every((data) => data === toHex(second.data)),
        'an offer was heard that another had taken the place of',
      );
      stop();
      stop();
      await stage.pass(3 * intervalMs);
      const before = heard.length;
      await stage.pass(5 * intervalMs);
      stage.expect(heard.length === before, 'an offer was heard that was taken back');
    },
  },
  {
    name: 'hands over one link at each end, with an MTU that both know',
    play: async (stage) => {
      const { client, served, server } = await linked(stage);
      const { connections } = server.bearer.peripheral;
      stage.expect(Number.isInteger(connections) && connections >= 1, `${connections} connections at a time`);
      stage.expect(server.ends.length === 1, `${server.ends.length} links were handed over for one connection`);
      await carries(stage, client, served, [value(1, 20)]);
      await carries(stage, served, client, [value(2, 20)]);
      const [a, b] = [client.link.mtu, served.link.mtu];
      stage.expect(a >= 23 && b >= 23, `an MTU of ${a} and ${b}`);
      stage.expect(a === b, `one end has an MTU of ${a}, the other of ${b}`);
    },
  },
  {
    name: 'gets what is notified as soon as it has subscribed',
    play: async (stage) => {
      const values = [1, 2, 3].map((number) => value(number, 20));
      const server = await serve(stage, 1, (link) => {
        for (const octets of values) link.send(octets, () => {});
      });
      const { central } = await openCentral(stage);
      const client = await connected(stage, central, await find(stage, central, server.offer));
      await stage.until(() => client.received.length >= 3, 3 * stage.gatt.latencyMs, 'three notifications arrive');
      stage.expect(sameValues(client.received, values), 'they did not arrive as they were sent, in order');
    },
  },
  {
    name: 'says connect-failed of who is not there, or has not the service',
    play: async (stage) => {
      const server = await serve(stage, 1);
      const { central } = await openCentral(stage);
      const peer = await find(stage, central, server.offer);
      await refused(stage, central, peer, MESH_PROVISIONING_SERVICE);
      const client = await connected(stage, central, peer);
      client.link.disconnect();
      await stage.until(() => client.hasEnded, stage.gatt.connectMs, 'the link ends');
      server.unserve();
      await refused(stage, central, peer);
      stage.close(server.bearer);
      await refused(stage, central, peer);
    },
  },
  {
    name: 'does not connect once that was cancelled, and can connect later',
    play: async (stage) => {
      const server = await serve(stage, 1);
      const { central } = await openCentral(stage);
      const peer = await find(stage, central, server.offer);
      for (const ms of [0, 1, 20, 60]) {
        const { cancel, outcomes } = connect(stage, central, peer);
        if (ms > 0) await stage.pass(ms);
        if (outcomes.length > 0) break; // this bearer is quicker than that
        cancel();
        cancel();
      }
      await stage.pass(stage.gatt.latencyMs);
      // A link that was made all the same must have ended, or it would take the place of another.
      const isFree = () => server.ends.every(({ hasEnded }) => hasEnded);
      await stage.until(isFree, stage.gatt.connectMs, 'links that nobody wanted any more end');
      const { client, served } = await join(
        stage,
        { close: () => {}, central },
        server,
        await find(stage, central, server.offer),
      );
      await carries(stage, client, served, [value(1, 20)]);
    },
  },
  {
    name: 'has as many connections at a time as it claims, shows itself while one is free, and has each free again',
    play: async (stage) => {
      const server = await serve(stage, 1);
      const { connections } = server.bearer.peripheral;
      const count = Math.min(connections, 4);
      const links = [];
      for (let i = 0; i < count; i++) {
        const central = await openCentral(stage);
        const peer = await find(stage, central.central, server.offer);
        links.push({ central, peer, ...(await join(stage, central, server, peer)) });
      }
      for (const { client, served } of links) {
        await carries(stage, client, served, [value(links.length, 20)]);
        await carries(stage, served, client, [value(links.length + 9, 20)]);
      }
      const first = links[0]!;
      if (count === connections) {
        await stage.pass(3 * stage.gatt.intervalMs);
        const stop = first.central.central.discover([PROXY], () =>
          stage.violated('it shows itself though all are taken'),
        );
        await stage.pass(5 * stage.gatt.intervalMs);
        stop();
      }
      first.client.link.disconnect();
      await stage.until(() => first.served.hasEnded, stage.gatt.connectMs, 'the server learns of the end');
      const peer = await find(stage, first.central.central, server.offer);
      const again = await join(stage, first.central, server, peer);
      await carries(stage, again.client, again.served, [value(1, 20)]);
      for (const { client, served } of links.slice(1)) await carries(stage, client, served, [value(1, 20)]);
    },
  },
  {
    name: 'is connected to as many peripherals at a time as is said of it, and keeps them apart',
    play: async (stage) => {
      const central = await openCentral(stage);
      const links = [];
      for (let i = 0; i < stage.gatt.links; i++) {
        const server = await serve(stage, 10 + i);
        const peer = await find(stage, central.central, server.offer);
        links.push(await join(stage, central, server, peer));
      }
      for (const [i, { client, served }] of links.entries()) {
        await carries(stage, client, served, [value(i, 20), value(i + 50, 20)]);
        await carries(stage, served, client, [value(i + 100, 20)]);
      }
      const [first, ...others] = links;
      first!.client.link.disconnect();
      await stage.until(() => first!.served.hasEnded, stage.gatt.connectMs, 'the server learns of the end');
      for (const { client, served } of others) await carries(stage, client, served, [value(7, 20)]);
      const received = others.flatMap(({ served }) => served.received).length;
      stage.expect(received === 3 * others.length, 'a value came over the wrong link');
    },
  },
  {
    name: 'ends connecting when the peripheral goes in the middle of it',
    play: async (stage) => {
      const server = await serve(stage, 1);
      const { central } = await openCentral(stage);
      const { outcomes } = connect(stage, central, await find(stage, central, server.offer));
      await stage.pass(1);
      stage.close(server.bearer);
      await stage.until(() => outcomes.length > 0, stage.gatt.connectMs, 'connecting ends');
      const outcome = outcomes[0]!;
      if (outcome instanceof MeshError) {
        stage.expect(outcome.code === 'connect-failed', `connecting ended with ${outcome.code}`);
      } else await stage.until(() => outcome.hasEnded, stage.gatt.connectMs, 'the link to who is gone ends');
    },
  },
];
