import { gzipSync } from 'node:zlib';
import { fromHex, SeededRandom, toHex, utf8, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type ArchiveAccess,
  buildImage,
  checkFirmware,
  checkFirmwareChain,
  fetchFirmware,
  generateSigningKey,
  isPrivateHost,
  type MadeFirmware,
  makeFirmware,
  writeFirmwareArchive,
} from './index.ts';
import { writeTar } from './tar.ts';
import { type Answering, offerJson, reply, type TestServer, testServer } from './testing/archive-server.ts';
import { must } from './testing/vectors.ts';
import { deflatedZeros } from './testing/zips.ts';

/** Firmware IDs of 1.0.0 to 4.0.0 of company 0x0059. */
const [V1, V2, V3, V4] = ['01', '02', '03', '04'].map((major) => `5900${major}00000000000000`) as [
  string,
  string,
  string,
  string,
];
const current = fromHex(V1);
const key = generateSigningKey(new SeededRandom('cases'), 'maker');
const made: Promise<MadeFirmware> = makeFirmware({
  payload: new SeededRandom('cases').bytes(2000),
  version: { major: 2, minor: 0, revision: 0, build: 0 },
  company: 0x59,
  crypto: portableCrypto,
  key,
});

const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serving(answer: Answering): Promise<string> {
  const server = await testServer(answer);
  servers.push(server);
  return server.uri;
}

function access(more: Partial<ArchiveAccess> = {}): ArchiveAccess {
  return { fetch, clock: new VirtualClock(), ...more };
}

/** A server that knows for each Firmware ID (compared as text, as the example server does) what comes next. */
function archiveOf(next: Record<string, string>, chain = 1, size = 9): Answering {
  return (request, response) => {
    const cfwid = new URL(request.url ?? '', 'http://x').searchParams.get('cfwid') ?? '';
    const found = next[cfwid];
    if (found === undefined) return reply(response, 404, 'text/plain', 'nothing');
    const left = Math.max(1, chain - Object.keys(next).indexOf(cfwid));
    reply(response, 200, 'application/json', offerJson(found, size, left));
  };
}

/** What fetching a body gives, when it was offered as the firmware that was made. */
async function fetched(body: Uint8Array, more: Parameters<typeof fetchFirmware>[5] = {}) {
  const { image, firmwareId } = await made;
  const uri = await serving((_, response) => reply(response, 200, 'application/gzip', body));
  const offer = { firmwareId, chainSize: 1, imageSize: image.length };
  return fetchFirmware(uri, current, offer, access(), portableCrypto, more);
}

async function archive(over: Partial<Parameters<typeof writeFirmwareArchive>[0]> = {}): Promise<Uint8Array> {
  return writeFirmwareArchive({ imageFile: 'app.bin', ...(await made), ...over });
}

