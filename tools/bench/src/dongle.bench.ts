/**
 * How many PDUs the serial line of a dongle carries: two dongles as processes (`packages/bearer-dongle/firmware`) on
 * pseudo-terminals whose octets take the time of 1 Mbaud, each sending to the other at once, as fast as its radio allows; and CPU
 * time of the host for each PDU. `pnpm bench dongle [PDUS] [BAUD]`, by default 5000 and 1 000 000.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { AD_MESH_MESSAGE, type Bearer } from '@meshferry/bearer';
import { bearer } from '@meshferry/bearer-dongle';
import { hostClock, hostRandom, silent } from '@meshferry/core';

const PDUS = Number(process.argv[2] ?? 5000);
const BAUD = process.argv[3] ?? '1000000';
/** A PDU of the usual length of a segment. */
const OCTETS = 29;
/** On the line with frame, CRC and the two zeros, start and stop bits: SEND one way; REPORT and HEARD the other. */
const BITS = { out: 10 * (20 + 2 + OCTETS + 7), in: 10 * (21 + 7 + 18 + 2 + OCTETS + 7) };

const build = fileURLToPath(new URL('../../../packages/bearer-dongle/firmware/host/build.sh', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'meshferry-dongle-'));
const built = spawnSync('sh', [build, folder], { encoding: 'utf8' });
if (built.status !== 0) {
  console.log(`skipped: the firmware does not compile here (gcc on Linux is needed): ${built.stderr || built.error}`);
  process.exit(0);
}

const ground = { clock: hostClock(globalThis), random: hostRandom(globalThis.crypto), log: silent };
const air = String(40_000 + (process.pid % 20_000));
const children: ChildProcess[] = [];

async function plugIn(): Promise<Bearer> {
  const child = spawn(join(folder, 'mfd-harness'), ['--air', air, '--baud', BAUD], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const path = await new Promise<string>((resolve) => createInterface(child.stdout!).once('line', resolve));
  return bearer.open(`dongle:${path}`, ground);
}

/** Sends all; PDUs a second by the times at which they were on air. */
function sendAll({ advertising }: Bearer): Promise<number> {
  return new Promise((resolve, reject) => {
    let [left, first, last] = [PDUS, Number.POSITIVE_INFINITY, 0];
    for (let i = 0; i < PDUS; i++) {
      const data = new Uint8Array(OCTETS).fill(i);
      advertising!.send({ type: AD_MESH_MESSAGE, data }, { count: 1, intervalMs: 20 }, (outcome) => {
        if (outcome instanceof Error) return reject(outcome);
        first = Math.min(first, outcome.start);
        last = Math.max(last, outcome.end);
        if (--left === 0) resolve((PDUS / (last - first)) * 1000);
      });
    }
  });
}

function count({ advertising }: Bearer): () => number {
  let heard = 0;
  advertising!.receive([AD_MESH_MESSAGE], () => heard++);
  return () => heard;
}

const dongles = [await plugIn(), await plugIn()];
const heard = dongles.map(count);
const cpu = process.cpuUsage();
const began = performance.now();
const rates = await Promise.all(dongles.map(sendAll));
const seconds = (performance.now() - began) / 1000;
await new Promise((resolve) => setTimeout(resolve, 500));
const { user, system } = process.cpuUsage(cpu);

const busy = (bits: number, rate: number) => `${((100 * bits * rate) / Number(BAUD)).toFixed(0)} %`;
for (const [i, rate] of rates.entries()) {
  console.log(
    `dongle ${i + 1}: ${rate.toFixed(0)} PDUs/s sent and ${(heard[i]!() / seconds).toFixed(0)} heard (${heard[i]!()} of ${PDUS}); ` +
      `line at ${BAUD} baud: ${busy(BITS.out, rate)} out, ${busy(BITS.in, rate)} in`,
  );
}
const most = Number(BAUD) / Math.max(BITS.out, BITS.in);
console.log(
  `the line alone would carry ${most.toFixed(0)} PDUs/s each way at once; the radio ${(1e6 / 1578).toFixed(0)} of ${OCTETS} octets`,
);
console.log(`CPU of the host: ${((user + system) / 1000 / (4 * PDUS)).toFixed(3)} ms for each PDU sent or heard`);

for (const dongle of dongles) dongle.close();
for (const child of children) child.kill();
rmSync(folder, { recursive: true });
process.exit(rates.every((rate, i) => rate >= 500 && heard[i]!() === PDUS) ? 0 : 1);
