import { fromHex, SeededRandom, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type ArchiveAccess,
  type FetchProgress,
  fetchFirmware,
  type MadeFirmware,
  makeFirmware,
  writeFirmwareArchive,
} from './index.ts';
import { type Answering, reply, type TestServer, testServer } from './testing/archive-server.ts';
import { must } from './testing/vectors.ts';

const current = fromHex('590001000100d2040000');
const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serving(answer: Answering): Promise<TestServer> {
  const server = await testServer(answer);
  servers.push(server);
  return server;
}

function access(more: Partial<ArchiveAccess> = {}): ArchiveAccess {
  return { fetch, clock: new VirtualClock(), ...more };
}

describe('fetching', () => {
  const made: Promise<MadeFirmware> = makeFirmware({
    payload: new SeededRandom('fetch').bytes(3000),
    version: { major: 2, minor: 0, revision: 0, build: 0 },
    company: 0x59,
    crypto: portableCrypto,
  });

  async function fetched(body: Uint8Array, change: { id?: string; size?: number } = {}, type = 'application/gzip') {
    const { firmwareId, image } = await made;
    const server = await serving((_, response) => reply(response, 200, type, body));
    const offer = {
      firmwareId: change.id === undefined ? firmwareId : fromHex(change.id),
      chainSize: 1,
      imageSize: change.size ?? image.length,
    };
    const result = await fetchFirmware(server.uri, current, offer, access(), portableCrypto);
    return { result, requests: server.requests };
  }

  async function archive(): Promise<Uint8Array> {
    return writeFirmwareArchive({ imageFile: 'app.bin', ...(await made) });
  }

  test('gives the archive, the image and its metadata', async () => {
    const { image, metadata, firmwareId } = await made;
    const body = await archive();
    const { result, requests } = await fetched(body);
    expect(must(result)).toMatchObject({ kind: 'archive', bytes: body, image, metadata, firmwareId });
    expect(requests).toEqual(['/lamp/get?cfwid=590001000100D2040000']);
  });

  test('tells how far it is, and is cancelled in the middle', async () => {
    const { firmwareId, image } = await made;
    const body = await archive();
    const half = Math.floor(body.length / 2);
    const server = await serving((request, response) => {
      response.writeHead(200, { 'content-length': body.length });
      response.write(body.subarray(0, half));
      if (!request.url?.startsWith('/stalls')) response.end(body.subarray(half));
    });
    const offer = { firmwareId, chainSize: 1, imageSize: image.length };
    const heard: FetchProgress[] = [];
    const whole = access({ progress: (progress) => heard.push(progress) });
    must(await fetchFirmware(server.uri, current, offer, whole, portableCrypto));
    expect(heard[0]).toEqual({ received: 0, total: body.length });
    expect(heard.at(-1)).toEqual({ received: body.length, total: body.length });
    expect(heard.map(({ received }) => received)).toEqual(heard.map(({ received }) => received).sort((a, b) => a - b));

    const abort = new AbortController();
    const cancelled = access({
      signal: abort.signal,
      progress: ({ received }) => {
        if (received === half) abort.abort();
      },
    });
    const uri = server.uri.replace('/lamp', '/stalls');
    expect(await fetchFirmware(uri, current, offer, cancelled, portableCrypto)).toMatchObject({
      ok: false,
      error: { code: 'interrupted' },
    });
  });

  test('gives a package just as well, whatever its type is said to be', async () => {
    const { zip, image, metadata } = await made;
    const { result } = await fetched(zip, {}, 'application/octet-stream');
    expect(must(result)).toMatchObject({ kind: 'zip', bytes: zip, image, metadata });
  });

  test('refuses what was not offered', async () => {
    const { zip } = await made;
    for (const body of [await archive(), zip]) {
      const id = await fetched(body, { id: '590009' });
      expect(id.result).toMatchObject({ ok: false, error: { code: 'firmware-id-mismatch' } });
      const size = await fetched(body, { size: 5 });
      expect(size.result).toMatchObject({ ok: false, error: { code: 'image-size-mismatch' } });
    }
  });

  test('unpacks no more than was offered', async () => {
    const bomb = writeFirmwareArchive({ ...(await made), imageFile: 'a', image: new Uint8Array(1024 * 1024) });
    const { result } = await fetched(bomb, { size: 5 });
    expect(result).toMatchObject({ ok: false, error: { code: 'archive-too-large' } });
  });

  test('refuses what is no archive', async () => {
    expect((await fetched(new Uint8Array(0))).result).toMatchObject({ ok: false, error: { code: 'unknown-archive' } });
    expect((await fetched(Buffer.from('<html>'))).result).toMatchObject({
      ok: false,
      error: { code: 'unknown-archive' },
    });
    const cut = (await archive()).subarray(0, 500);
    expect((await fetched(cut)).result).toMatchObject({ ok: false, error: { code: 'archive-damaged' } });
  });

  test('finds that it is gone, or that the server fails', async () => {
    for (const [status, code] of [
      [404, 'no-newer-firmware'],
      [500, 'server-error'],
    ] as const) {
      const server = await serving((_, response) => response.writeHead(status).end());
      const offer = { firmwareId: current, chainSize: 1, imageSize: 1 };
      const refused = await fetchFirmware(server.uri, current, offer, access(), portableCrypto);
      expect(refused).toMatchObject({ ok: false, error: { code } });
    }
  });
});
