import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { MeshError } from '@meshferry/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ByteStream, listSerialPorts, openingError, openSerial, openSocket, serialProblem } from './index.ts';
import { socketStream } from './socket.ts';

const noSocat = spawnSync('socat', ['-V']).status === 0 ? undefined : 'socat is not installed: its tests are skipped';
if (noSocat !== undefined) console.warn(noSocat);

let folder: string;
const toEnd: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meshferry-streams-'));
});
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
  rmSync(folder, { recursive: true, force: true });
});

/** Sends back what comes. */
function echo(stream: ByteStream): void {
  stream.listen({ data: (octets) => void stream.write(octets), ended: () => stream.close() });
}

function listening(where: string | number, meet: (stream: ByteStream) => void): Promise<Server> {
  const server = createServer((socket) => meet(socketStream(socket, 'the other end')));
  toEnd.push(() => server.close());
  return new Promise((resolve) => {
    const done = () => resolve(server);
    if (typeof where === 'number') server.listen(where, '127.0.0.1', done);
    else server.listen(where, done);
  });
}

/** Writes in pieces that are cut anywhere, and waits for all of it to come back. */
async function sendAndReceive(stream: ByteStream, total: number): Promise<void> {
  let received = 0;
  let isRight = true;
  const back = new Promise<void>((resolve, reject) => {
    stream.listen({
      data: (octets) => {
        for (const octet of octets) isRight &&= octet === (received++ & 0xff);
        if (received >= total) resolve();
      },
      ended: reject,
    });
  });
  for (let at = 0; at < total; ) {
    const length = Math.min(997, total - at);
    stream.write(Uint8Array.from({ length }, (_, i) => (at + i) & 0xff));
    at += length;
  }
  await new Promise<void>((resolve) => (stream.flush === undefined ? resolve() : stream.flush(resolve)));
  await back;
  expect([received, isRight]).toEqual([total, true]);
}

describe('sockets', () => {
  it('carry octets both ways, over a path and over TCP', async () => {
    await listening(join(folder, 'echo'), echo);
    const server = await listening(0, echo);
    const { port } = server.address() as { port: number };
    for (const where of [{ path: join(folder, 'echo') }, { host: '127.0.0.1', port }]) {
      const stream = await openSocket(where);
      await sendAndReceive(stream, 100_000);
      stream.close();
      stream.close();
    }
  });

  it('say when the other end has gone, once, also to who listens late', async () => {
    await listening(join(folder, 'gone'), (stream) => {
      stream.listen({ data: () => stream.close(), ended: () => {} });
    });
    const stream = await openSocket({ path: join(folder, 'gone') });
    const reasons: string[] = [];
    const ended = new Promise<void>((resolve) => {
      stream.listen({
        data: () => {},
        ended: ({ code }) => {
          reasons.push(code);
          resolve();
        },
      });
    });
    stream.write(Uint8Array.of(1));
    await ended;
    expect(stream.write(Uint8Array.of(2))).toBe(true);
    await new Promise<void>((resolve) => stream.flush!(resolve));
    expect(reasons).toEqual(['bearer-lost']);
    await new Promise<void>((resolve) => stream.listen({ data: () => {}, ended: () => resolve() }));
  });

  it('say nothing of an end that was asked for', async () => {
    await listening(join(folder, 'own'), echo);
    const stream = await openSocket({ path: join(folder, 'own') });
    let ends = 0;
    stream.listen({ data: () => {}, ended: () => ends++ });
    stream.close();
    await wait(30);
    expect(ends).toBe(0);
  });

  it('that nobody offers are unavailable', async () => {
    const codes = [{ path: join(folder, 'none') }, { host: '127.0.0.1', port: 1 }].map((where) =>
      openSocket(where).catch((error: MeshError) => error.code),
    );
    expect(await Promise.all(codes)).toEqual(['bearer-unavailable', 'bearer-unavailable']);
  });
});

describe('serial ports', () => {
  it('can be opened here, and those of the machine be listed', async () => {
    expect(await serialProblem()).toBeUndefined();
    for (const { path } of (await listSerialPorts()) ?? []) expect(path).not.toBe('');
  });

  it('that are not there are unavailable', async () => {
    const opened = openSerial(join(folder, 'none'), { baudRate: 115_200 });
    await expect(opened).rejects.toMatchObject({ code: 'bearer-unavailable', hint: expect.any(String) });
  });

  it.skipIf(noSocat)('carry octets, wait until they have left, and are lost when they are pulled', async () => {
    const [one, other] = [join(folder, 'one'), join(folder, 'other')];
    const socat: ChildProcess = spawn('socat', [`PTY,link=${one},rawer`, `PTY,link=${other},rawer`], {
      stdio: 'ignore',
    });
    toEnd.push(() => socat.kill());
    while (!existsSync(one) || !existsSync(other)) await wait(20);
    const [near, far] = [
      await openSerial(one, { baudRate: 1_000_000 }),
      await openSerial(other, { baudRate: 115_200 }),
    ];
    toEnd.push(() => near.close());
    echo(far);
    await sendAndReceive(near, 20_000);
    const lost = new Promise<MeshError>((resolve) => near.listen({ data: () => {}, ended: resolve }));
    socat.kill();
    expect(await lost).toMatchObject({ code: 'bearer-lost', hint: expect.stringContaining('Plug') });
    expect(near.write(Uint8Array.of(1))).toBe(true);
    await new Promise<void>((resolve) => near.flush!(resolve));
  });
});

describe('what a system says when it does not open something', () => {
  it.each([
    ['EACCES', 'bearer-permission'],
    ['EBUSY', 'bearer-busy'],
    ['ENOENT', 'bearer-unavailable'],
    ['ECONNREFUSED', 'bearer-unavailable'],
    ['EINVAL', 'bearer-failed'],
  ])('%s', (code, expected) => {
    const error = openingError('/dev/x', Object.assign(new Error('it failed'), { code }));
    expect([error.code, error.message.includes('/dev/x'), error.hint]).toEqual([expected, true, expect.any(String)]);
  });

  // serialport speaks without a code.
  it.each([
    ['Error: Permission denied, cannot open /dev/ttyACM1', 'bearer-permission'],
    ['Error Resource temporarily unavailable Cannot lock port', 'bearer-busy'],
    ['Error: No such file or directory, cannot open /dev/ttyACM1', 'bearer-unavailable'],
    ['Inappropriate ioctl for device', 'bearer-failed'],
  ])('%s', (message, expected) => {
    expect(openingError('/dev/ttyACM1', new Error(message))).toMatchObject({ code: expected });
  });

  it('nothing, or something strange', () => {
    expect(openingError('x', undefined)).toMatchObject({
      code: 'bearer-failed',
      message: expect.stringContaining('at once'),
    });
    expect(openingError('x', 'strange')).toMatchObject({
      code: 'bearer-failed',
      message: expect.stringContaining('strange'),
    });
  });
});
