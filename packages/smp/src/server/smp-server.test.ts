import { fromHex, MeshError, toHex } from '@meshferry/core';
import { describe, expect, test } from 'vitest';
import { encodeMap } from '../cbor.ts';
import { Echo, McumgrParameters, OsInfo } from '../messages/os.ts';
import { StatisticsRead } from '../messages/statistics.ts';
import { encodePacket } from '../packet.ts';
import { Bench } from './testing/bench.ts';

/** A request as hex, and the answers as hex. */
function hexes(bench: Bench, ...requests: readonly string[]): string[] {
  return bench.exchange(...requests.map(fromHex)).map(toHex);
}

const ECHO = '0a00000500000900a161646178';
const ECHOED = '0b00000600000900bf61726178ff';

describe('what a request gets before its handler', () => {
  test.for([
    ['shorter than a header', '0a0000', []],
    ['a length that does not fit', '0a00000900000900a1616461', ['0b00000600000900bf62726309ff']],
    [
      'a length that does not fit, and an op that is none',
      '0e00000900000900a1616461',
      ['0b00000600000900bf62726309ff'],
    ],
    ['a response', '0b00000500000900a161646178', ['0b00000600000900bf62726308ff']],
    ['op 7', '0f00000500000900a161646178', ['0b00000600000900bf62726308ff']],
    ['version 2', '1200000500000900a161646178', ['0b00000600000900bf6272630dff']],
    ['version 3, unknown group', '18000001004d0900a0', ['09000006004d0900bf6272630dff']],
    ['an unknown group', '08000001004d0900a0', ['09000006004d0900bf62726308ff']],
    ['reserved bits and flags', 'eaff000500000900a161646178', [ECHOED]],
    ['up to 7 octets behind it', `${ECHO}00000000000000`, [ECHOED]],
    ['several packets', ECHO + ECHO, [ECHOED, ECHOED]],
    ['an error of the SMP layer ends the message', `08000001004d0900a0${ECHO}`, ['09000006004d0900bf62726308ff']],
    ['a packet cut short behind a whole one', `${ECHO}0a00000500000a00a1`, [ECHOED, '0b00000600000a00bf62726309ff']],
    ['more than a buffer', `0a0005dc00000900${'00'.repeat(1500)}`, []],
  ] as const)('%s', ([, request, answers]) => {
    expect(hexes(new Bench(), request)).toEqual(answers);
  });

  test('a map that goes on behind the length field is read all the same', () => {
    expect(hexes(new Bench(), '0a00000100000900a161646178')).toEqual([ECHOED]);
  });
});

describe('versions', () => {
  test('v1 gets the old codes', () => {
    const bench = new Bench();
    expect(hexes(bench, '0000000a00000b07a166666f726d61746151')).toEqual(['0100000600000b07bf62726303ff']);
    bench.version = 0;
    expect(bench.code(StatisticsRead, { name: 'nope' })).toBe(5);
  });

  test('a server without v1 refuses it', () => {
    expect(hexes(new Bench({ protocol: 'v2' }), '0200000500000900a161646178')).toEqual([
      '0300000600000900bf6272630cff',
    ]);
  });

  test('an old server answers every version in v1', () => {
    const bench = new Bench({ protocol: 'v1' });
    expect(hexes(bench, ECHO)).toEqual([`03${ECHOED.slice(2)}`]);
    expect(hexes(bench, `12${ECHO.slice(2)}`)).toEqual([`03${ECHOED.slice(2)}`]);
    expect(bench.code(StatisticsRead, { name: 'nope' })).toBe(5);
  });

  test('a code that v1 has no number for sends what stood in the buffer on 3.4.99, nothing else', () => {
    const bench = new Bench({ personality: 'zephyr-3.4.99' });
    const [echoed] = bench.exchange(fromHex(`02${ECHO.slice(2)}`));
    bench.version = 0;
    expect(bench.exchange(bench.packet(StatisticsRead, { name: 'nope' }))).toEqual([echoed!.slice(0, 8)]);
    expect(bench.exchange(bench.packet(StatisticsRead, { name: 'nope' }))).toEqual([echoed!.slice(0, 8)]);
    expect(hexes(bench, ECHO)).toEqual([ECHOED]);
  });

  test('on a fresh device nothing stood there', () => {
    const bench = new Bench({ personality: 'zephyr-3.4.99' });
    bench.version = 0;
    expect(bench.exchange(bench.packet(StatisticsRead, { name: 'nope' }))).toEqual([new Uint8Array(8)]);
  });
});

