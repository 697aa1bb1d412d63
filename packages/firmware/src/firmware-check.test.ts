import type { IncomingMessage, ServerResponse } from 'node:http';
import { fromHex, VirtualClock } from '@meshferry/core';
import { afterEach, describe, expect, test } from 'vitest';
import { type ArchiveAccess, checkFirmware } from './index.ts';
import { type Answering, offerJson, reply, type TestServer, testServer } from './testing/archive-server.ts';
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

/** What a check of a server that answers so gives. */
async function checked(answer: Answering, more: Partial<ArchiveAccess> = {}) {
  return checkFirmware((await serving(answer)).uri, current, access(more));
}

const json = (body: string) => (_: IncomingMessage, response: ServerResponse) =>
  reply(response, 200, 'application/json', body);

const redirect =
  (location: string | undefined, status = 302) =>
  (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(status, location === undefined ? {} : { location });
    response.end();
  };

describe('Firmware Check', () => {
  test('asks with the Firmware ID in upper case and gives the offer', async () => {
    const server = await serving(json(offerJson('590002000100D2040000', 446356)));
    const offer = must(await checkFirmware(`${server.uri}/`, current, access()));
    expect(server.requests).toEqual(['/lamp/check?cfwid=590001000100D2040000']);
    expect(offer).toEqual({ firmwareId: fromHex('590002000100d2040000'), chainSize: 1, imageSize: 446356 });
  });

  test('takes a type with parameters, unknown members, and a chain', async () => {
    const body = offerJson('590002000000', 7, 3).replace('{"manifest"', '{"extra":[1],"manifest"');
    const offer = must(await checked((_, response) => reply(response, 200, 'application/json; charset=utf-8', body)));
    expect(offer).toMatchObject({ chainSize: 3, imageSize: 7 });
  });

  test('finds nothing newer: 404, or what runs already', async () => {
    expect(await checked((_, response) => reply(response, 404, 'text/plain', 'no'))).toEqual({ ok: true, value: null });
    expect(await checked(json(offerJson('590001000100D2040000', 5)))).toEqual({ ok: true, value: null });
  });

  test.each([
    ['no JSON', 'hello'],
    ['an array', '[]'],
    [
      'firmware without manifest',
      '{"firmware":{"firmware_id":"590002","dfu_chain_size":1,"firmware_image_file_size":9}}',
    ],
    ['an id that is no hex', offerJson('xy', 5)],
    ['an id of one octet', offerJson('59', 5)],
    ['a negative size', offerJson('590002', -5)],
    ['a size of 0', offerJson('590002', 0)],
    ['a fraction', offerJson('590002', 1.5)],
    ['a size as text', offerJson('590002', 5).replace('_size":5', '_size":"5"')],
    ['no size', offerJson('590002', 5).replace('firmware_image_file_size', 'size')],
    ['no chain', offerJson('590002', 5).replace('dfu_chain_size', 'chain')],
    ['a deep nest', '['.repeat(5000)],
    ['nothing', ''],
  ])('refuses %s', async (_, body) => {
    expect(await checked(json(body))).toMatchObject({
      ok: false,
      error: { code: 'bad-answer', hint: expect.any(String) },
    });
  });

  test('refuses a page, and other statuses', async () => {
    const page = await checked((_, response) => reply(response, 200, 'text/html', offerJson('590002', 5)));
    expect(page).toMatchObject({
      ok: false,
      error: { code: 'bad-answer', message: expect.stringContaining('text/html') },
    });
    for (const status of [204, 304, 401, 500, 503]) {
      expect(await checked((_, response) => response.writeHead(status).end())).toMatchObject({
        ok: false,
        error: { code: 'server-error', message: expect.stringContaining(String(status)) },
      });
    }
  });

  test.each([
    ['not a uri', 'bad-uri'],
    ['https://fw.example.com/lamp?x=1', 'bad-uri'],
    ['https://fw.example.com/lamp#top', 'bad-uri'],
    ['https://me:secret@fw.example.com/lamp', 'bad-uri'],
    [`https://fw.example.com/${'a'.repeat(240)}`, 'bad-uri'],
    ['http://fw.example.com/lamp', 'scheme-not-supported'],
    ['http://127.0.0.1.example.com/lamp', 'scheme-not-supported'],
    ['ftp://fw.example.com/lamp', 'scheme-not-supported'],
    ['file:///etc/passwd', 'scheme-not-supported'],
  ])('asks nobody for %s', async (uri, code) => {
    let asked = 0;
    const count = async () => {
      asked++;
      throw new Error('asked');
    };
    const refused = await checkFirmware(uri, current, access({ fetch: count }));
    expect(refused).toMatchObject({ ok: false, error: { code, hint: expect.any(String) } });
    expect(JSON.stringify(refused)).not.toContain('secret');
    expect(asked).toBe(0);
  });

  test('refuses a Firmware ID of one octet', async () => {
    const refused = await checkFirmware('https://fw.example.com', Uint8Array.of(1), access());
    expect(refused).toMatchObject({ ok: false, error: { code: 'bad-firmware-id' } });
  });
});

