import { fromHex, type MeshError, type Result, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import type { OobFirmware, OobVerdict } from '@meshferry/dfu';
import { type FetchFunction, type FetchResponse, writeFirmwareArchive } from '@meshferry/firmware';
import { describe, expect, it } from 'vitest';
import { httpsRetriever } from './https-retriever.ts';

const CURRENT = fromHex('59000100000000000000');
const NEW = fromHex('59000200000000000000');
const IMAGE = Uint8Array.from({ length: 3000 }, (_, i) => (i * 13) & 0xff);
const METADATA = Uint8Array.of(1, 2, 3);
const URI = 'https://fw.example.com/lamp';
const REQUEST = { uri: URI, current: CURRENT };
const OFFER = { firmwareId: NEW, size: IMAGE.length };
const ARCHIVE = writeFirmwareArchive({ imageFile: 'app.bin', image: IMAGE, metadata: METADATA, firmwareId: NEW });

type Answer = (url: string, signal: AbortSignal) => FetchResponse | Promise<FetchResponse>;

function answer(status: number, body: string | Uint8Array = ''): FetchResponse {
  const type = typeof body === 'string' ? 'application/json' : 'application/gzip';
  const headers = { 'content-type': type, 'content-length': String(body.length) };
  return new Response(body as BodyInit, { status, headers });
}

function offering(size = IMAGE.length): FetchResponse {
  const firmware = { firmware_id: '59000200000000000000', dfu_chain_size: 2, firmware_image_file_size: size };
  return answer(200, JSON.stringify({ manifest: { firmware } }));
}

function retriever(serve: Answer, allowHttp = false) {
  const fetch: FetchFunction = async (url, { signal }) => serve(url, signal);
  return httpsRetriever({ access: { fetch, clock: new VirtualClock(), allowHttp }, crypto: portableCrypto });
}

const check = (serve: Answer, request = REQUEST): Promise<OobVerdict> =>
  new Promise((resolve) => void retriever(serve).check(request, resolve));

const get = (serve: Answer, percents: number[] = []): Promise<Result<OobFirmware, MeshError>> =>
  new Promise((resolve) => {
    retriever(serve).fetch(REQUEST, OFFER, (percent) => percents.push(percent), resolve);
  });

describe('httpsRetriever', () => {
  it('lists https, and http only where that is allowed', () => {
    expect(retriever(() => answer(404)).schemes).toEqual(['https']);
    expect(retriever(() => answer(404), true).schemes).toEqual(['https', 'http']);
  });

  it('checks with the current Firmware ID, and gives the offer', async () => {
    const urls: string[] = [];
    const verdict = await check((url) => {
      urls.push(url);
      return offering();
    });
    expect(urls).toEqual([`${URI}/check?cfwid=59000100000000000000`]);
    expect(verdict).toEqual({ offer: OFFER });
  });

  it.each([
    ['nothing newer', 'nothing-newer', () => answer(404)],
    ['a failure of the server', 'unreachable', () => answer(500)],
    ['no JSON', 'unreachable', () => answer(200, 'hello')],
    ['no network', 'unreachable', () => Promise.reject(new Error('no route'))],
  ] as const)('says %s: %s', async (_, refuse, serve) => {
    expect(await check(serve)).toEqual({ refuse });
  });

  it.each([
    ['https://fw.example.com/lamp?x=1', 'malformed'],
    ['http://fw.example.com/lamp', 'not-supported'],
    ['ftp://fw.example.com/lamp', 'not-supported'],
  ])('asks nobody for %s: %s', async (uri, refuse) => {
    expect(await check(() => Promise.reject(new Error('asked')), { uri, current: CURRENT })).toEqual({ refuse });
  });

  it('fetches what was offered, and tells how far it is', async () => {
    const percents: number[] = [];
    const fetched = await get((url) => {
      expect(url).toBe(`${URI}/get?cfwid=59000100000000000000`);
      return answer(200, ARCHIVE);
    }, percents);
    expect(fetched).toMatchObject({ ok: true, value: { firmwareId: NEW, metadata: METADATA, image: IMAGE } });
    expect(percents[0]).toBe(0);
    expect(percents.at(-1)).toBe(100);
  });

  it('fails when the archive is not what was offered, damaged, or gone', async () => {
    const other = writeFirmwareArchive({ imageFile: 'a', image: IMAGE, metadata: METADATA, firmwareId: CURRENT });
    const codes: (string | undefined)[] = [];
    for (const serve of [() => answer(200, other), () => answer(200, ARCHIVE.subarray(0, 99)), () => answer(404)]) {
      const fetched = await get(serve);
      codes.push(fetched.ok ? undefined : fetched.error.code);
    }
    expect(codes).toEqual(['firmware-id-mismatch', 'archive-damaged', 'no-newer-firmware']);
  });

  it('says nothing any more when it is cancelled, and lets go of the connection', async () => {
    const heard: unknown[] = [];
    const signals: AbortSignal[] = [];
    const serve: Answer = (_, signal) => {
      signals.push(signal);
      return new Promise(() => {});
    };
    const stops = [
      retriever(serve).check(REQUEST, (verdict) => heard.push(verdict)),
      retriever(serve).fetch(
        REQUEST,
        OFFER,
        () => {},
        (outcome) => heard.push(outcome),
      ),
    ];
    for (const stop of stops) stop();
    await new Promise((resolve) => setImmediate(resolve));
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(heard).toEqual([]);
  });
});