describe('buffers', () => {
  const echoes = (count: number) =>
    Array.from({ length: count }, (_, i) => `0a0000050000${(16 + i).toString(16)}00a161646178`);

  test('are told, and shared by requests and answers', () => {
    const bench = new Bench({ buffers: { size: 512, count: 3 } });
    expect(bench.value(McumgrParameters, {})).toEqual({ bufSize: 512, bufCount: 3 });
    expect(hexes(bench, ...echoes(2))).toHaveLength(2);
    // The first finds no buffer for its answer, which gives one back; the fourth was never heard.
    expect(hexes(bench, ...echoes(4))).toEqual([
      '0b00000600001000bf62726302ff',
      '0b00000600001100bf61726178ff',
      '0b00000600001200bf61726178ff',
    ]);
    expect(hexes(bench, ...echoes(2))).toHaveLength(2);
  });

  test('with one only every answer is "no memory"', () => {
    expect(hexes(new Bench({ buffers: { size: 512, count: 1 } }), ECHO)).toEqual(['0b00000600000900bf62726302ff']);
  });

  test('an answer that does not fit is rc 7', () => {
    const bench = new Bench({ buffers: { size: 60, count: 4 } });
    const text = 'x'.repeat(45);
    expect(bench.code(Echo, { d: text })).toBe(0);
    expect(bench.code(OsInfo, { format: 'snrvmpio' })).toBe(7);
  });

  test('of a serial line a packet cannot use length and CRC', () => {
    const bench = new Bench({ buffers: { size: ECHO.length / 2 + 3, count: 4 } });
    expect(hexes(bench, ECHO)).toEqual([ECHOED]);
    Object.assign(bench.link, { bufferOverhead: 4 });
    expect(hexes(bench, ECHO)).toEqual([]);
  });

  test('of a link that ended come back', () => {
    const bench = new Bench();
    for (let i = 0; i < 3; i++) bench.link.put(fromHex(ECHO));
    bench.link.end(new MeshError('link-lost', 'gone'));
    bench.link = bench.connect();
    bench.link.put(fromHex(ECHO));
    bench.clock.advance(10);
    expect(bench.link.sent.map(toHex)).toEqual([ECHOED]);
    expect(hexes(bench, ECHO, ECHO, ECHO)).toHaveLength(3);
  });
});

describe('order and time', () => {
  test('requests of all links are carried out one after the other', () => {
    const bench = new Bench({ timing: { request: 10 } });
    const other = bench.connect();
    bench.link.put(fromHex(ECHO));
    other.put(fromHex(ECHO));
    bench.clock.advance(15);
    expect([bench.link.sent.length, other.sent.length]).toEqual([1, 0]);
    bench.clock.advance(10);
    expect(other.sent.map(toHex)).toEqual([ECHOED]);
  });

  test('a stopped server answers nothing, takes nobody, and starts with empty hands', () => {
    const bench = new Bench({ timing: { request: 10 } });
    bench.link.put(fromHex(ECHO));
    bench.server.stop();
    expect(bench.link.closed).toBe(true);
    const refused = bench.connect();
    expect(refused.closed).toBe(true);
    bench.clock.advance(100);
    bench.server.start();
    bench.server.start();
    bench.clock.advance(100);
    expect(bench.link.sent).toEqual([]);
    bench.link = bench.connect();
    expect(hexes(bench, ECHO)).toEqual([ECHOED]);
  });
});

test('an application adds commands of its own, and replaces usual ones', () => {
  const bench = new Bench({
    handlers: [
      { group: 64, command: 3, op: 0, run: () => ({ kind: 'map', map: new Map([['x', 1]]) }) },
      { group: 0, command: 0, op: 2, run: () => ({ kind: 'error', error: { rc: 256, rsn: 'closed' } }) },
    ],
    verboseErrors: true,
  });
  const request = encodePacket({ op: 0, version: 1, group: 64, sequence: 1, command: 3 }, encodeMap(new Map()));
  expect(hexes(bench, toHex(request))).toEqual(['0900000500400103bf617801ff']);
  const answer = bench.ask(Echo, { d: '' });
  expect(answer).toMatchObject({ error: { refusal: { layer: 'smp', code: 256, rsn: 'closed' } } });
});

test('serial recovery has a buffer of its own for the answer', () => {
  const bench = new Bench({ personality: 'serial-recovery', buffers: { size: 512, count: 1 } });
  expect(hexes(bench, ECHO, ECHO)).toEqual([ECHOED]);
});