describe('the cases of spec firmware-check-https section 6', () => {
  test('exact id found', async () => {
    const offer = must(await checkFirmware(await serving(archiveOf({ [V1]: V2 })), current, access()));
    expect(offer).toEqual({ firmwareId: fromHex(V2), chainSize: 1, imageSize: 9 });
  });

  test('lower and upper case: we send upper, and take either', async () => {
    const mixed = '4c00aabbccddeeff0011';
    const server = archiveOf({ [mixed.toUpperCase()]: 'AbCd02' });
    const offer = must(await checkFirmware(await serving(server), fromHex(mixed), access()));
    expect(toHex(offer!.firmwareId)).toBe('abcd02');
  });

  test('404', async () => {
    expect(await checkFirmware(await serving(archiveOf({})), current, access())).toEqual({ ok: true, value: null });
  });

  test('500', async () => {
    const uri = await serving((_, response) => response.writeHead(500).end());
    expect(await checkFirmware(uri, current, access())).toMatchObject({ ok: false, error: { code: 'server-error' } });
  });

  test('TLS error: who answers does not speak TLS', async () => {
    const uri = (await serving(archiveOf({ [V1]: V2 }))).replace('http:', 'https:');
    expect(await checkFirmware(uri, current, access())).toMatchObject({
      ok: false,
      error: { code: 'not-http', message: expect.stringContaining('does not speak https'), hint: expect.any(String) },
    });
  });

  test('redirect to http', async () => {
    const plain = async () => new Response(null, { status: 301, headers: { location: 'http://fw.example.com/lamp' } });
    const refused = await checkFirmware('https://fw.example.com/lamp', current, access({ fetch: plain }));
    expect(refused).toMatchObject({ ok: false, error: { code: 'bad-redirect', message: /from https to http/ } });
  });

  test.each<[string, string, string]>([
    ['200 with HTML', 'text/html', '<html>'],
    ['HTML that claims to be JSON', 'application/json', '<html>'],
    ['JSON with a missing key', 'application/json', offerJson(V2, 9).replace('firmware_id', 'id')],
    ['a negative size', 'application/json', offerJson(V2, -9)],
    ['a size as text', 'application/json', offerJson(V2, 9).replace(':9}', ':"9"}')],
  ])('%s', async (_, type, body) => {
    const uri = await serving((_request, response) => reply(response, 200, type, body));
    expect(await checkFirmware(uri, current, access())).toMatchObject({ ok: false, error: { code: 'bad-answer' } });
  });

  test('chain of 3', async () => {
    const uri = await serving(archiveOf({ [V1]: V2, [V2]: V3, [V3]: V4 }, 3));
    const chain = must(await checkFirmwareChain(uri, current, access()));
    expect(chain.map(({ firmwareId, chainSize }) => [toHex(firmwareId), chainSize])).toEqual([
      [V2, 3],
      [V3, 2],
      [V4, 1],
    ]);
    expect(servers[0]!.requests).toHaveLength(3);
  });

  test('a chain is followed no further than it was said to go, and ends early where nothing newer is left', async () => {
    const endless = await serving(archiveOf({ [V1]: V2, [V2]: V3, [V3]: V4 }, 2));
    expect(must(await checkFirmwareChain(endless, current, access()))).toHaveLength(2);
    const short = await serving(archiveOf({ [V1]: V2 }, 3));
    expect(must(await checkFirmwareChain(short, current, access()))).toHaveLength(1);
    expect(must(await checkFirmwareChain(await serving(archiveOf({})), current, access()))).toEqual([]);
  });

  test('chain that loops', async () => {
    const uri = await serving(archiveOf({ [V1]: V2, [V2]: V3, [V3]: V2 }, 3));
    const refused = await checkFirmwareChain(uri, current, access());
    expect(refused).toMatchObject({ ok: false, error: { code: 'chain-loops', hint: expect.any(String) } });
    const back = await serving(archiveOf({ [V1]: V2, [V2]: V1 }, 5));
    expect(await checkFirmwareChain(back, current, access())).toMatchObject({
      ok: false,
      error: { code: 'chain-loops' },
    });
    expect(servers[0]!.requests).toHaveLength(3);
  });

  test('a chain without end, or that breaks, is an error', async () => {
    const long = await serving((_, response) => reply(response, 200, 'application/json', offerJson(V2, 9, 33)));
    expect(await checkFirmwareChain(long, current, access())).toMatchObject({ error: { code: 'chain-too-long' } });
    const broken = await serving((request, response) =>
      request.url?.includes(V1) ? archiveOf({ [V1]: V2 }, 2)(request, response) : response.writeHead(500).end(),
    );
    expect(await checkFirmwareChain(broken, current, access())).toMatchObject({ error: { code: 'server-error' } });
  });

  test('archive: gzip tar', async () => {
    const { image, metadata, firmwareId } = await made;
    expect(must(await fetched(await archive()))).toMatchObject({ kind: 'archive', image, metadata, firmwareId });
  });

  test('archive: ZIP', async () => {
    const { image, metadata, firmwareId, zip } = await made;
    expect(must(await fetched(zip))).toMatchObject({ kind: 'zip', image, metadata, firmwareId });
  });

  test('archive: truncated', async () => {
    const [packed, { zip }] = [await archive(), await made];
    expect(await fetched(packed.subarray(0, -20))).toMatchObject({ ok: false, error: { code: 'archive-damaged' } });
    expect(await fetched(zip.subarray(0, -20))).toMatchObject({ ok: false, error: { code: 'truncated' } });
  });

  test('archive: path "../x"', async () => {
    const tar = writeTar([{ name: '../x', bytes: utf8('out') }]);
    expect(await fetched(gzipOf(tar))).toMatchObject({ ok: false, error: { code: 'archive-entry' } });
  });

  test('archive: 1 GiB of zeros compressed', async () => {
    const before = process.memoryUsage().arrayBuffers;
    const bomb = gzipAround(deflatedZeros(1024));
    expect(bomb.length).toBeLessThan(1_200_000);
    expect(await fetched(bomb)).toMatchObject({ ok: false, error: { code: 'archive-too-large' } });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
  });

  test('archive: firmware_id differing from the check', async () => {
    const refused = await fetched(await archive({ firmwareId: fromHex(V3) }));
    expect(refused).toMatchObject({ ok: false, error: { code: 'firmware-id-mismatch', hint: expect.any(String) } });
  });

  test('archive: metadata missing', async () => {
    const { image } = await made;
    const manifest = { firmware_image_file: 'a', firmware_id: V2 };
    const tar = (firmware: object) =>
      writeTar([
        { name: 'manifest.json', bytes: utf8(JSON.stringify({ manifest: { firmware } })) },
        { name: 'a', bytes: image },
      ]);
    // Missing with its key: an archive without metadata. Missing without: an error.
    expect(must(await fetched(gzipOf(tar(manifest)))).metadata).toHaveLength(0);
    const named = await fetched(gzipOf(tar({ ...manifest, metadata_file: 'm' })));
    expect(named).toMatchObject({ ok: false, error: { code: 'file-missing' } });
  });
});

