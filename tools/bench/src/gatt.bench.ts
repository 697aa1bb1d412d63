/**
 * GATT over a controller: two bearers of `hci:tcp:` in this process, two emulated controllers in another, proxy PDUs both
 * ways as fast as the link takes them, in real time. Prints values per second, what got lost, how many were on their way at most and
 * the CPU of both hosts; fails below 1000 values/s or with a loss.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Bearer, type GattLink, MESH_PROXY_SERVICE } from '@meshferry/bearer';
import { bearer } from '@meshferry/bearer-hci';
import { hostClock, hostRandom, MeshError, silent } from '@meshferry/core';

const SERVER = fileURLToPath(new URL('../../../packages/bearer-hci/src/testing/controller-server.ts', import.meta.url));
/** Longest proxy PDU of a network PDU. */
const LENGTH = 30;
const SECONDS = 4;
const LEAST = 1000;

/** Controllers as they are sold: buffers of 27 octets for two packets of a value, or one packet for each. */
const kinds: readonly (readonly [name: string, options: readonly string[], least: number])[] = [
  [
    '32 buffers of 251 octets, 32 packets per connection event',
    ['aclLength=251', 'aclPackets=32', 'packetsPerEvent=32'],
    LEAST,
  ],
  [
    '64 buffers of 27 octets, 64 packets per connection event',
    ['aclLength=27', 'aclPackets=64', 'packetsPerEvent=64'],
    LEAST,
  ],
  [
    '8 buffers of 251 octets, 6 packets per connection event',
    ['aclLength=251', 'aclPackets=8', 'packetsPerEvent=6'],
    0,
  ],
];

let isGood = true;
for (const [name, options, least] of kinds) {
  const { uri, stop } = await startControllers(options);
  const ground = { clock: hostClock(globalThis), random: hostRandom(globalThis.crypto), log: silent };
  const [central, peripheral] = [await bearer.open(uri, ground), await bearer.open(uri, ground)];
  const [client, server] = await link(central, peripheral);
  console.log(`${name}, ATT_MTU ${client.mtu}`);
  for (const [direction, from, to] of [
    ['client to server', client, server],
    ['server to client', server, client],
  ] as const) {
    const { rate, lost, most, cpuMs } = await flow(from, to);
    isGood &&= lost === 0 && rate >= least;
    console.log(
      `  ${direction}: ${rate.toFixed(0)} values/s of ${LENGTH} octets, ${lost} lost or out of order, ` +
        `at most ${most} on their way, ${cpuMs.toFixed(3)} ms of CPU each (both hosts)`,
    );
  }
  central.close();
  peripheral.close();
  stop();
}
process.exit(isGood ? 0 : 1);

async function startControllers(options: readonly string[]): Promise<{ uri: string; stop: () => void }> {
  const program = spawn(process.execPath, [...process.execArgv, SERVER, 'tcp:0', ...options], {
    stdio: ['pipe', 'inherit', 'pipe'],
  });
  const where = await new Promise<string>((resolve) => {
    let told = '';
    program.stderr.on('data', (octets) => {
      told += octets;
      const [, found] = /listening (\S+)/.exec(told) ?? [];
      if (found !== undefined) resolve(found);
    });
  });
  return { uri: `hci:${where}`, stop: () => program.kill() };
}

function link({ central }: Bearer, { peripheral }: Bearer): Promise<[GattLink, GattLink]> {
  return new Promise((resolve, reject) => {
    let client: GattLink | undefined;
    let server: GattLink | undefined;
    const ready = () => client && server && resolve([client, server]);
    peripheral?.serve(MESH_PROXY_SERVICE, (opened) => {
      server = opened;
      ready();
    });
    peripheral?.advertise({ service: 0x1828, data: new Uint8Array(9), intervalMs: 100, privateAddress: false });
    const stop = central?.discover([0x1828], ({ peer }) => {
      stop?.();
      central.connect(peer, MESH_PROXY_SERVICE, (outcome) => {
        if (outcome instanceof MeshError) return reject(outcome);
        client = outcome;
        ready();
      });
    });
  });
}

/** Sends for some seconds, each value as soon as there is room, and waits for the last. */
async function flow(
  from: GattLink,
  to: GattLink,
): Promise<{ rate: number; lost: number; most: number; cpuMs: number }> {
  const value = () => {
    const octets = new Uint8Array(LENGTH);
    new DataView(octets.buffer).setUint32(0, sent);
    return octets;
  };
  let [sent, received, wrong, most] = [0, 0, 0, 0];
  to.listen({
    received: (octets) => {
      if (new DataView(octets.buffer, octets.byteOffset).getUint32(0) !== received) wrong++;
      received++;
    },
    disconnected: () => {},
  });
  const cpu = process.cpuUsage();
  const start = performance.now();
  await new Promise<void>((resolve, reject) => {
    const next = (error?: MeshError) => {
      if (error !== undefined) return reject(error);
      if (performance.now() - start >= SECONDS * 1000) return resolve();
      const octets = value();
      sent++;
      most = Math.max(most, sent - received);
      from.send(octets, next);
    };
    next();
  });
  for (let waited = 0; received < sent && waited < 5000; waited += 10)
    await new Promise((resolve) => setTimeout(resolve, 10));
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { rate: received / seconds, lost: sent - received + wrong, most, cpuMs: (user + system) / 1000 / sent };
}
