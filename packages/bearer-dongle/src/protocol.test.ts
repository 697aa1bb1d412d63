import { readFileSync } from 'node:fs';
import { fromHex, SeededRandom, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FrameReader, MESSAGE_MAX } from './frame.ts';
import {
  decodeMessage,
  encodeCancel,
  encodeHello,
  encodeReset,
  encodeSend,
  encodeSubscribe,
  encodeSync,
} from './messages.ts';
import { noCompiler, PROTOCOL, playScript } from './testing/firmware.ts';

/** The lines of a fenced block of PROTOCOL.md. */
function block(name: string): string[] {
  const [, text = ''] = new RegExp(`\`\`\`${name}\\n([^\`]*)\`\`\``).exec(PROTOCOL) ?? [];
  return text.split('\n').filter((line) => line !== '');
}

const lines = block('frames');
/** Name, message and frame of each example. */
const examples = lines.flatMap((line, i) => {
  const [, name, message] = /^([A-Z]+) +([0-9a-f]+)$/.exec(line) ?? [];
  return name === undefined ? [] : [{ name, message: message!, frame: lines[i + 1]!.trim() }];
});
const exampleOf = (name: string) => examples.find((example) => example.name === name)?.message;

function read(stream: Uint8Array): string[] {
  const found: string[] = [];
  const reader = new FrameReader({
    message: (octets) => void found.push(`message ${toHex(octets)}`),
    bad: () => void found.push('bad'),
  });
  reader.push(stream);
  return found;
}

it('the document and the firmware are published with the package', () => {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { files: string[] };
  expect(manifest.files).toContain('firmware');
});

describe('the examples of PROTOCOL.md', () => {
  it.each(examples)('$name is framed so', ({ message, frame }) => {
    expect(toHex(encodeFrame(fromHex(message)))).toBe(frame);
    expect(read(fromHex(frame))).toEqual([`message ${message}`]);
  });

  it('are what the driver says', () => {
    const said = {
      HELLO: encodeHello(0x04030201),
      SEND: encodeSend({
        id: 0x1234,
        count: 3,
        intervalUs: 20_000,
        delayUs: 10_000,
        earliestUs: 0,
        channels: 7,
        power: 127,
        data: fromHex('152a68eca487516765b5e5bfdacbaf6cb7fb6bff871f'),
      }),
      CANCEL: encodeCancel(0x1234),
      SUBSCRIBE: encodeSubscribe(1, [0x29, 0x2a, 0x2b]),
      SYNC: encodeSync(7),
      RESET: encodeReset(0),
    };
    for (const [name, message] of Object.entries(said)) expect([name, toHex(message)]).toEqual([name, exampleOf(name)]);
  });

  it('are what the driver understands', () => {
    const understood = examples.map(({ message }) => decodeMessage(fromHex(message))).filter(({ ok }) => ok);
    expect(understood.map((result) => result.ok && result.value)).toMatchObject([
      {
        nonce: 0x04030201,
        timeUs: 1e6,
        info: { version: '1.2.3', queue: 32, types: 16, eventUs: 1578, name: 'script' },
      },
      { id: 0x1234, outcome: 0, copies: 3, startUs: 1_000_300, endUs: 1_051_000 },
      { timeUs: 1_100_000, channel: 38, rssi: -40, isRandomAddress: true },
      { token: 7, timeUs: 1_200_000, subscription: 1, heardLost: 0, radioLost: 0, badFrames: 2, ids: [0x1234] },
      { major: 1, minor: 0, reason: 0 },
      { heardLost: 5, radioLost: 1 },
      { code: 1, about: 0 },
    ]);
  });
});

describe.skipIf(noCompiler)('the core in C', () => {
  it('frames the examples as the document says', () => {
    const answers = playScript(examples.map(({ message }) => `frame ${message}`));
    expect(answers).toEqual(examples.map(({ frame }) => `frame ${frame}`));
  });

  it('plays the session of the document', () => {
    const session = block('session');
    const isInput = (line: string) => /^(seed|>|at|heard) /.test(line);
    expect(playScript(session.filter(isInput))).toEqual(session.filter((line) => !isInput(line)));
  });

  it('has the same frames as the driver, whole, damaged and cut', () => {
    const random = new SeededRandom(`${process.env.MESHFERRY_SEED}/codec`);
    const script: string[] = [];
    const expected: string[] = [];
    for (let i = 0; i < 10_000; i++) {
      const message = random.bytes(1 + (random.uint32() % MESSAGE_MAX));
      if (i % 2 === 0) message.fill(0, random.uint32() % message.length);
      const frame = encodeFrame(message);
      const spoilt = concatDamaged(frame, random);
      script.push(`frame ${toHex(message)}`, `unframe ${toHex(spoilt)}`);
      expected.push(`frame ${toHex(frame)}`, ...read(spoilt));
    }
    expect(playScript(script)).toEqual(expected);
  });
});

/** Frames one after the other, some of them damaged, then a whole one. */
function concatDamaged(frame: Uint8Array, random: SeededRandom): Uint8Array {
  const changed = frame.slice();
  changed[random.uint32() % changed.length]! ^= 1 << (random.uint32() % 8);
  const cut = frame.subarray(0, random.uint32() % frame.length);
  return new Uint8Array([...changed, ...cut, ...random.bytes(random.uint32() % 20), ...frame]);
}
