import { readFileSync } from 'node:fs';
import { fromHex } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMap, encodeMap } from './cbor.ts';
import { type AnySmpCommand, SMP_COMMANDS } from './commands.ts';
import { describePackets } from './describe.ts';
import { explainPacket } from './explain.ts';
import { ImageStateRead, ImageUpload } from './messages/image.ts';
import { decodePackets } from './packet.ts';

const { recorded } = JSON.parse(readFileSync(new URL('./vectors/smp.json', import.meta.url), 'utf8')) as {
  recorded: { request: string; response: string }[];
};
const packets = recorded.flatMap(({ request, response }) => [fromHex(request), fromHex(response)]);

/** Nothing of this may throw, whatever the octets are. */
function tryAll(octets: Uint8Array): void {
  for (const line of describePackets(octets)) if (line === '') throw new Error('an empty line');
  if (explainPacket(octets).text === '') throw new Error('no explanation');
  for (const { header, payload } of decodePackets(octets).packets) {
    if (payload.length !== header.length) throw new Error('a payload of another length');
    tryPayload(payload);
  }
}

/** Tries each fourth of the commands: which ones depends on the length. */
function tryPayload(payload: Uint8Array): void {
  for (let i = payload.length % 4; i < SMP_COMMANDS.length; i += 4) {
    const command = SMP_COMMANDS[i] as AnySmpCommand;
    command.decodeRequest(payload);
    const answer = command.decodeResponse(payload);
    // What a client takes it can also write: all of it is within bounds.
    if (answer.ok) command.encodeResponse(answer.value, { op: command.op, version: 1, sequence: 0 });
  }
}

describe('hostile octets never throw', () => {
  it('any', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), tryAll));
  });
  it('any as a payload', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), tryPayload));
  });
  it('recorded packets with a few octets changed, put in or taken out', () => {
    const change = fc.tuple(fc.constantFrom('set', 'insert', 'remove'), fc.nat(), fc.nat(255));
    fc.assert(
      fc.property(fc.constantFrom(...packets), fc.array(change, { minLength: 1, maxLength: 5 }), (packet, changes) => {
        const octets = [...packet];
        for (const [what, n, value] of changes) {
          const at = n % (octets.length + 1);
          if (what === 'set') octets[at] = value;
          else octets.splice(at, what === 'remove' ? 1 : 0, ...(what === 'insert' ? [value] : []));
        }
        tryAll(Uint8Array.from(octets));
        tryPayload(Uint8Array.from(octets.slice(8)));
      }),
    );
  });
});

describe('octets made to hurt', () => {
  const deep = (head: string, levels: number, end = ''): Uint8Array =>
    fromHex(`a16161${head.repeat(levels)}00${end.repeat(levels)}`);
  it.each([
    ['arrays', '81', ''],
    ['indefinite arrays', '9f', 'ff'],
    ['tags', 'c1', ''],
    ['maps as keys', 'bf00', 'ff'],
  ])('%s nested 16 deep are read, 17 and 20 000 deep refused', (_, head, end) => {
    expect(decodeMap(deep(head, 15, end)).ok).toBe(true);
    for (const levels of [16, 20_000]) {
      expect(decodeMap(deep(head, levels, end))).toMatchObject({
        ok: false,
        error: { reason: 'nested deeper than 16' },
      });
    }
  });
  it.each([
    ['an array of 2^64 − 1', 'a161619bffffffffffffffff'],
    ['a map of 2^32 − 1', 'baffffffff6161'],
    ['octets of 2^64 − 1', 'a161615bffffffffffffffff00'],
    ['a text of 4 GiB', 'a161617affffffff61'],
    ['a break for a value', 'a16161ff'],
    ['a break in a definite array', 'a1616182ff00'],
    ['a map that ends after a key', 'bf6161ff'],
    ['pieces of another kind', 'a161615f6161ff'],
    ['pieces in pieces', 'a161615f5f4101ffff'],
    ['pieces without an end', 'a161617f6161'],
    ['a tag on nothing', 'a16161c1'],
    ['an indefinite number', 'a161611f'],
    ['a simple value in a longer form than allowed', 'a16161f814'],
    ['a float cut short', 'a16161fb0000'],
  ])('%s is refused at its offset', (_, hex) => {
    const read = decodeMap(fromHex(hex));
    expect(read).toMatchObject({ ok: false, error: { offset: expect.any(Number), reason: expect.any(String) } });
  });
  it('what is legal and strange is read', () => {
    expect(decodeMap(fromHex('a36161e06162f8ff6163c1c2820102'))).toEqual({
      ok: true,
      value: new Map<string, unknown>([
        ['a', undefined],
        ['b', undefined],
        ['c', [1, 2]],
      ]),
    });
    // Text that is no UTF-8.
    expect(decodeMap(fromHex('a1616162fffe'))).toEqual({ ok: true, value: new Map([['a', '\ufffd\ufffd']]) });
  });
  it('a key that stands twice: the last counts, or it is refused', () => {
    const twice = fromHex('a2616101616102');
    expect(decodeMap(twice)).toEqual({ ok: true, value: new Map([['a', 2]]) });
    expect(decodeMap(twice, { unique: true })).toMatchObject({
      ok: false,
      error: { reason: expect.stringContaining('"a"') },
    });
  });
  it('65535 octets are read, 65536 are not', () => {
    const map = (size: number): Uint8Array => encodeMap(new Map([['d', new Uint8Array(size - 6)]]));
    expect(map(65_535).length).toBe(65_535);
    expect(decodeMap(map(65_535)).ok).toBe(true);
    expect(decodeMap(map(65_536))).toMatchObject({ ok: false, error: { reason: '65536 octets, at most 65535' } });
  });
  it('what was read does not change with the octets that it came from', () => {
    const octets = fromHex('a161644101');
    const read = decodeMap(octets);
    octets.fill(0xff);
    expect(read).toEqual({ ok: true, value: new Map([['d', Uint8Array.of(1)]]) });
  });
  it.each([
    ['rc as a text', 'a16272636138'],
    ['rc beyond 2^53', 'a16272631bffffffffffffffff'],
    ['err as a number', 'a16365727201'],
    ['err without rc', 'a163657272a16567726f757001'],
    ['err of a group below 0', 'a163657272a26567726f75702062726301'],
  ])('%s is malformed, not success', (_, hex) => {
    for (const command of [ImageUpload, ImageStateRead]) {
      expect(command.decodeResponse(fromHex(hex))).toMatchObject({
        ok: false,
        error: { kind: 'malformed', field: 'rc' },
      });
    }
  });
});
