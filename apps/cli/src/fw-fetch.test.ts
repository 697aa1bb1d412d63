import { existsSync, readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { SeededRandom, toHex } from '@meshferry/core';
import { demoSigningKey, generateSigningKey, type MadeFirmware, writeFirmwareArchive } from '@meshferry/firmware';
import { afterAll, describe, expect, test } from 'vitest';
import { makeSelfSigned } from './archive/self-signed.ts';
import { firmware, meshferry, temporaryFolder } from './testing/cli.ts';
import { withServer } from './testing/http-server.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const OLD = '59000100000000000000';
const demo = folder.write('demo.pub.pem', pem(demoSigningKey().publicKey.spki));
const other = folder.write('other.pub.pem', pem(generateSigningKey(new SeededRandom('o'), 'o').publicKey.spki));

/** Serves a firmware as an archive, or `body` in its place. */
function serving(made: MadeFirmware, body = writeFirmwareArchive({ imageFile: 'app.bin', ...made })): RequestListener {
  return (request, response) => {
    if (request.url?.startsWith('/get')) return void response.end(body);
    const offer = {
      firmware_id: toHex(made.firmwareId),
      dfu_chain_size: 1,
      firmware_image_file_size: made.image.length,
    };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ manifest: { firmware: offer } }));
  };
}

function fetchTo(name: string, uri: string, ...argv: string[]) {
  const out = join(folder.path, name);
  return meshferry(['fw', 'fetch', uri, '--fwid', OLD, '--out', out, '--json', ...argv]);
}

describe('fw fetch', () => {
  test('takes an image that is signed by one of the keys, and tells how far it is', async () => {
    const made = await firmware(40_000);
    const outcome = await withServer(serving(made), (uri) =>
      fetchTo('signed.tar.gz', uri, '--key', other, '--key', demo),
    );
    expect(outcome).toMatchObject({ exit: 0, result: { ok: true, kind: 'archive' } });
    expect(outcome.result.warnings).toEqual([expect.stringContaining('sample key')]);
    const steps = outcome.events.filter(({ step }) => step === 'fetching');
    const { size } = outcome.result;
    expect(steps[0]).toEqual({ type: 'progress', step: 'fetching', received: 0, total: size });
    expect(steps.at(-1)).toEqual({ type: 'progress', step: 'fetching', received: size, total: size });
    expect(readFileSync(join(folder.path, 'signed.tar.gz'))).toHaveLength(size);
  });

  test('tells people what there is to know', async () => {
    const made = await firmware(700);
    const out = join(folder.path, 'text.tar.gz');
    const { stdout } = await withServer(serving(made), (uri) =>
      meshferry(['fw', 'fetch', uri, '--fwid', OLD, '--out', out]),
    );
    expect(stdout).toMatch(/note: app\.bin is signed with the sample key meshferry-demo/);
  });

  test.each<[string, (made: MadeFirmware) => Promise<Uint8Array> | Uint8Array, string[], string]>([
    ['signed by another', (made) => made.zip, ['--key', other], 'key-unknown'],
    ['with a wrong signature', (made) => changedArchive(made, made.image.length - 8), [], 'signature-invalid'],
    ['that is damaged', (made) => changedArchive(made, 600), [], 'corrupt-image'],
    ['that is another one', async () => (await firmware(701)).zip, [], 'image-size-mismatch'],
  ])('refuses an image %s, and writes no file', async (_, body, argv, code) => {
    const made = await firmware(700);
    const archive = await body(made);
    const outcome = await withServer(serving(made, archive), (uri) => fetchTo('refused', uri, ...argv));
    expect(outcome).toMatchObject({ exit: 1, result: { ok: false, error: { code, hint: expect.any(String) } } });
    expect(existsSync(join(folder.path, 'refused'))).toBe(false);
  });

  test('refuses a key that is none before it asks anybody', async () => {
    const outcome = await fetchTo('refused', 'https://fw.example.com', '--key', folder.write('no.pem', 'x'));
    expect(outcome).toMatchObject({ exit: 2, result: { error: { code: 'bad-key' } } });
  });

  test.each<[string, number, string]>([
    ['has expired', Date.now() - 60 * 86_400_000, 'expired'],
    ['is not valid yet', Date.now() + 60 * 86_400_000, 'not yet valid'],
  ])('refuses a certificate that %s, though it is trusted', async (_, now, why) => {
    const identity = makeSelfSigned('127.0.0.1', now);
    const ca = folder.write('time.pem', identity.cert);
    const answer = serving(await firmware(700));
    const outcome = await withServer(answer, (uri) => fetchTo('refused', uri, '--ca', ca), identity);
    expect(outcome).toMatchObject({
      exit: 1,
      result: { error: { code: 'certificate-refused', message: expect.stringContaining(why) } },
    });
  });
});

describe('fw check --chain', () => {
  const ids = ['59000100000000000000', '59000200000000000000', '59000300000000000000', '59000400000000000000'];
  const chain: RequestListener = (request, response) => {
    const at = ids.indexOf(/cfwid=(\w+)/.exec(request.url ?? '')?.[1] ?? '');
    const next = ids[at + 1];
    if (next === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'application/json' });
    const offer = { firmware_id: next, dfu_chain_size: ids.length - 1 - at, firmware_image_file_size: 1000 * (at + 1) };
    response.end(JSON.stringify({ manifest: { firmware: offer } }));
  };

  test('lists every update to the newest', async () => {
    const [json, text, none] = await withServer(chain, async (uri) => [
      await meshferry(['fw', 'check', uri, '--fwid', ids[0]!, '--chain', '--json']),
      await meshferry(['fw', 'check', uri, '--fwid', ids[0]!, '--chain']),
      await meshferry(['fw', 'check', uri, '--fwid', ids[3]!, '--chain']),
    ]);
    expect(json).toMatchObject({ exit: 0, result: { ok: true, newer: { firmwareId: ids[1], chainSize: 3 } } });
    expect(json!.result.chain.map(({ firmwareId }: { firmwareId: string }) => firmwareId)).toEqual(ids.slice(1));
    expect(text!.stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^1 +2\.0\.0 +5900020/),
      expect.stringMatching(/^2 +3\.0\.0 +5900030/),
      expect.stringMatching(/^3 +4\.0\.0 +5900040/),
    ]);
    expect([none!.exit, none!.stdout]).toEqual([0, expect.stringContaining('nothing newer than 4.0.0')]);
  });

  test('fails for a chain that comes back', async () => {
    const loop: RequestListener = (request, response) =>
      chain(Object.assign(request, { url: request.url?.replace(ids[2]!, ids[0]!) }), response);
    const outcome = await withServer(loop, (uri) =>
      meshferry(['fw', 'check', uri, '--fwid', ids[0]!, '--chain', '--json']),
    );
    expect(outcome).toMatchObject({ exit: 1, result: { ok: false, error: { code: 'chain-loops' } } });
  });
});

/** An archive whose image has one octet changed. */
function changedArchive(made: MadeFirmware, at: number): Uint8Array {
  const image = made.image.slice();
  image[at]! ^= 1;
  return writeFirmwareArchive({ imageFile: 'app.bin', ...made, image });
}

function pem(spki: Uint8Array): string {
  return `-----BEGIN PUBLIC KEY-----\n${Buffer.from(spki).toString('base64')}\n-----END PUBLIC KEY-----\n`;
}
