import { fromHex, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FrameReader } from './frame.ts';
import {
  BOOT,
  type DongleMessage,
  decodeMessage,
  ERROR,
  encodeCancel,
  encodeHello,
  encodeReset,
  encodeSend,
  encodeSubscribe,
  encodeSync,
  HEARD,
  INFO,
  LOST,
  REPORT,
  type Send,
  STATE,
} from './messages.ts';
import { noCompiler, playScript } from './testing/firmware.ts';

const say = (message: Uint8Array) => `> ${toHex(encodeFrame(message))}`;
const HELLO = say(encodeHello(1));
const data = Uint8Array.of(3, 0x2a, 1, 2);
const send = (id: number, more: Partial<Send> = {}) => {
  const usual = { id, count: 1, intervalUs: 20_000, delayUs: 0, earliestUs: 0, channels: 7, power: 127, data };
  return say(encodeSend({ ...usual, ...more }));
};
/** Of three packets of four octets, and the pauses between them. */
const EVENT_US = 3 * 160 + 2 * 150;

interface Event {
  readonly start: number;
  readonly end: number;
  readonly channels: number;
  readonly power: number;
  readonly address: string;
  readonly data: string;
}

/** What the core said and sent in a script. */
function play(...lines: string[]) {
  const output = playScript(lines);
  const messages: DongleMessage[] = [];
  const reader = new FrameReader({
    message: (octets) => {
      const decoded = decodeMessage(octets);
      if (!decoded.ok) throw decoded.error;
      messages.push(decoded.value);
    },
    bad: () => {
      throw new Error('the core wrote no frame');
    },
  });
  for (const line of output) if (line.startsWith('< ')) reader.push(fromHex(line.slice(2)));
  const air = output.flatMap((line): Event[] => {
    const [kind, start, end, channels, power, address = '', octets = ''] = line.split(' ');
    if (kind !== 'air') return [];
    return [
      {
        start: Number(start),
        end: Number(end),
        channels: Number(channels),
        power: Number(power),
        address,
        data: octets,
      },
    ];
  });
  const of = <T extends DongleMessage['type']>(type: T) =>
    messages.filter((message): message is DongleMessage & { type: T } => message.type === type);
  return { output, air, messages, of };
}