describe('the image that was fetched', () => {
  const version = { major: 2, minor: 0, revision: 0, build: 0 };

  test('is refused when hash or signature are wrong, in an archive as in a ZIP', async () => {
    const { image } = await made;
    const payload = image.slice();
    payload[700]! ^= 1;
    expect(await fetched(await archive({ image: payload }))).toMatchObject({ error: { code: 'corrupt-image' } });
    const forged = image.slice();
    forged[forged.length - 10]! ^= 1;
    const trust = { publicKeys: [key.publicKey] };
    const refused = { ok: false, error: { code: 'signature-invalid', hint: expect.any(String) } };
    expect(await fetched(await archive({ image: forged }), trust)).toMatchObject(refused);
  });

  test('must be signed by whom it is asked for', async () => {
    const bodies = [await archive(), (await made).zip];
    const other = generateSigningKey(new SeededRandom('other'), 'other');
    for (const body of bodies) {
      expect(must(await fetched(body, { publicKeys: [key.publicKey] })).warnings).toEqual([]);
      expect(must(await fetched(body)).warnings).toEqual([expect.stringContaining('an unknown key')]);
      const refused = await fetched(body, { publicKeys: [other.publicKey] });
      expect(refused).toMatchObject({ ok: false, error: { code: 'key-unknown' } });
    }
    const { image } = await made;
    const unsigned = buildImage({ payload: new Uint8Array(image.length - 512 - 40), version });
    const { firmwareId } = await made;
    const body = await archive({ image: unsigned });
    const uri = await serving((_, response) => reply(response, 200, '', body));
    const offer = { firmwareId, chainSize: 1, imageSize: unsigned.length };
    const refused = await fetchFirmware(uri, current, offer, access(), portableCrypto, { requireSignature: true });
    expect(refused).toMatchObject({ ok: false, error: { code: 'key-unknown', message: /it is not signed/ } });
  });

  test('may be of any form that only the device knows, unless a signature is asked for', async () => {
    const { image } = await made;
    const opaque = new SeededRandom('opaque').bytes(image.length);
    const body = await archive({ image: opaque, metadata: utf8('FW:2') });
    expect(must(await fetched(body))).toMatchObject({ image: opaque, metadata: utf8('FW:2'), warnings: [] });
    const refused = await fetched(body, { publicKeys: [key.publicKey] });
    expect(refused).toMatchObject({ ok: false, error: { code: 'key-unknown', message: /none of MCUboot/ } });
  });

  test('whose metadata contradict it comes with that said', async () => {
    const body = await archive({ metadata: fromHex('0300000000000000d00700018970567e0100') });
    expect(must(await fetched(body)).warnings.slice(0, 2)).toEqual([
      'metadata version 3.0.0+0, image header 2.0.0+0',
      expect.stringContaining('metadata size 2000, image file'),
    ]);
  });
});

describe('a private network', () => {
  test.each([
    ['localhost', true],
    ['fw.localhost', true],
    ['127.0.0.1', true],
    ['10.1.2.3', true],
    ['172.16.0.1', true],
    ['172.32.0.1', false],
    ['192.168.1.1', true],
    ['192.0.2.1', false],
    ['169.254.169.254', true],
    ['0.0.0.0', true],
    ['[::1]', true],
    ['[::]', true],
    ['[::ffff:a00:1]', true],
    ['[fd00::1]', true],
    ['[fe80::1]', true],
    ['[2001:db8::1]', false],
    ['fw.example.com', false],
    ['10.example.com', false],
  ])('%s: %s', (host, expected) => {
    expect(isPrivateHost(new URL(`https://${host}/`).hostname)).toBe(expected);
  });

  test('is not entered by a redirect from outside, unless its host is allowed', async () => {
    const asked: string[] = [];
    const leading: ArchiveAccess['fetch'] = async (url) => {
      asked.push(new URL(url).hostname);
      const status = asked.length === 1 ? 302 : 404;
      return new Response(null, { status, headers: { location: 'https://169.254.169.254/latest/meta-data' } });
    };
    const uri = 'https://fw.example.com/lamp';
    const refused = await checkFirmware(uri, current, access({ fetch: leading }));
    expect(refused).toMatchObject({ ok: false, error: { code: 'bad-redirect', message: /private network/ } });
    expect(asked).toEqual(['fw.example.com']);
    asked.length = 0;
    const allowedHosts = ['fw.example.com', '169.254.169.254'];
    expect(await checkFirmware(uri, current, access({ fetch: leading, allowedHosts }))).toEqual({
      ok: true,
      value: null,
    });
    // Who is inside already may stay there.
    asked.length = 0;
    const inside = await checkFirmware('https://192.168.1.1/lamp', current, access({ fetch: leading }));
    expect(inside).toEqual({ ok: true, value: null });
  });
});

function gzipOf(octets: Uint8Array): Uint8Array {
  return new Uint8Array(gzipSync(octets));
}

/** A gzip of deflated octets whose checksum nobody gets to. */
function gzipAround(deflated: Uint8Array): Uint8Array {
  return Uint8Array.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, ...deflated, 0, 0, 0, 0, 0, 0, 0, 0]);
}
