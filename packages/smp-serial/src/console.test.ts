import { readFileSync } from 'node:fs';
import { concat, fromHex, SeededRandom, toHex, utf8 } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONSOLE_LINE, CONSOLE_PACKET_MAX, ConsoleReader, crc16, encodeConsoleLines } from './index.ts';

interface Vectors {
  readonly crc16: readonly { input: string; crc: string }[];
  readonly serial: {
    readonly exchanges: readonly {
      name: string;
      packet?: string;
      frames: string[];
      responseFrames?: string[];
      response: string | null;
    }[];
  };
  readonly serialEncode: readonly { packet: string; maxLine: number; lines: string[] }[];
}

const vectors = JSON.parse(readFileSync(new URL('./vectors/serial.json', import.meta.url), 'utf8')) as Vectors;

type Exchange = Vectors['serial']['exchanges'][number];
const answered = vectors.serial.exchanges.filter(
  (exchange): exchange is Required<Exchange> => exchange.packet !== undefined && exchange.responseFrames !== undefined,
);
const unanswered = vectors.serial.exchanges.filter(({ response }) => response === null);

/** What a reader finds in pieces of a stream. */
function read(...pieces: readonly Uint8Array[]): { packets: string[]; dropped: string[] } {
  const [packets, dropped]: [string[], string[]] = [[], []];
  const reader = new ConsoleReader({
    packet: (packet) => packets.push(toHex(packet)),
    dropped: (reason) => dropped.push(reason),
  });
  for (const piece of pieces) reader.push(piece);
  return { packets, dropped };
}

const ascii = (text: string) => utf8(text);
const linesOf = (packet: Uint8Array, maxLine = CONSOLE_LINE, isEven = false) =>
  encodeConsoleLines(packet, { maxLine, isEven });
const wholeOf = (packet: Uint8Array) => concat(...linesOf(packet));
const packetOf = (length: number, seed = length) => new SeededRandom(seed).bytes(length);

describe('the vectors', () => {
  it.each(vectors.crc16)('CRC of $input', ({ input, crc }) => {
    expect(crc16(fromHex(input)).toString(16).padStart(4, '0')).toBe(crc);
    expect(crc16(fromHex(input + crc))).toBe(0);
  });

  it.each(vectors.serialEncode.map((vector, i) => ({ ...vector, i })))(
    'lines of packet $i, $maxLine octets each',
    ({ packet, maxLine, lines }) => {
      expect(linesOf(fromHex(packet), maxLine).map(toHex)).toEqual(lines);
      expect(read(...lines.map(fromHex))).toEqual({ packets: [packet], dropped: [] });
    },
  );

  it.each(answered)('$name, as recorded', ({ name, packet, frames, responseFrames, response }) => {
    const maxLine = name.includes('(32)') ? 32 : CONSOLE_LINE;
    expect(linesOf(fromHex(packet), maxLine).map(toHex)).toEqual(frames);
    expect(read(...frames.map(fromHex)).packets).toEqual([packet]);
    expect(read(...responseFrames.map(fromHex))).toEqual({ packets: [response], dropped: [] });
  });

  it.each(unanswered)('$name, which no server answered', ({ frames }) => {
    expect(read(...frames.map(fromHex))).toEqual({ packets: [], dropped: [expect.any(String)] });
  });

  it('all recorded responses, one octet at a time, with the shell between them', () => {
    const prompt = ascii('\r\nuart:~$ ');
    const all = answered.flatMap(({ responseFrames }) => [prompt, ...responseFrames.map(fromHex)]);
    const octets = [...concat(...all)].map((octet) => Uint8Array.of(octet));
    expect(read(...octets).packets).toEqual(answered.map(({ response }) => response));
  });
});

describe('lines', () => {
  it('are no longer than a receiver takes', () => {
    for (const length of [8, 89, 90, 91, 92, 93, 94, 500, 2475]) {
      const lines = linesOf(packetOf(length));
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(CONSOLE_LINE);
      expect(read(...lines).packets).toEqual([toHex(packetOf(length))]);
    }
  });

  it('can be even: as many of them, none much shorter', () => {
    for (let length = 180; length < 3000; length++) {
      const [usual, even] = [linesOf(new Uint8Array(length)), linesOf(new Uint8Array(length), CONSOLE_LINE, true)];
      expect(even.length).toBe(usual.length);
      const lengths = even.map((line) => line.length);
      expect(Math.max(...lengths)).toBeLessThanOrEqual(CONSOLE_LINE);
      expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(4);
    }
  });

  it('carry the longest packet, and none that is longer', () => {
    const longest = new Uint8Array(CONSOLE_PACKET_MAX).fill(7);
    expect(read(wholeOf(longest)).packets).toEqual([toHex(longest)]);
    expect(() => linesOf(new Uint8Array(CONSOLE_PACKET_MAX + 1))).toThrow(
      expect.objectContaining({ code: 'packet-too-long' }),
    );
  });
});