describe.skipIf(noCompiler)('the core of the firmware', () => {
  it('sends copies at the interval and a random delay of 0 to 10 ms', () => {
    const { air, of } = play(HELLO, send(1, { count: 255, delayUs: 10_000 }), 'at 10000000');
    const gaps = air.slice(1).map(({ start }, i) => start - air[i]!.start);
    expect(air).toHaveLength(255);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(20_000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(30_000);
    expect(gaps.filter((gap) => gap < 22_000).length).toBeGreaterThan(25);
    expect(gaps.filter((gap) => gap > 28_000).length).toBeGreaterThan(25);
    expect(air.every(({ end, start }) => end - start === EVENT_US)).toBe(true);
    const report = { id: 1, outcome: 0, copies: 255, startUs: air[0]!.start, endUs: air[254]!.end };
    expect(of(REPORT)).toEqual([expect.objectContaining(report)]);
  });

  it('starts SENDs in their order, one event at a time, and lets copies that are due go first', () => {
    const sends = Array.from({ length: 20 }, (_, i) => send(i + 1, { count: 2, data: Uint8Array.of(2, 0x2a, i) }));
    const { air, of } = play(HELLO, ...sends, 'at 200000');
    const numbers = air.map((event) => fromHex(event.data)[2]!);
    expect(numbers.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(air).toHaveLength(40);
    for (const [i, event] of air.slice(1).entries()) expect(event.start).toBeGreaterThanOrEqual(air[i]!.end + 150);
    expect(of(REPORT).map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    const late = play(
      HELLO,
      send(1, { count: 2, intervalUs: 1000 }),
      send(2, { count: 30, intervalUs: 900 }),
      'at 10000',
    );
    expect(late.of(REPORT)[0]).toMatchObject({ id: 1, copies: 2 });
  });

  it('waits for the earliest time, and starts exactly then', () => {
    const { air } = play(HELLO, send(1, { earliestUs: 500_000 }), send(2), 'at 1000000');
    expect(air.map(({ start }) => start)).toEqual([0, 500_000]);
  });

  it('uses channels and power as told, and another non-resolvable address for each SEND', () => {
    const sends = Array.from({ length: 30 }, (_, i) => send(i + 1, { channels: 1 + (i % 7), power: i % 9, count: 2 }));
    const { air } = play(HELLO, ...sends, 'at 100000');
    expect(new Set(air.map(({ address }) => address)).size).toBe(30);
    expect(air.every(({ address }) => fromHex(address)[5]! < 0x40)).toBe(true);
    expect(air.slice(0, 3).map(({ channels, power, end, start }) => [channels, power, end - start])).toEqual([
      [1, 0, 160],
      [2, 1, 160],
      [3, 2, 470],
    ]);
  });

  it('takes as many SENDs as it said, reports each once, and has room again then', () => {
    const sends = Array.from({ length: 34 }, (_, i) => send(i + 1));
    const { of } = play(HELLO, ...sends, 'at 100000', send(40), 'at 200000');
    const outcomes = of(REPORT).map(({ id, outcome }) => [id, outcome]);
    expect(outcomes.slice(0, 2)).toEqual([
      [33, 2],
      [34, 2],
    ]);
    expect(outcomes.slice(2)).toEqual([...Array.from({ length: 32 }, (_, i) => i + 1), 40].map((id) => [id, 0]));
    expect(of(INFO)[0]?.info.queue).toBe(32);
  });

  it('refuses what is out of range, and an id that is in use', () => {
    const bad: Partial<Send>[] = [
      { count: 0 },
      { channels: 0 },
      { channels: 8 },
      { intervalUs: 10_485_761 },
      { earliestUs: 10_000_001 },
      { data: new Uint8Array(0) },
      { data: new Uint8Array(32) },
    ];
    const refused = play(HELLO, ...bad.map((more, i) => send(i + 1, more)), 'at 20000000');
    expect(refused.of(REPORT).map(({ outcome, copies }) => [outcome, copies])).toEqual(bad.map(() => [3, 0]));
    expect(refused.air).toEqual([]);
    const twice = play(HELLO, send(1, { count: 2 }), send(1), 'at 100000');
    expect(twice.of(ERROR)).toEqual([{ type: ERROR, code: 4, about: 2 }]);
    expect(twice.of(REPORT)).toHaveLength(1);
    const tooManyTypes = say(
      encodeSubscribe(
        1,
        Array.from({ length: 17 }, (_, i) => i),
      ),
    );
    expect(play(HELLO, tooManyTypes, say(encodeReset(3))).of(ERROR)).toEqual([
      { type: ERROR, code: 4, about: 4 },
      { type: ERROR, code: 4, about: 6 },
    ]);
  });

  it('cancels what waits at once, what is on air after this event, and knows nothing of what is reported', () => {
    const cancel = (id: number) => say(encodeCancel(id));
    const script = [
      HELLO,
      send(1, { count: 3 }),
      send(2, { count: 3 }),
      'at 100',
      cancel(1),
      cancel(2),
      'at 90000',
      cancel(1),
    ];
    const { of, air } = play(...script, 'at 100000');
    expect(of(REPORT)).toMatchObject([
      { id: 2, outcome: 1, copies: 0, startUs: 0, endUs: 0 },
      { id: 1, outcome: 1, copies: 1 },
    ]);
    expect(air).toHaveLength(1);
    const last = play(HELLO, send(1), 'at 100', cancel(1), 'at 10000');
    expect(last.of(REPORT)).toMatchObject([{ outcome: 0, copies: 1 }]);
  });

  it('hears what is subscribed to, anywhere in the advertising data, and nothing else', () => {
    const packet = (ad: string) => `heard 5 39 -70 0102030405c6 ${ad}`;
    const packets = ['032a0102', '0201060329aabb', '032c0102', '00032a0102', '052a0102', '', '2a'].map(packet);
    const { of } = play(HELLO, say(encodeSubscribe(1, [0x29, 0x2a])), ...packets);
    expect(of(HEARD).map((heard) => toHex(heard.data))).toEqual(['032a0102', '0201060329aabb']);
    expect(of(HEARD)[0]).toMatchObject({ timeUs: 5, channel: 39, rssi: -70, isRandomAddress: true });
    expect(play(HELLO, say(encodeSubscribe(1, undefined)), ...packets).of(HEARD)).toHaveLength(7);
    expect(play(HELLO, ...packets).of(HEARD)).toEqual([]);
  });

  it('listens only while somebody wants to hear', () => {
    const { output } = play(
      HELLO,
      say(encodeSubscribe(1, [0x2a])),
      say(encodeSubscribe(2, [])),
      say(encodeSubscribe(3, [1])),
      HELLO,
    );
    expect(output.filter((line) => line.startsWith('listen'))).toEqual([
      'listen 1',
      'listen 0',
      'listen 1',
      'listen 0',
    ]);
  });

  it('drops what it hears when the line is full, counts it, and loses no report', () => {
    const packets = Array.from({ length: 10 }, () => 'heard 5 37 -70 0102030405c6 032a0102');
    const sends = Array.from({ length: 10 }, (_, i) => send(i + 1));
    const script = [HELLO, say(encodeSubscribe(1, [0x2a])), 'room 500', ...packets, 'room 40', ...sends, 'at 50000'];
    const full = play(...script);
    const heard = full.of(HEARD).length;
    expect([heard > 0, heard < 10]).toEqual([true, true]);
    expect(full.of(REPORT).length).toBeLessThan(10);
    const again = play(...script, 'room 10000', say(encodeSync(9)));
    expect(again.of(REPORT)).toHaveLength(10);
    expect(again.of(LOST).at(-1)).toEqual({ type: LOST, heardLost: 10 - heard, radioLost: 0 });
    expect(again.of(STATE)).toMatchObject([{ token: 9, heardLost: 10 - heard, ids: [] }]);
  });

  it('tells of packets that the radio could not keep', () => {
    expect(play(HELLO, 'missed 3', 'missed 4').of(LOST)).toMatchObject([{ radioLost: 3 }, { radioLost: 7 }]);
  });

  it('says in STATE what is under way, which subscription it has, and how many frames were bad', () => {
    const sync = say(encodeSync(0xfedcba98));
    const bad = `> 00${toHex(encodeFrame(encodeSync(1))).slice(2, -4)}00`;
    const { of } = play(
      HELLO,
      say(encodeSubscribe(7, [1])),
      send(5, { count: 3 }),
      send(6, { count: 3 }),
      bad,
      'at 30000',
      sync,
    );
    expect(of(STATE)).toMatchObject([
      { token: 0xfedcba98, timeUs: 30_000, subscription: 7, badFrames: 1, ids: [5, 6] },
    ]);
    expect(of(ERROR)).toEqual([{ type: ERROR, code: 1, about: 0 }]);
  });

  it('begins anew with HELLO: queue, subscription and counters', () => {
    const { of, air } = play(
      HELLO,
      send(1, { count: 5 }),
      'at 100',
      say(encodeHello(2)),
      'at 100000',
      say(encodeSync(1)),
    );
    expect(air).toHaveLength(1);
    expect(of(REPORT)).toEqual([]);
    expect(of(INFO).map(({ nonce }) => nonce)).toEqual([1, 2]);
    expect(of(STATE)).toMatchObject([{ subscription: 0, badFrames: 0, ids: [] }]);
  });

  it('stays closed without HELLO, for another version, after RESET, and when the host is silent for 10 s', () => {
    const foreign = encodeHello(3);
    foreign[5] = 2;
    const closed = { type: ERROR, code: 5, about: 5 };
    const sync = say(encodeSync(1));
    expect(play(sync).messages).toEqual([expect.objectContaining({ type: BOOT, reason: 0 }), closed]);
    expect(play(say(foreign), sync).messages).toEqual([expect.objectContaining({ nonce: 3 }), closed]);
    expect(play(HELLO, say(encodeReset(0)), sync).messages.at(-1)).toEqual(closed);
    expect(play(HELLO, 'at 9999999', sync).messages.at(-1)).toMatchObject({ type: STATE });
    expect(play(HELLO, 'at 10000000', sync).messages.at(-1)).toEqual(closed);
  });

  it('restarts and starts the bootloader when told to', () => {
    const { output } = play(HELLO, say(encodeReset(1)), say(encodeReset(2)));
    expect(output.filter((line) => line.startsWith('restart'))).toEqual(['restart 1', 'restart 2']);
  });

  it('says what it does not understand', () => {
    const unknown = say(Uint8Array.of(0x7f));
    const short = say(Uint8Array.of(0x02, 1));
    const long = say(Uint8Array.of(0x05, 1, 2, 3, 4, 5));
    expect(play(HELLO, unknown, short, long).of(ERROR)).toEqual([
      { type: ERROR, code: 2, about: 0x7f },
      { type: ERROR, code: 3, about: 2 },
      { type: ERROR, code: 3, about: 5 },
    ]);
  });

  it('survives garbage, half frames and a full line, under the sanitizers', () => {
    expect(playScript([`fuzz ${process.env.MESHFERRY_SEED} 200000`])).toEqual(['survived 200000']);
  });
});
