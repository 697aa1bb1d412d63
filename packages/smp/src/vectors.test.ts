import { readFileSync } from 'node:fs';
import { fromHex, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { type CborMap, type CborValue, decodeMap, encodeIndefiniteMap, encodeMap } from './cbor.ts';
import { decodeHeader, decodePacket, decodePackets, encodePacket } from './packet.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
interface Header {
  op: number;
  version: number;
  flags: number;
  length: number;
  group: number;
  sequence: number;
  command: number;
}
interface Vectors {
  headers: { name: string; hex: string; decoded: Header }[];
  invalidHeaders: { hex: string; reason: string }[];
  cborEncode: { name: string; hex: string; value: Json }[];
  cborDecode: { name: string; hex: string; value: Json }[];
  cborInvalid: { hex: string; reason: string }[];
  requests: (Omit<Header, 'flags' | 'length'> & { name: string; hex: string; payload: Json })[];
  recorded: { name: string; request: string; response: string; responseHeader: Header; responsePayload: Json }[];
}

const vectors = JSON.parse(readFileSync(new URL('./vectors/smp.json', import.meta.url), 'utf8')) as Vectors;

/** The value that the JSON of the vectors stands for; tags are left out, as the decoder does. */
function cborOf(json: Json): CborValue {
  if (Array.isArray(json)) return json.map(cborOf);
  if (json === null || typeof json !== 'object') return json;
  if (typeof json.$bytes === 'string') return fromHex(json.$bytes);
  if (json.$undefined === true) return undefined;
  if (json.$tag !== undefined) return cborOf(json.value as Json);
  return new Map(Object.entries(json).map(([key, value]) => [key, cborOf(value)]));
}

const mapOf = (json: Json): CborMap => cborOf(json) as CborMap;

describe('headers', () => {
  it.each(vectors.headers)('$name', ({ hex, decoded }) => {
    expect(decodeHeader(fromHex(hex))).toEqual(decoded);
    if (decoded.flags !== 0 || hex.startsWith('ea')) return;
    expect(toHex(encodePacket(decoded, new Uint8Array(decoded.length)).subarray(0, 8))).toBe(hex);
  });
  it.each(vectors.invalidHeaders)('none in $hex: $reason', ({ hex }) => {
    expect(decodePacket(fromHex(hex))).toMatchObject({ ok: false, error: { kind: 'too-short', offset: 0 } });
    expect(decodePackets(fromHex(hex))).toMatchObject({ packets: [], error: { kind: 'too-short' } });
  });
});

describe('CBOR', () => {
  it.each(vectors.cborEncode)('writes $name', ({ hex, value }) => {
    expect(toHex(encodeMap(mapOf(value)))).toBe(hex);
    expect(decodeMap(fromHex(hex), { unique: true })).toEqual({ ok: true, value: cborOf(value) });
  });
  it.each(vectors.cborDecode)('reads $name', ({ hex, value }) => {
    expect(decodeMap(fromHex(hex))).toEqual({ ok: true, value: cborOf(value) });
  });
  it.each(vectors.cborInvalid)('refuses $hex: $reason', ({ hex, reason }) => {
    // The vectors leave it open; Zephyr ignores octets after the map, and so do we.
    expect(decodeMap(fromHex(hex)).ok).toBe(reason.startsWith('octets after the map'));
  });
});

describe('recorded packets', () => {
  it.each(vectors.recorded)('$name: the request in definite, the answer in indefinite maps', (exchange) => {
    const request = decodePacket(fromHex(exchange.request));
    const response = decodePacket(fromHex(exchange.response));
    if (!request.ok || !response.ok) throw new Error('no packet');
    const asked = decodeMap(request.value.payload, { unique: true });
    const answered = decodeMap(response.value.payload);
    if (!asked.ok || !answered.ok) throw new Error('no map');
    expect(response.value.header).toEqual(exchange.responseHeader);
    expect(answered.value).toEqual(cborOf(exchange.responsePayload));
    expect(toHex(encodePacket(request.value.header, encodeMap(asked.value)))).toBe(exchange.request);
    expect(toHex(encodePacket(response.value.header, encodeIndefiniteMap(answered.value)))).toBe(exchange.response);
  });
});
