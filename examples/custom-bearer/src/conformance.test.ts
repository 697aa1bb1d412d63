// The suite that every bearer of Meshferry runs, here with the test runner that comes with Node: `npm test`.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { type Bearer, withFaults } from '@meshferry/bearer';
import { countingClock, describeBearer, waiting } from '@meshferry/bearer-testkit';
import { hostClock, hostRandom, silent } from '@meshferry/core';
import { bearer } from './index.ts';

const GROUP = '239.255.77.70';
const clock = hostClock(globalThis);
const random = hostRandom(globalThis.crypto);
let port = 20_000 + (process.pid % 20_000);

function describeUdp(name: string, wrap: (bearer: Bearer) => Bearer): void {
  describeBearer({ describe, it }, name, {
    advertising: { jitterMs: 50, latencyMs: 200, flood: 500 },
    make: () => {
      const counting = countingClock(clock);
      const uri = `udp:${GROUP}:${++port}`;
      const open = async () => wrap(await bearer.open(uri, { clock: counting, random, log: silent }));
      return { clock, counting, pass: waiting(clock), open };
    },
    leftovers: ({ counting }) => [
      ...counting.waiting,
      ...process.getActiveResourcesInfo().filter((name) => name.startsWith('UDP')),
    ],
    garble: async () => {
      const socket = createSocket('udp4');
      await once(socket.bind(), 'listening');
      socket.setMulticastInterface('127.0.0.1');
      for (const length of [0, 1, 8, 39, 1400]) {
        await new Promise((sent) => socket.send(random.bytes(length), port, GROUP, sent));
      }
      socket.close();
    },
  });
}

describeUdp('UDP multicast', (bearer) => bearer);
describeUdp('UDP multicast, wrapped by withFaults with nothing injected', (bearer) =>
  withFaults(bearer, clock, random, {}),
);
