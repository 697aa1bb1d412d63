import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { answerRequest } from './archive/answer.ts';
import { makeSelfSigned } from './archive/self-signed.ts';
import { firmware, type Json, meshferry, type Outcome, temporaryFolder } from './testing/cli.ts';
import { withServer } from './testing/http-server.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const OLD = '59000100000000000000';
const version = (major: number) => ({ major, minor: 0, revision: 0, build: 0 });

/** A folder with version 2 and 3, a file that is none, and version 9 of another product. */
async function releases(): Promise<string> {
  const path = join(folder.path, 'releases');
  if (existsSync(path)) return path;
  mkdirSync(join(path, 'lamp 2'), { recursive: true });
  writeFileSync(join(path, 'two.zip'), (await firmware(700)).zip);
  writeFileSync(join(path, 'three.zip'), (await firmware(900, { version: version(3) })).zip);
  writeFileSync(join(path, 'notes.txt'), 'hello');
  writeFileSync(join(path, '.hidden'), 'hello');
  writeFileSync(join(path, 'lamp 2', 'nine.zip'), (await firmware(500, { version: version(9) })).zip);
  return path;
}

/** `fw serve` until `ask` is done: what that gave, and how the server ended. */
async function whileServing<T>(argv: readonly string[], ask: (uri: string) => Promise<T>): Promise<[T, Outcome]> {
  let done = false;
  let listening: (uri: string) => void = () => {};
  const started = new Promise<string>((resolve) => {
    listening = resolve;
  });
  const outcome = meshferry(['fw', 'serve', ...argv, '--port', '0', '--json'], {
    interruptWhen: (stdout) => {
      listening(/"uri":"([^"]+)"/.exec(stdout)?.[1] ?? '');
      return done;
    },
  });
  const uri = await Promise.race([
    started,
    outcome.then(({ stdout, stderr }) => Promise.reject(new Error(stdout + stderr))),
  ]);
  const value = await ask(uri);
  done = true;
  // One more request: the server looks whether it was interrupted when it writes.
  await meshferry(['fw', 'check', uri, '--fwid', OLD, '--allow-http', ...trust(argv)]);
  return [value, await outcome];
}

function trust(argv: readonly string[]): string[] {
  const at = argv.findIndex((word) => word === '--self-signed' || word === '--cert');
  return at < 0 ? [] : ['--ca', argv[at + 1]!];
}

const offer = JSON.stringify({
  manifest: { firmware: { firmware_id: '59000200000000000000', dfu_chain_size: 2, firmware_image_file_size: 9 } },
});

/** Offers version 2 and does `get` for its fetch. */
const offering =
  (get: RequestListener): RequestListener =>
  (request, response) => {
    if (!request.url?.startsWith('/check')) return get(request, response);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(offer);
  };

