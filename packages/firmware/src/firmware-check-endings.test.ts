import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { fromHex, SeededRandom, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { type ArchiveAccess, checkFirmware, fetchFirmware, makeFirmware, writeFirmwareArchive } from './index.ts';
import { offerJson } from './testing/archive-server.ts';
import { type RawServer, rawAnswer, rawServer } from './testing/raw-server.ts';
import { must } from './testing/vectors.ts';
import { craftZip, deflatedZeros } from './testing/zips.ts';

const current = fromHex('59000100000000000000');
const made = makeFirmware({
  payload: new SeededRandom('endings').bytes(3000),
  version: { major: 2, minor: 0, revision: 0, build: 0 },
  company: 0x59,
  crypto: portableCrypto,
});
const JSON_TYPE = 'content-type: application/json\r\n';
const offer = offerJson('59000200000000000000', 9);

const servers: RawServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serving(answer: (socket: Socket) => void): Promise<RawServer> {
  const server = await rawServer(answer);
  servers.push(server);
  return server;
}

async function checked(answer: (socket: Socket) => void, more: Partial<ArchiveAccess> = {}) {
  const { uri } = await serving(answer);
  return checkFirmware(uri, current, { fetch, clock: new VirtualClock(), ...more });
}

/** What fetching gives of the firmware that was made, as an archive. */
async function fetched(answer: (socket: Socket, archive: Uint8Array) => void, more: Partial<ArchiveAccess> = {}) {
  const { image, firmwareId } = await made;
  const archive = writeFirmwareArchive({ imageFile: 'app.bin', ...(await made) });
  const { uri } = await serving((socket) => answer(socket, archive));
  const access = { fetch, clock: new VirtualClock(), ...more };
  return fetchFirmware(uri, current, { firmwareId, chainSize: 1, imageSize: image.length }, access, portableCrypto);
}

describe('a slow server', () => {
  test('whose headers drip is given up 30 s after it was asked', async () => {
    const clock = new VirtualClock();
    let heard: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      heard = resolve;
    });
    let drops = 0;
    const drip = (socket: Socket): void => {
      if (drops++ < 5) socket.write('HTTP/1.1 200 OK\r\n'.slice(drops - 1, drops), () => setImmediate(drip, socket));
      else heard();
    };
    const check = checked(drip, { clock });
    await asked;
    clock.advance(29_999);
    let done = false;
    void check.then(() => {
      done = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).toBe(false);
    clock.advance(1);
    expect(await check).toMatchObject({ ok: false, error: { code: 'server-timeout', message: /nothing for 30 s/ } });
  });

  test('whose archive drips is given up after 10 minutes, however often an octet comes', async () => {
    const clock = new VirtualClock();
    let open: Socket | undefined;
    let sent = 0;
    const answer = (socket: Socket, archive: Uint8Array): void => {
      open = socket;
      socket.write(rawAnswer(`content-length: ${archive.length}\r\n`));
      socket.write(archive.subarray(0, 1));
    };
    const archive = writeFirmwareArchive({ imageFile: 'app.bin', ...(await made) });
    const result = await fetched(answer, {
      clock,
      progress: ({ received }) => {
        if (received === 0) return;
        sent = received;
        clock.advance(20_000); // never idle for 30 s
        open?.write(archive.subarray(received, received + 1));
      },
    });
    expect(result).toMatchObject({ ok: false, error: { code: 'server-timeout', message: /not done after 600 s/ } });
    expect(sent).toBe(30);
    expect(clock.nextAt).toBeUndefined();
  });

  test('that stops in the middle of an archive is given up after 30 s', async () => {
    const clock = new VirtualClock();
    const result = fetched(
      (socket, archive) => socket.write(rawAnswer(`content-length: ${archive.length}\r\n`, archive.subarray(0, 100))),
      { clock, progress: ({ received }) => received === 100 && setImmediate(() => clock.advance(30_000)) },
    );
    expect(await result).toMatchObject({ ok: false, error: { code: 'server-timeout', message: /nothing for 30 s/ } });
  });
});

