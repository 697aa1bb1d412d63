import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { openSerial, socketStream } from '@meshferry/byte-streams';
import { hostClock, hostRandom, MeshError, SeededRandom, silent, utf8 } from '@meshferry/core';
import type { SmpTransport } from '@meshferry/smp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SmpSerialTransport, smpPlugin } from './index.ts';

const clock = hostClock(globalThis);
const ground = { clock, random: hostRandom(globalThis.crypto), log: silent };
const noSocat = spawnSync('socat', ['-V']).status === 0 ? undefined : 'socat is not installed: its tests are skipped';
if (noSocat !== undefined) console.warn(noSocat);

let folder: string;
const toEnd: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meshferry-smp-serial-'));
});
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
  rmSync(folder, { recursive: true, force: true });
});

async function open(uri: string): Promise<SmpTransport> {
  const route = smpPlugin.route(uri, ground);
  const outcome = await new Promise<SmpTransport | MeshError>((resolve) => route.open(resolve));
  if (outcome instanceof MeshError) throw outcome;
  toEnd.push(() => outcome.close());
  return outcome;
}

/** Answers each packet with its octets, the operation one higher. */
function answering(transport: SmpTransport): void {
  transport.listen({
    received: (packet) => {
      const answer = packet.slice();
      answer[0]!++;
      transport.send(answer, () => {});
    },
    ended: () => {},
  });
}

/** Asks with some packets after one another, and compares what is answered. */
async function ask(transport: SmpTransport, lengths: readonly number[]): Promise<void> {
  let answered: (packet: Uint8Array) => void = () => {};
  transport.listen({ received: (packet) => answered(packet), ended: () => {} });
  for (const [i, length] of lengths.entries()) {
    const packet = new SeededRandom(length).bytes(8 + length);
    packet.set([0x08, 0, length >> 8, length & 0xff, 0, 0, i, 0]);
    const answer = new Promise<Uint8Array>((resolve) => {
      answered = resolve;
    });
    const error = await new Promise<MeshError | undefined>((resolve) => transport.send(packet, resolve));
    expect(error).toBeUndefined();
    packet[0]!++;
    expect(await answer).toEqual(packet);
  }
}

describe.skipIf(noSocat)('over pseudo-terminals', () => {
  async function ptys(): Promise<{ near: string; far: string; unplug: () => void }> {
    const [near, far] = [join(folder, 'near'), join(folder, 'far')];
    const socat = spawn('socat', [`PTY,link=${near},rawer`, `PTY,link=${far},rawer`], { stdio: 'ignore' });
    toEnd.push(() => socat.kill());
    while (!existsSync(near) || !existsSync(far)) await wait(20);
    return { near, far, unplug: () => socat.kill() };
  }

  it.each([
    ['lines of a console', '', false],
    ['raw packets', '?raw', true],
    ['lines without a pause', '?pace=none', false],
  ])('both ends are ours: %s', async (_name, query, raw) => {
    const { near, far } = await ptys();
    const stream = await openSerial(far, { baudRate: 115_200 });
    answering(new SmpSerialTransport(stream, clock, { side: 'server', raw }));
    if (!raw) stream.write(utf8('*** Booting Zephyr ***\r\nuart:~$ '));
    await ask(await open(`serial:${near}${query}`), [1, 50, 100, 500, 2467, 3, 20_000]);
  });

  it('a server at one end is met anew after each of its links has ended', async () => {
    const { near, far } = await ptys();
    const met: SmpTransport[] = [];
    const offer = await smpPlugin.serve?.(`serial:${far}`, ground, (transport) => {
      met.push(transport);
      answering(transport);
    });
    const transport = await open(`serial:${near}`);
    await ask(transport, [1, 500]);
    met[0]?.close();
    while (met.length < 2) await wait(20);
    await ask(transport, [2, 600]);
    offer?.close();
    await wait(300);
    expect(met.length).toBe(2);
  });

  it('a server that is not ready is met again until it is', async () => {
    const { near, far } = await ptys();
    let meetings = 0;
    const offer = await smpPlugin.serve?.(`serial:${far}`, ground, (transport) => {
      if (++meetings < 3) transport.close();
      else answering(transport);
    });
    while (meetings < 3) await wait(20);
    await ask(await open(`serial:${near}`), [1, 500]);
    offer?.close();
  });

  it('a port that is pulled ends the link, and can be opened again', async () => {
    const { near, unplug } = await ptys();
    const transport = await open(`serial:${near}`);
    const ended = new Promise<MeshError>((resolve) => transport.listen({ received: () => {}, ended: resolve }));
    unplug();
    expect(await ended).toMatchObject({ code: 'link-lost', hint: expect.any(String) });
    const outcome = await new Promise((resolve) => transport.send(new Uint8Array(8), resolve));
    expect(outcome).toMatchObject({ code: 'link-lost' });
    while (existsSync(near)) await wait(20);
    await expect(open(`serial:${near}`)).rejects.toMatchObject({ code: 'bearer-unavailable' });
    const again = await ptys();
    await open(`serial:${again.near}`);
  });
});

it('over TCP, as to a simulated board', async () => {
  const server = createServer((socket) => {
    answering(new SmpSerialTransport(socketStream(socket, 'client'), clock, { side: 'server' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  toEnd.push(() => server.close());
  const { port } = server.address() as { port: number };
  const transport = await open(`serial:tcp:127.0.0.1:${port}`);
  await ask(transport, [1, 100, 2467, 20_000]);
  transport.close();
});