describe('hosts', () => {
  const asked = async (uri: string, more: Partial<ArchiveAccess>) => {
    const urls: string[] = [];
    const fetch = async (url: string) => {
      urls.push(url);
      return new Response(null, { status: 404 });
    };
    await checkFirmware(uri, current, access({ ...more, fetch }));
    return urls.length === 1;
  };

  test.each([
    ['https://fw.example.com/a', ['fw.example.com'], true],
    ['https://fw.example.com:444/a', ['fw.example.com'], true],
    ['https://fw.example.com/a', ['FW.example.com:443'], true],
    ['https://fw.example.com:444/a', ['fw.example.com:443'], false],
    ['https://fw.example.com/a', ['*.example.com'], true],
    ['https://example.com/a', ['*.example.com'], false],
    ['https://evil-example.com/a', ['*.example.com'], false],
    ['https://fw.example.com.evil.net/a', ['fw.example.com'], false],
    ['https://fw.example.com/a', [], false],
  ])('%s with %j allowed: %s', async (uri, allowedHosts, allowed) => {
    expect(await asked(uri, { allowedHosts })).toBe(allowed);
  });

  test('of http only this machine, unless it is allowed', async () => {
    expect(await asked('http://localhost:1/a', {})).toBe(true);
    expect(await asked('http://[::1]:1/a', {})).toBe(true);
    expect(await asked('http://fw.example.com/a', {})).toBe(false);
    expect(await asked('http://fw.example.com/a', { allowHttp: true })).toBe(true);
  });
});

describe('redirects', () => {
  test('are followed, relative ones too', async () => {
    const server = await serving((request, response) => {
      if (request.url === '/new') return reply(response, 200, 'application/json', offerJson('590002', 5));
      redirect('/new', 307)(request, response);
    });
    expect(must(await checkFirmware(server.uri, current, access()))?.imageSize).toBe(5);
    expect(server.requests).toHaveLength(2);
  });

  test('five of them and no more', async () => {
    const hops =
      (most: number): Answering =>
      (request, response) => {
        const hop = Number(/hop(\d)/.exec(request.url ?? '')?.[1] ?? 0);
        if (hop === most) return reply(response, 404, 'text/plain', '');
        redirect(`/hop${hop + 1}`)(request, response);
      };
    expect(await checked(hops(5))).toEqual({ ok: true, value: null });
    expect(await checked(hops(6))).toMatchObject({ ok: false, error: { code: 'too-many-redirects' } });
    expect(await checked(hops(1), { limits: { redirects: 0 } })).toMatchObject({
      ok: false,
      error: { code: 'too-many-redirects' },
    });
  });

  test.each([
    ['in a circle', '/lamp/check?cfwid=590001000100D2040000', 'redirect-loop'],
    ['nowhere', undefined, 'bad-redirect'],
    ['to no URI', 'http://[', 'bad-redirect'],
    ['with a password', 'http://me:secret@127.0.0.1/', 'bad-redirect'],
    ['to http elsewhere', 'http://fw.example.com/', 'scheme-not-supported'],
    ['to a file', 'file:///etc/passwd', 'scheme-not-supported'],
  ])('%s are refused', async (_, location, code) => {
    expect(await checked(redirect(location))).toMatchObject({ ok: false, error: { code } });
  });

  test('to a host that is not allowed, or from https to http, reach nobody', async () => {
    const other = await serving(json(offerJson('590002', 5)));
    const server = await serving(redirect(other.uri));
    const refused = await checkFirmware(server.uri, current, access({ allowedHosts: [server.host] }));
    expect(refused).toMatchObject({ ok: false, error: { code: 'host-not-allowed' } });
    // Who answers over https sends us to this machine, where http is allowed otherwise.
    const secure = async () => new Response(null, { status: 302, headers: { location: other.uri } });
    const downgraded = await checkFirmware('https://fw.example.com/lamp', current, access({ fetch: secure }));
    expect(downgraded).toMatchObject({ ok: false, error: { code: 'bad-redirect' } });
    expect(other.requests).toEqual([]);
  });

  test('that a browser hides are an error', async () => {
    const hidden = { status: 0, headers: new Headers(), body: null };
    const refused = await checkFirmware('https://fw.example.com', current, access({ fetch: async () => hidden }));
    expect(refused).toMatchObject({ ok: false, error: { code: 'bad-redirect' } });
  });
});