describe('a console', () => {
  const packet = packetOf(150);
  const [first, second] = linesOf(packet) as [Uint8Array, Uint8Array];
  const found = [toHex(packet)];

  it('may say anything around and between lines', () => {
    const log = ascii('[00:00:01.000,000] <inf> mcuboot: \u0006 ok\u0004\r\nuart:~$ ');
    expect(read(log, first, log, second, log).packets).toEqual(found);
    expect(read(ascii('uart:~$ '), wholeOf(packet)).packets).toEqual(found);
  });

  it('may end lines with CR LF', () => {
    const [crLf1, crLf2] = [first, second].map((line) => concat(line.subarray(0, -1), ascii('\r\n')));
    expect(read(crLf1!, crLf2!).packets).toEqual(found);
  });

  it('may lose a newline: the next marker ends the line', () => {
    expect(read(first.subarray(0, -1), second).packets).toEqual(found);
  });

  it('may begin a frame anew, after any part of one', () => {
    for (let cut = 0; cut < first.length + second.length; cut++) {
      expect(read(concat(first, second).subarray(0, cut), first, second).packets).toEqual(found);
    }
  });

  it('may pad each line, or end lines within a group', () => {
    const frame = Buffer.from(concat(first.subarray(2, -1), second.subarray(2, -1)).slice()).toString();
    for (let cut = 1; cut < 40; cut++) {
      const joined = `\u0006\u0009${frame.slice(0, cut)}\n\u0004\u0014${frame.slice(cut)}\n`;
      expect(read(ascii(joined)).packets).toEqual(found);
      const octets = Buffer.from(frame, 'base64');
      const base64 = (part: Uint8Array) => Buffer.from(part).toString('base64');
      const padded = `\u0006\u0009${base64(octets.subarray(0, cut))}\n\u0004\u0014${base64(octets.subarray(cut))}\n`;
      expect(read(ascii(padded)).packets).toEqual(found);
    }
  });

  it.each([
    ['a further line without a first one', [second], 'a line that goes on with nothing'],
    ['a character that is no base64', [ascii('\u0006\u0009AB*D\n')], 'an octet that is no base64'],
    ['text in the middle of a line', [first.subarray(0, 30), ascii('<err> oops\n')], 'an octet that is no base64'],
    ['padding where none can be', [ascii('\u0006\u0009A===\n')], 'an octet that is no base64'],
    ['something after the padding', [ascii('\u0006\u0009AAI=AAAA\n')], 'an octet that is no base64'],
    ['something after a carriage return', [ascii('\u0006\u0009AAAA\rAAAA\n')], 'an octet that is no base64'],
    ['a length that does not even hold the CRC', [ascii('\u0006\u0009AAEA\n')], 'a length below that of the CRC'],
    ['more than the length says', [ascii('\u0006\u0009AAIAAAAA\n')], 'more octets than the length says'],
    ['a wrong CRC', [ascii('\u0006\u0009AAIAAQ==\n')], 'the CRC is wrong'],
    ['an octet of a marker', [first.subarray(0, 30), ascii('\u0006A\n')], 'an octet that is no base64'],
  ])('with %s drops that alone', (_name, pieces, reason) => {
    const { packets, dropped } = read(...pieces, first, second);
    expect(packets).toEqual(found);
    expect(dropped).toContain(reason);
  });

  it('that never ends a line costs no more memory than the longest frame', () => {
    const endless = new Uint8Array(1_000_000).fill(0x41);
    const { packets } = read(first.subarray(0, 30), endless, ascii('\n'), first, second);
    expect(packets).toEqual(found);
  });

  it('is forgotten when it is opened anew', () => {
    const packets: Uint8Array[] = [];
    const reader = new ConsoleReader({ packet: (each) => packets.push(each) });
    reader.push(first);
    reader.reset();
    reader.push(second);
    expect(packets).toEqual([]);
    reader.push(wholeOf(packet));
    expect(packets).toHaveLength(1);
  });
});

describe('properties', () => {
  const anyPacket = fc.uint8Array({ maxLength: 700 });
  const maxLine = fc.integer({ min: 7, max: 300 });
  const isEven = fc.boolean();
  const text = fc.string({ maxLength: 40 }).map((each) => ascii(each).filter((octet) => octet !== 4 && octet !== 6));
  const cuts = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 });

  const cutUp = (octets: Uint8Array, lengths: readonly number[]) => {
    const pieces: Uint8Array[] = [];
    for (let at = 0, i = 0; at < octets.length; i++) {
      const length = lengths[i % lengths.length]!;
      pieces.push(octets.subarray(at, at + length));
      at += length;
    }
    return pieces;
  };

  it('what is written is read, cut anywhere, with text between lines', () => {
    const one = fc.tuple(anyPacket, maxLine, isEven, text);
    fc.assert(
      fc.property(fc.array(one, { maxLength: 4 }), cuts, (packets, lengths) => {
        const stream = packets.flatMap(([packet, max, even, between]) =>
          linesOf(packet, max, even).flatMap((line) => [between, line]),
        );
        const pieces = cutUp(concat(...stream), lengths);
        expect(read(...pieces).packets).toEqual(packets.map(([packet]) => toHex(packet)));
      }),
      { numRuns: 10_000 },
    );
  });

  it('any octets are taken, and the next frame is read', () => {
    const likeLines = fc.array(fc.constantFrom(0x06, 0x09, 0x04, 0x14, 0x0a, 0x0d, 0x3d, 0x41, 0x42, 0x2f, 0xff));
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      likeLines.map((octets) => Uint8Array.from(octets)),
    );
    fc.assert(
      fc.property(noise, anyPacket, cuts, (octets, packet, lengths) => {
        const pieces = cutUp(concat(octets, wholeOf(packet)), lengths);
        expect(read(...pieces).packets.at(-1)).toBe(toHex(packet));
      }),
      { numRuns: 10_000 },
    );
  });

  it('a changed octet is noticed, and the next frame is read', () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 300 }), anyPacket, change, (packet, next, [at, xor]) => {
        const octets = wholeOf(packet);
        octets[at % octets.length]! ^= xor;
        const { packets } = read(octets, wholeOf(next));
        expect([1, 2]).toContain(packets.length);
        expect(packets.at(-1)).toBe(toHex(next));
        if (packets.length === 2) expect(packets[0]).toBe(toHex(packet));
      }),
      { numRuns: 10_000 },
    );
  });
});
