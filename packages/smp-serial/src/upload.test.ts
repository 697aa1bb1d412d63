import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { openSerial } from '@meshferry/byte-streams';
import { hostClock, hostRandom, MeshError, SeededRandom, silent, utf8 } from '@meshferry/core';
import { SmpClient, SmpServer, type SmpTransport, uploadImage } from '@meshferry/smp';
import { afterEach, describe, expect, it } from 'vitest';
import { hostOf, IMAGE_MAGIC, MemorySlot } from '../../smp/src/testing/ideal-host.ts';
import { SmpSerialTransport, smpPlugin } from './index.ts';

const clock = hostClock(globalThis);
const ground = { clock, random: hostRandom(globalThis.crypto), log: silent };
const noSocat = spawnSync('socat', ['-V']).status === 0 ? undefined : 'socat is not installed: its tests are skipped';
if (noSocat !== undefined) console.warn(noSocat);

const toEnd: (() => unknown)[] = [];
afterEach(() => {
  for (const end of toEnd.splice(0).reverse()) end();
});

/** A pseudo-terminal with a served device at its far end; its near end. */
async function device(slot: MemorySlot): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'meshferry-smp-upload-'));
  toEnd.push(() => rmSync(folder, { recursive: true, force: true }));
  const [near, far] = [join(folder, 'near'), join(folder, 'far')];
  const socat = spawn('socat', [`PTY,link=${near},rawer`, `PTY,link=${far},rawer`], { stdio: 'ignore' });
  toEnd.push(() => socat.kill());
  while (!existsSync(near) || !existsSync(far)) await wait(20);
  const stream = await openSerial(far, { baudRate: 115_200 });
  // The console says something now and then, between lines.
  const shell = setInterval(() => stream.write(utf8('[00:00:01.000,000] <inf> app: alive\r\nuart:~$ ')), 20);
  toEnd.push(() => clearInterval(shell));
  const transport = new SmpSerialTransport(stream, clock, { side: 'server' });
  toEnd.push(() => transport.close());
  new SmpServer({ clock, buffers: { size: 1024, count: 4 }, images: hostOf(slot) }).attach(transport);
  return near;
}

async function open(uri: string): Promise<SmpTransport> {
  const outcome = await new Promise<SmpTransport | MeshError>((resolve) => smpPlugin.route(uri, ground).open(resolve));
  if (outcome instanceof MeshError) throw outcome;
  return outcome;
}

describe.skipIf(noSocat)('a device on a console', () => {
  it('takes an image in a window of requests, beside the shell', async () => {
    const image = new SeededRandom('image').bytes(50_000);
    image.set(IMAGE_MAGIC);
    const slot = new MemorySlot(60_000);
    const client = new SmpClient(await open(`serial:${await device(slot)}`), clock);
    const { moved } = await uploadImage(client, image);
    client.close();
    expect(moved).toBe(image.length);
    expect(slot.octets.subarray(0, image.length)).toEqual(image);
    expect(client.dropped).toEqual({ stale: 0, foreign: 0, malformed: 0 });
  });
});