describe('fw serve, fw check and fw fetch', () => {
  test('from a folder of packages to an updated node', async () => {
    const out = join(folder.path, 'fetched.tar.gz');
    const [ends, served] = await whileServing([await releases()], async (uri) => [
      await meshferry(['fw', 'check', uri, '--fwid', OLD, '--json']),
      await meshferry(['fw', 'fetch', `${uri}/`, '--fwid', OLD, '--out', out, '--json']),
      await meshferry(['fw', 'fetch', uri, '--fwid', OLD, '--out', join(folder.path, 'text.tar.gz')]),
      await meshferry(['fw', 'check', `${uri}/lamp%202`, '--fwid', OLD]),
    ]);
    const [check, fetch, text, product] = ends as [Outcome, Outcome, Outcome, Outcome];
    const newer = {
      firmwareId: '59000300000000000000',
      imageSize: (await firmware(900, { version: version(3) })).image.length,
      chainSize: 1,
    };
    expect(check).toMatchObject({ exit: 0, result: { ok: true, current: OLD, newer } });
    expect(fetch).toMatchObject({ exit: 0, result: { ok: true, file: out, kind: 'archive', newer } });
    expect(fetch.events[0]).toMatchObject({ type: 'progress', step: 'offered' });
    expect(text.exit).toBe(0);
    expect(text.stdout).toMatch(/newer +3\.0\.0 +5900030{14}\n/);
    expect(product.stdout).toContain('9.0.0');
    expect(served).toMatchObject({ exit: 0, result: { ok: true } });
    expect(served.events[0]).toMatchObject({
      type: 'listening',
      releases: [{ file: 'lamp 2/nine.zip' }, { file: 'three.zip', version: '3.0.0+0' }, { file: 'two.zip' }],
      skipped: [{ file: 'notes.txt' }],
    });
    expect(served.events[1]).toMatchObject({
      type: 'request',
      method: 'GET',
      status: 200,
      firmwareId: newer.firmwareId,
    });
    const inspected = await meshferry(['fw', 'inspect', out, '--json']);
    expect(inspected.result).toMatchObject({ ok: true, kind: 'archive', inconsistencies: [] });
    expect((await meshferry(['fw', 'inspect', out])).stdout).toContain('firmware archive');
    const updated = await meshferry(['dfu', 'run', out, '--bearer', 'sim:targets=1,radio=ideal', '--json']);
    expect(updated).toMatchObject({ exit: 0, result: { targets: [{ firmwareIdAfter: newer.firmwareId }] } });
  });

  test('with a file that cannot be written, and two packages of one Firmware ID', async () => {
    const twins = join(folder.path, 'twins');
    mkdirSync(twins);
    for (const name of ['a.zip', 'b.zip']) writeFileSync(join(twins, name), (await firmware(400)).zip);
    const [fetch, served] = await whileServing([twins], (uri) =>
      meshferry(['fw', 'fetch', uri, '--fwid', OLD, '--out', join(folder.path, 'no', 'such', 'f'), '--json']),
    );
    expect(fetch).toMatchObject({ exit: 2, result: { ok: false, error: { code: 'cannot-write' } } });
    expect(served.events[0]).toMatchObject({ releases: [{ file: 'a.zip' }], skipped: [{ file: 'b.zip' }] });
  });

  test('from a folder with links to builds; a link to nowhere is passed over', async () => {
    const links = join(folder.path, 'links');
    mkdirSync(links);
    symlinkSync(folder.write('build.zip', (await firmware(400)).zip), join(links, 'latest.zip'));
    symlinkSync(join(folder.path, 'gone.zip'), join(links, 'broken.zip'));
    const [check, served] = await whileServing([links], (uri) =>
      meshferry(['fw', 'check', uri, '--fwid', OLD, '--json']),
    );
    expect(check.result.newer.firmwareId).toBe('59000200000000000000');
    expect(served.events[0]).toMatchObject({ releases: [{ file: 'latest.zip' }], skipped: [] });
  });

  test('with nothing newer', async () => {
    const out = join(folder.path, 'none.tar.gz');
    const [ends] = await whileServing([await releases()], async (uri) => [
      await meshferry(['fw', 'check', uri, '--fwid', '59000300000000000000', '--json']),
      await meshferry(['fw', 'check', uri, '--fwid', '4c000100000000000000']),
      await meshferry(['fw', 'check', `${uri}/nowhere`, '--fwid', OLD]),
      await meshferry(['fw', 'fetch', uri, '--fwid', '590003000000', '--out', out, '--json']),
    ]);
    const [newest, company, product, fetch] = ends as [Outcome, Outcome, Outcome, Outcome];
    expect(newest).toMatchObject({ exit: 0, result: { ok: true, newer: null } });
    for (const { exit, stdout } of [company, product]) expect([exit, stdout.split(' ')[0]]).toEqual([0, 'nothing']);
    expect(fetch).toMatchObject({ exit: 1, result: { ok: false, error: { code: 'no-newer-firmware' } } });
    expect(existsSync(out)).toBe(false);
  });

  test('over https: a certificate that nobody trusts, one for another host, and one that is given', async () => {
    const ca = join(folder.path, 'archive.pem');
    const [ends] = await whileServing([await releases(), '--self-signed', ca], async (uri) => [
      await meshferry(['fw', 'check', uri, '--fwid', OLD, '--json']),
      await meshferry(['fw', 'check', uri.replace('127.0.0.1', 'localhost'), '--fwid', OLD, '--ca', ca, '--json']),
      await meshferry(['fw', 'check', uri, '--fwid', OLD, '--ca', ca, '--json']),
    ]);
    const [untrusted, wrongName, trusted] = ends as [Outcome, Outcome, Outcome];
    for (const refused of [untrusted, wrongName]) {
      expect(refused).toMatchObject({
        exit: 1,
        result: { ok: false, error: { code: 'certificate-refused', hint: expect.stringContaining('--ca') } },
      });
    }
    expect(trusted).toMatchObject({ exit: 0, result: { newer: { firmwareId: '59000300000000000000' } } });
  });

  test('over https with a certificate of one’s own', async () => {
    const { cert, key } = makeSelfSigned('127.0.0.1', Date.now());
    const files = { cert: folder.write('own.pem', cert), key: folder.write('own.key.pem', key) };
    const [check] = await whileServing([await releases(), '--cert', files.cert, '--key', files.key], (uri) =>
      meshferry(['fw', 'check', uri, '--fwid', OLD, '--ca', files.cert]),
    );
    expect(check.exit).toBe(0);
  });
});

