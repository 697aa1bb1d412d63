import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { concat, toHex, utf8 } from '@meshferry/core';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { type CaptureKeys, captureKeysOf, knowledgeOf } from './capture/capture-keys.ts';
import { captureLines } from './capture/capture-reader.ts';
import { CaptureWriter } from './capture/capture-writer.ts';
import { Stop } from './shell/exit.ts';
import { temporaryFolder } from './testing/cli.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const key = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(toHex);
const index = fc.nat(0xfff);
const keys: fc.Arbitrary<CaptureKeys> = fc.record({
  ivIndex: fc.nat(),
  ivIndexesSeen: fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { maxLength: 3 }),
  netKeys: fc.array(fc.record({ index, key }), { maxLength: 3 }),
  appKeys: fc.array(fc.record({ index, key, boundNetKey: index }, { requiredKeys: ['index', 'key'] }), {
    maxLength: 3,
  }),
  devKeys: fc.array(fc.record({ addr: fc.option(fc.integer({ min: 1, max: 0x7fff })), key }), { maxLength: 3 }),
  labelUUIDs: fc.array(key, { maxLength: 2 }),
});
const event = fc.record({
  t: fc.integer({ min: 0, max: 2 ** 40 }),
  device: fc.nat(0xffff),
  type: fc.constantFrom(0x16, 0x29, 0x2a, 0x2b),
  data: fc.uint8Array({ maxLength: 29 }),
});

/** What a person may have given by mistake ends the command with a reason, and nothing else. */
function refusedOr<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof Stop && /^bad-(capture|keys)$/.test(thrown.error.code)) return undefined;
    throw thrown;
  }
}

describe('a capture', () => {
  test.each(['jsonl', 'jsonl.gz', 'pcap'])('.%s holds every event that was written', (format) => {
    const events = fc.sample(event, 10_000);
    const path = join(folder.path, `events.${format}`);
    const writer = new CaptureWriter(path, { ivIndex: 0, netKeys: [], appKeys: [], devKeys: [] });
    for (const each of events) writer.add(each);
    writer.close();
    const read = [...captureLines(new Uint8Array(readFileSync(path)), path)];
    expect(read).toEqual(events.map(({ device, ...rest }, i) => ({ line: i + 1, d: device, ...rest })));
  });

  test('of any octets is read or refused', () => {
    const member = fc.oneof(
      fc.string(),
      fc.nat(),
      fc.constantFrom('2a0d10', '0', 'in', null),
      fc.uint8Array().map(toHex),
    );
    const line = fc.record(
      {
        t: fc.oneof(fc.nat(), member),
        d: member,
        ad: fc.oneof(fc.nat(255), member),
        p: member,
        adv: member,
        gatt: member,
      },
      { requiredKeys: [] },
    );
    const lines = fc.array(
      fc.oneof(
        line.map((json) => JSON.stringify(json)),
        fc.json(),
      ),
      { maxLength: 3 },
    );
    const text = lines.map((all) => utf8(all.join('\n')));
    const gzip = fc.tuple(text, fc.nat(), fc.nat(255)).map(([plain, at, octet]) => {
      const packed = new Uint8Array(gzipSync(plain, { level: 1 }));
      packed[at % packed.length] = octet;
      return packed;
    });
    const octets = fc.oneof(
      { weight: 4, arbitrary: text },
      { weight: 4, arbitrary: fc.uint8Array({ maxLength: 60 }) },
      { weight: 1, arbitrary: gzip },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((tail) => concat(Uint8Array.of(0x1f, 0x8b), tail)) },
    );
    fc.assert(
      fc.property(octets, (file) => {
        refusedOr(() => [...captureLines(file, 'x.jsonl')]);
      }),
    );
  });
});

describe('the keys of a capture', () => {
  test('are read as they were written', () => {
    fc.assert(
      fc.property(keys, (value) => {
        const read = captureKeysOf(JSON.stringify(value), 'x.keys.json');
        expect(read).toEqual(value);
        expect(knowledgeOf(read).netKeys.map((each) => toHex(each.key))).toEqual(value.netKeys.map((each) => each.key));
      }),
    );
  });

  test('of any text are keys or refused, without showing one', () => {
    const damaged = fc
      .tuple(keys, fc.constantFrom('ivIndex', 'netKeys', 'appKeys', 'devKeys', 'labelUUIDs'), fc.jsonValue())
      .map(([value, name, other]) => JSON.stringify({ ...value, [name]: other }));
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), damaged), (text) => {
        refusedOr(() => captureKeysOf(text, 'x.keys.json'));
      }),
    );
  });
});
