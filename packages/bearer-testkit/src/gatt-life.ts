import { MESH_PROXY_SERVICE } from '@meshferry/bearer';
import { MeshError } from '@meshferry/core';
import { carries, connect, find, join, linked, offer, openCentral, PROXY, serve, value } from './gatt-ends.ts';
import { allEnd, waitingValues } from './gatt-values.ts';
import type { Scene } from './scene.ts';

/** GATT bearers are closed, opened again, lost. */
export const gattLifeScenes: readonly Scene[] = [
  ...(['central', 'peripheral'] as const).map(
    (role): Scene => ({
      name: `a ${role} that is closed ends its links, tells the other ends, and says bearer-closed`,
      play: async (stage) => {
        const { central, server, client, served } = await linked(stage);
        const [bearer, own, other] = role === 'central' ? [central, client, served] : [server.bearer, served, client];
        const records = [...waitingValues(stage, own, 30), ...waitingValues(stage, other, 30)];
        await stage.pass(20);
        const before = own.received.length;
        stage.close(bearer);
        bearer.close();
        await stage.until(() => other.hasEnded, stage.gatt.connectMs, 'the other end learns that the link has ended');
        await allEnd(stage, records);
        await allEnd(stage, waitingValues(stage, own, 2));
        stage.expect(own.received.length === before, 'a closed bearer received a value');
      },
    }),
  ),
  {
    name: 'a central that is closed hears no offers, and connects to nobody',
    play: async (stage) => {
      const server = await serve(stage, 1);
      const central = await openCentral(stage);
      const peer = await find(stage, central.central, server.offer);
      let heard = 0;
      central.central.discover([PROXY], () => heard++);
      const before = connect(stage, central.central, peer);
      await stage.pass(1);
      stage.close(central);
      const atClose = heard;
      central.central.discover([PROXY], () => heard++)();
      const after = connect(stage, central.central, peer);
      const cancelled = connect(stage, central.central, peer);
      cancelled.cancel();
      const ended = () => before.outcomes.length > 0 && after.outcomes.length > 0;
      await stage.until(ended, stage.gatt.connectMs, 'connecting ends');
      await stage.pass(3 * stage.gatt.intervalMs);
      stage.expect(heard === atClose, 'a closed bearer heard an offer');
      const [late] = after.outcomes;
      const codes = ['bearer-closed', 'connect-failed'];
      stage.expect(late instanceof MeshError && codes.includes(late.code), 'a closed bearer connected');
      const isFree = () => server.ends.every(({ hasEnded }) => hasEnded);
      await stage.until(isFree, stage.gatt.connectMs, 'the server is free again');
    },
  },
  {
    name: 'a peripheral that is closed shows nothing, and takes nobody',
    play: async (stage) => {
      const server = await serve(stage, 1);
      const { central } = await openCentral(stage);
      await find(stage, central, server.offer);
      stage.close(server.bearer);
      const { peripheral } = server.bearer;
      peripheral.advertise(offer(stage, 2))();
      peripheral.advertise(offer(stage, 3));
      peripheral.serve(MESH_PROXY_SERVICE, () => stage.violated('a closed bearer took a client'))();
      server.unadvertise();
      server.unserve();
      await stage.pass(3 * stage.gatt.intervalMs);
      central.discover([PROXY], () => stage.violated('a closed bearer shows itself'));
      await stage.pass(5 * stage.gatt.intervalMs);
    },
  },
  {
    name: 'both can be opened again and again, with links open or not',
    play: async (stage) => {
      for (let i = 0; i < 4; i++) {
        const { central, server, client, served } = await linked(stage);
        await carries(stage, client, served, [value(i, 20)]);
        await carries(stage, served, client, [value(i + 9, 20)]);
        if (i % 2 === 0) client.link.disconnect();
        stage.close(i < 2 ? central : server.bearer);
        stage.close(i < 2 ? server.bearer : central);
      }
    },
  },
  {
    name: 'connects, carries and disconnects many times over',
    play: async (stage) => {
      const { central, server, peer, ...first } = await linked(stage);
      let both = first as Pick<typeof first, 'client' | 'served'>;
      for (let i = 0; i < 10; i++) {
        await carries(stage, both.client, both.served, [value(i, 20)]);
        (i % 2 === 0 ? both.client : both.served).link.disconnect();
        const ended = () => both.client.hasEnded && both.served.hasEnded;
        await stage.until(ended, stage.gatt.connectMs, 'both ends learn of the end');
        both = await join(stage, central, server, await find(stage, central.central, server.offer));
      }
      stage.expect(peer !== '', 'a peer without a name');
    },
  },
  {
    name: 'says once that the radio of a central was lost, and ends its links',
    needs: 'lose',
    play: async (stage) => {
      const { central, server, client, served } = await linked(stage);
      const told: string[] = [];
      stage.expect(central.lost !== undefined, 'a bearer that can be lost has no "lost"');
      central.lost?.(({ code }) => told.push(code));
      const records = waitingValues(stage, client, 30);
      await stage.subject.lose?.(stage.rig, central);
      await stage.until(() => told.length > 0, 10_000, 'the bearer says that it was lost');
      await stage.until(() => client.hasEnded, 1000, 'the link of a lost radio ends');
      const codes = ['bearer-lost', 'bearer-closed'];
      await allEnd(stage, records, codes);
      await allEnd(stage, waitingValues(stage, client, 1), codes);
      stage.close(central);
      await stage.pass(100);
      stage.expect(told.join() === 'bearer-lost', `the loss was told as ${told.join()}`);
      await stage.until(() => served.hasEnded, stage.gatt.connectMs, 'the other end misses the lost one');
      const another = await openCentral(stage);
      const peer = await find(stage, another.central, server.offer);
      const again = await join(stage, another, server, peer);
      await carries(stage, again.client, again.served, [value(1, 20)]);
    },
  },
  {
    name: 'links take no harm from octets that no bearer sends, or can be made again',
    needs: 'garble',
    play: async (stage) => {
      const { central, server, ...first } = await linked(stage);
      let both: Pick<typeof first, 'client' | 'served'> = first;
      for (let i = 0; i < 5; i++) {
        await stage.subject.garble?.(stage.rig);
        await stage.pass(stage.gatt.latencyMs);
        if (both.client.hasEnded || both.served.hasEnded) {
          await stage.until(() => both.client.hasEnded && both.served.hasEnded, stage.gatt.connectMs, 'both ends know');
          both = await join(stage, central, server, await find(stage, central.central, server.offer));
        }
        await carries(stage, both.client, both.served, [value(i, 20)]);
        await carries(stage, both.served, both.client, [value(i, 20)]);
      }
    },
  },
];