describe('a server that', () => {
  const fetch = (uri: string, ...more: string[]) =>
    meshferry(['fw', 'fetch', uri, '--fwid', OLD, '--out', join(folder.path, 'never'), '--json', ...more]);

  test.each<[string, RequestListener, string[], string, number]>([
    ['never answers', () => {}, ['--timeout', '0.2'], 'server-timeout', 1],
    ['never sends the archive', offering(() => {}), ['--timeout', '0.5'], 'server-timeout', 1],
    ['answers with a page', (_, response) => response.end('<html>'), [], 'bad-answer', 1],
    ['fails', (_, response) => response.writeHead(500).end(), [], 'server-error', 1],
    ['sends no archive', offering((_, response) => response.end('hello')), [], 'unknown-archive', 1],
    [
      'sends too much',
      offering((_, response) => response.end('x'.repeat(2000))),
      ['--max-size', '1k'],
      'answer-too-large',
      1,
    ],
    [
      'sends less than it says',
      offering((_, response) => {
        response.writeHead(200, { 'content-length': 1000 });
        response.write('x', () => response.destroy());
      }),
      [],
      'connection-lost',
      1,
    ],
    [
      'redirects in a circle',
      (request, response) => response.writeHead(302, { location: request.url }).end(),
      [],
      'redirect-loop',
      1,
    ],
    [
      'redirects to a host that is not allowed',
      (_, response) => response.writeHead(302, { location: 'https://elsewhere.example/' }).end(),
      ['--allow-host', '127.0.0.1'],
      'host-not-allowed',
      2,
    ],
    [
      'is not allowed itself',
      () => {},
      ['--allow-host', 'fw.example.com', '--allow-host', '*.example.net'],
      'host-not-allowed',
      2,
    ],
  ])('%s: an error with a remedy, and no file', async (_, answer, argv, code, exit) => {
    const outcome = await withServer(answer, (uri) => fetch(uri, ...argv));
    expect(outcome).toMatchObject({ exit, result: { ok: false, error: { code, hint: expect.any(String) } } });
    expect(existsSync(join(folder.path, 'never'))).toBe(false);
  });

  test('is not there', async () => {
    const uri = await withServer(
      () => {},
      async (uri) => uri,
    );
    expect(await fetch(uri)).toMatchObject({ exit: 1, result: { error: { code: 'server-unreachable' } } });
  });

  test('stands still is left with Ctrl-C', async () => {
    const argv = ['--fwid', OLD, '--out', join(folder.path, 'never'), '--json'];
    const outcome = await withServer(
      offering(() => {}),
      (uri) => meshferry(['fw', 'fetch', uri, ...argv], { interruptWhen: (stdout) => stdout.includes('offered') }),
    );
    expect(outcome).toMatchObject({ exit: 130, result: { ok: false, error: { code: 'interrupted' } } });
  });

  test('offers the first of several updates: people are told', async () => {
    const outcome = await withServer(
      offering(() => {}),
      (uri) => meshferry(['fw', 'check', uri, '--fwid', OLD]),
    );
    expect(outcome.stdout).toContain('2 to the newest: when this one is applied, check again');
  });
});

