// The same suite that every bearer of Meshferry runs: `npm test`, here with the runner that comes with Node.
import { describe, it } from 'node:test';
import { countingClock, describeBearer, waiting } from '@meshferry/bearer-testkit';
import { hostClock, hostRandom, silent } from '@meshferry/core';
import { bearer } from './index.ts';

const clock = hostClock(globalThis);
let port = 20_000 + (process.pid % 20_000);

describeBearer({ describe, it }, 'UDP multicast', {
  advertising: { jitterMs: 30, flood: 500 },
  make: () => {
    const counting = countingClock(clock);
    const ground = { clock: counting, random: hostRandom(globalThis.crypto), log: silent };
    const uri = `udp:239.255.77.70:${port++}`;
    return { clock, counting, pass: waiting(clock), open: () => bearer.open(uri, ground) };
  },
  leftovers: ({ counting }) => [
    ...counting.waiting,
    ...process.getActiveResourcesInfo().filter((name) => name !== 'Timeout'),
  ],
});