describe('a server that lies about size', () => {
  test('and sends more than it announced: what was cut off is found out', async () => {
    const result = await fetched((socket, archive) => socket.end(rawAnswer('content-length: 100\r\n', archive)));
    expect(result).toMatchObject({ ok: false, error: { code: expect.stringMatching(/archive-damaged|not-http/) } });
  });

  test('and sends less than it announced', async () => {
    const result = await fetched((socket, archive) =>
      socket.end(rawAnswer(`content-length: ${archive.length + 1}\r\n`, archive)),
    );
    expect(result).toMatchObject({
      ok: false,
      error: { code: 'connection-lost', message: expect.stringMatching(/after \d+ of \d+ octets/) },
    });
  });

  test.each(['content-length: 5\r\ncontent-length: 6\r\n', 'content-length: -1\r\n', 'content-length: x\r\n'])(
    'with %j is no HTTP',
    async (headers) => {
      const result = await checked((socket) => socket.end(rawAnswer(JSON_TYPE + headers, Buffer.from(offer))));
      expect(result).toMatchObject({ ok: false, error: { code: 'not-http', hint: expect.any(String) } });
    },
  );

  test('and sends for ever without announcing anything is cut off', async () => {
    let closed = false;
    const result = await fetched(
      (socket) => {
        socket.write(rawAnswer(''));
        socket.on('close', () => {
          closed = true;
        });
        const more = (): void => void (closed || socket.write(new Uint8Array(65_536), () => setImmediate(more)));
        more();
      },
      { limits: { archiveOctets: 1_000_000 } },
    );
    expect(result).toMatchObject({ ok: false, error: { code: 'answer-too-large', message: /at most 1000000/ } });
    expect(closed || servers[0] !== undefined).toBe(true);
  });

  test('and announces more than is taken is not listened to', async () => {
    let listened = 0;
    const result = await fetched((socket) => socket.write(rawAnswer(`content-length: ${2 ** 40}\r\n`)), {
      progress: () => listened++,
    });
    expect(result).toMatchObject({ ok: false, error: { code: 'answer-too-large', message: /1099511627776/ } });
    expect(listened).toBe(0);
  });

  test('by a compressed transfer of zeros is cut off at the limit, unpacked', async () => {
    const zeros = gzipSync(Buffer.alloc(32 * 1024 * 1024));
    const headers = `content-encoding: gzip\r\ncontent-length: ${zeros.length}\r\n`;
    const result = await fetched((socket) => socket.end(rawAnswer(headers, zeros)), {
      limits: { archiveOctets: 1_000_000 },
    });
    expect(result).toMatchObject({ ok: false, error: { code: 'answer-too-large' } });
  });

  test('in a ZIP: by a size that is not that of the entry, and by an entry that is too large', async () => {
    const { firmwareId, image } = await made;
    const zeros = deflatedZeros(1024);
    for (const [size, code] of [
      [image.length, 'zip-damaged'],
      [1024 * 1024 * 1024, 'zip-too-large'],
    ] as const) {
      const manifest = Buffer.from(JSON.stringify({ files: [{ file: 'a' }] }));
      const zip = craftZip([
        { name: 'manifest.json', data: manifest },
        { name: 'a', data: new Uint8Array(0), packed: zeros, size, method: 8 },
      ]);
      const { uri } = await serving((socket) => socket.end(rawAnswer(`content-length: ${zip.length}\r\n`, zip)));
      const access = { fetch, clock: new VirtualClock() };
      const wanted = { firmwareId, chainSize: 1, imageSize: image.length };
      const result = await fetchFirmware(uri, current, wanted, access, portableCrypto);
      expect(result).toMatchObject({ ok: false, error: { code } });
    }
  });
});

describe('a server that is none', () => {
  test.each<[string, (socket: Socket) => void, string]>([
    ['closes at once', (socket) => socket.destroy(), 'server-unreachable'],
    ['speaks another protocol', (socket) => socket.end('220 mail.example.com ESMTP\r\n'), 'not-http'],
    ['sends noise', (socket) => socket.end(new SeededRandom('noise').bytes(500)), 'not-http'],
    [
      'sends endless headers',
      (socket) => {
        const line = `x: ${'y'.repeat(8000)}\r\n`;
        const more = (): void => void (socket.destroyed || socket.write(line, () => setImmediate(more)));
        socket.write('HTTP/1.1 200 OK\r\n', more);
      },
      'not-http',
    ],
    ['breaks off in the headers', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-ty'), 'server-unreachable'],
    [
      'breaks a chunked answer',
      (socket) => socket.end(rawAnswer(`${JSON_TYPE}transfer-encoding: chunked\r\n`, Buffer.from('zz\r\n'))),
      'not-http',
    ],
  ])('and %s', async (_, answer, code) => {
    const result = await checked(answer);
    expect(result).toMatchObject({ ok: false, error: { code, hint: expect.any(String) } });
  });

  test('says nothing that reaches the terminal', async () => {
    const result = await checked((socket) => socket.end('HTTP/1.1 302 x\r\nlocation: https://\u001b[31m/\r\n\r\n'));
    expect(result.ok).toBe(false);
    expect(JSON.stringify(result)).not.toContain('\u001b');
  });
});

test('cancelled before it starts, a fetch asks nobody', async () => {
  let asked = 0;
  const server = await serving(() => asked++);
  const access = { fetch, clock: new VirtualClock(), signal: AbortSignal.abort() };
  const wanted = { firmwareId: current, chainSize: 1, imageSize: 1 };
  const result = await fetchFirmware(server.uri, current, wanted, access, portableCrypto);
  expect(result).toMatchObject({ ok: false, error: { code: 'interrupted' } });
  expect(asked).toBe(0);
});

test('a good archive comes through all of that', async () => {
  const result = await fetched((socket, archive) =>
    socket.end(rawAnswer(`content-length: ${archive.length}\r\n`, archive)),
  );
  expect(must(result).image).toEqual((await made).image);
});