describe('what is typed', () => {
  test.each([
    ['fw check http://fw.example.com --fwid 590001', 'http'],
    ['fw check fw.example.com --fwid 590001', 'no absolute URI'],
    ['fw check https://fw.example.com --fwid 59', 'a Firmware ID has 2 to 108 octets'],
    ['fw check https://fw.example.com --fwid xy', 'not a hex string'],
    ['fw check https://fw.example.com --fwid 590001 --allow-host a/b', 'not a host'],
    ['fw check https://fw.example.com --fwid 590001 --timeout 0', 'not a time in seconds'],
    ['fw check https://fw.example.com --fwid 590001 --ca nowhere.pem', 'there is no certificate file'],
    ['fw check https://fw.example.com --fwid 590001 --ca empty/a.txt', 'holds no certificate'],
    ['fw fetch https://fw.example.com --fwid 590001 --out f --max-size 0', 'not a size'],
    ['fw serve nowhere', 'nowhere cannot be read'],
    ['fw serve . --port 70000', 'not a port'],
    ['fw serve . --host 0.0.0.0', 'can be reached by others'],
    ['fw serve . --cert a', 'https needs --cert and --key'],
    ['fw serve empty', 'holds no package that can be served; a.txt'],
    ['fw serve one --cert one/a.zip --key one/a.zip --port 0', 'certificate and key cannot be used'],
    ['fw serve one --host 203.0.113.1 --allow-http', 'cannot listen on 203.0.113.1'],
    ['fw serve one --self-signed no/such/folder', 'cannot write'],
  ])('%s: refused with exit code 2', async (line, message) => {
    for (const name of ['empty', 'one']) mkdirSync(join(folder.path, name), { recursive: true });
    writeFileSync(join(folder.path, 'empty', 'a.txt'), 'hello');
    writeFileSync(join(folder.path, 'one', 'a.zip'), (await firmware(300)).zip);
    const { exit, stderr } = await meshferry(line.split(' '), { cwd: folder.path });
    expect([exit, stderr]).toEqual([2, expect.stringContaining(message)]);
    expect(stderr.trimEnd().split('\n')).toHaveLength(2);
  });
});

describe('the archive server', () => {
  test.each([
    ['POST', '/check?cfwid=590001', 405],
    ['GET', '/', 404],
    ['GET', '/a/b/check?cfwid=590001', 400],
    ['GET', '/check', 400],
    ['GET', '/check?cfwid=5', 400],
    ['GET', '/check?cfwid=590001&x=1', 400],
    ['GET', '/%ff/check?cfwid=590001', 400],
    ['GET', '/get?cfwid=590001', 404],
  ])('answers %s %s with %i', (method, target, status) => {
    expect(answerRequest([], method, target).status).toBe(status);
  });

  test('says how long an archive is without sending it, and cuts off long requests', async () => {
    const [answers, served] = await whileServing([await releases()], async (uri) => {
      const head = await fetch(`${uri}/get?cfwid=${OLD}`, { method: 'HEAD' });
      const long = await fetch(`${uri}/${'a'.repeat(9000)}`);
      const post = await fetch(`${uri}/get`, { method: 'POST', body: 'x'.repeat(1000) });
      return { head, long: long.status, post: post.status, length: (await head.arrayBuffer()).byteLength };
    });
    const release = served.events[0].releases.find(({ file }: Json) => file === 'three.zip');
    expect(answers.head.headers.get('content-length')).toBe(String(release.archiveSize));
    expect(answers.head.headers.get('content-type')).toBe('application/gzip');
    expect(answers).toMatchObject({ long: 431, post: 405, length: 0 });
  });

  test.each(['127.0.0.1', '2001:db8::7', '::1', 'fw.example.com'])('makes a certificate for %s alone', (host) => {
    const { cert, key } = makeSelfSigned(host, Date.UTC(2026, 0, 10));
    const read = new X509Certificate(cert);
    expect(read.verify(read.publicKey)).toBe(true);
    expect(host.includes('example') ? read.checkHost(host) : read.checkIP(host)).toBe(host);
    expect(read.checkHost('localhost')).toBeUndefined();
    expect([read.validFrom, read.validTo]).toEqual(['Jan  9 00:00:00 2026 GMT', 'Feb  9 00:00:00 2026 GMT']);
    expect(key).toContain('BEGIN PRIVATE KEY');
  });
});