describe('a server that', () => {
  test('is not there', async () => {
    const server = await testServer(() => {});
    await server.close();
    const refused = await checkFirmware(server.uri, current, access());
    expect(refused).toMatchObject({
      ok: false,
      error: { code: 'server-unreachable', message: expect.stringContaining('ECONNREFUSED'), hint: expect.any(String) },
    });
  });

  test('never answers is given up after 30 s', async () => {
    const server = await serving(() => {});
    const clock = new VirtualClock();
    const check = checkFirmware(server.uri, current, access({ clock }));
    await server.heard(1);
    clock.advance(29_999);
    clock.advance(1);
    expect(await check).toMatchObject({
      ok: false,
      error: { code: 'server-timeout', message: expect.stringContaining('30 s') },
    });
    expect(clock.nextAt).toBeUndefined();
  });

  test('drips is given up after the total time', async () => {
    const clock = new VirtualClock();
    // Each piece comes 20 s after the last: never idle for 30 s.
    const drip = () =>
      new ReadableStream<Uint8Array>({
        pull: (controller) => {
          clock.advance(20_000);
          controller.enqueue(Uint8Array.of(0x20));
        },
      });
    const fetch = async () => new Response(drip(), { headers: { 'content-type': 'application/json' } });
    const check = await checkFirmware('https://fw.example.com', current, access({ clock, fetch }));
    expect(check).toMatchObject({
      ok: false,
      error: { code: 'server-timeout', message: expect.stringContaining('600 s') },
    });
    expect(clock.now).toBeLessThanOrEqual(620_000);
  });

  test('stalls in the middle is given up', async () => {
    const server = await serving((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{');
    });
    const clock = new VirtualClock();
    let answered: () => void = () => {};
    const answer = new Promise<void>((resolve) => {
      answered = resolve;
    });
    const watched: ArchiveAccess['fetch'] = async (url, init) => {
      const response = await fetch(url, init);
      setImmediate(answered);
      return response;
    };
    const check = checkFirmware(server.uri, current, access({ clock, fetch: watched }));
    await answer;
    clock.advance(30_000);
    expect(await check).toMatchObject({ ok: false, error: { code: 'server-timeout' } });
  });

  test('sends too much is cut off', async () => {
    let closed = false;
    const server = await serving((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.on('close', () => {
        closed = true;
      });
      const more = (): void => {
        if (!closed) response.write(' '.repeat(32_768), () => setImmediate(more));
      };
      more();
    });
    const refused = await checkFirmware(server.uri, current, access());
    expect(refused).toMatchObject({ ok: false, error: { code: 'answer-too-large' } });
  });

  test('announces too much is not read at all', async () => {
    const refused = await checked((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 65_537 });
      response.flushHeaders();
    });
    expect(refused).toMatchObject({
      ok: false,
      error: { code: 'answer-too-large', message: expect.stringContaining('65537 octets are announced') },
    });
  });

  test('announces more than it sends is found out', async () => {
    const refused = await checked((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 });
      response.write(offerJson('590002', 5), () => response.destroy());
    });
    expect(refused).toMatchObject({
      ok: false,
      error: { code: 'connection-lost', message: expect.stringContaining('of 1000') },
    });
  });

  test('announces another length than the octets that arrive is found out', async () => {
    const body = offerJson('590002', 5);
    for (const length of [body.length - 1, body.length + 1]) {
      const headers = { 'content-type': 'application/json', 'content-length': String(length) };
      const fetch = async () => new Response(body, { headers });
      const refused = await checkFirmware('https://fw.example.com', current, access({ fetch }));
      expect(refused).toMatchObject({ ok: false, error: { code: 'length-mismatch' } });
    }
  });

  test('is asked by somebody who changed his mind lets go', async () => {
    const server = await serving(() => {});
    const abort = new AbortController();
    const check = checkFirmware(server.uri, current, access({ signal: abort.signal }));
    await server.heard(1);
    abort.abort();
    expect(await check).toMatchObject({ ok: false, error: { code: 'interrupted' } });
    const again = await checkFirmware(server.uri, current, access({ signal: abort.signal }));
    expect(again).toMatchObject({ ok: false, error: { code: 'interrupted' } });
  });
});
