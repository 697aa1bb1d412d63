import { concat, type Result, SeededRandom, utf8 } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildImage, type HexSegment, type IntelHex, parseIntelHex, readFirmwarePackage } from './index.ts';
import { must } from './testing/vectors.ts';

describe('Intel HEX', () => {
  test('gives the octets by address, whatever the order of the lines', () => {
    const blocks = fc.uniqueArray(
      fc.record({ index: fc.nat(0x4000), bytes: fc.uint8Array({ minLength: 1, maxLength: 16 }) }),
      { selector: ({ index }) => index, minLength: 1, maxLength: 20 },
    );
    fc.assert(
      fc.property(blocks, (parts) => {
        const lines = parts.flatMap(({ index, bytes }) => [linear(index * 16), data(index * 16, bytes)]);
        const found = new Map<number, number>();
        for (const { address, bytes } of parse(lines).segments) {
          for (const [i, octet] of bytes.entries()) found.set(address + i, octet);
        }
        const expected = new Map(parts.flatMap(({ index, bytes }) => [...bytes].map((b, i) => [index * 16 + i, b])));
        expect(new Map([...found].sort())).toEqual(new Map([...expected].sort()));
      }),
    );
  });

  test('is read or refused, with any characters in place of its own', () => {
    const file = text([linear(0x1000), data(0x10, [1, 2, 3, 4]), data(0x14, [5, 6]), record(5, 0, [0, 0, 0, 9])]);
    const hexText = fc.constantFrom(...Buffer.from(':0123456789ABCDEFabcdef\r\n '));
    const damage = fc.array(fc.tuple(fc.nat(file.length - 1), fc.oneof(hexText, fc.nat(255))), { maxLength: 5 });
    // Records with a right checksum, whatever they say, in any order.
    const any = fc.array(
      fc
        .tuple(fc.nat(6), fc.nat(0xffff), fc.uint8Array({ maxLength: 20 }))
        .map(([type, offset, octets]) => record(type, offset, octets)),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(damage, any, (octets, lines) => {
        const damaged = file.slice();
        for (const [at, octet] of octets) damaged[at] = octet;
        for (const bytes of [damaged, text(lines)]) {
          const parsed = parseIntelHex(bytes);
          if (!parsed.ok) expect(parsed.error.code).toBe('bad-hex-file');
        }
      }),
    );
  });

  test('joins adjacent records and keeps gaps', () => {
    const { segments } = parse([data(0x10, [1, 2]), data(0x20, [5]), data(0x12, [3, 4])]);
    expect(segments.map(plain)).toEqual([
      { address: 0x10, bytes: [1, 2, 3, 4] },
      { address: 0x20, bytes: [5] },
    ]);
  });

  test('knows extended segment and linear addresses, start records, blank lines and lower case', () => {
    const hex = parse([
      record(2, 0, [0x10, 0x00]),
      data(4, [1]),
      '',
      linear(0x1000_0000),
      data(4, [2]).toLowerCase(),
      record(5, 0, [0, 0, 0, 9]),
    ]);
    expect(hex.segments.map(plain)).toEqual([
      { address: 0x1_0004, bytes: [1] },
      { address: 0x1000_0004, bytes: [2] },
    ]);
    expect(hex.start).toEqual([5, Uint8Array.of(0, 0, 0, 9)]);
    expect(hex.recordTypes).toEqual({ 0: 2, 1: 1, 2: 1, 4: 1, 5: 1 });
  });

  test('takes the same octets twice, not two different ones', () => {
    expect(parse([data(0, [1, 2, 3]), data(1, [2])]).segments).toHaveLength(1);
    expect(outcome([data(0, [1, 2, 3]), data(1, [9])])).toMatch(/different contents at address 0x1/);
  });

  test.each<[string, string[], RegExp]>([
    ['a wrong checksum', [':0100000001FF'], /line 1: wrong checksum/],
    ['odd digits', [':0100000001F'], /odd number of digits/],
    ['a wrong length', [':0200000001FD'], /length 2/],
    ['an unknown type', [record(6, 0, [])], /unknown record type 6/],
    ['data after the end', [':00000001FF', data(0, [1])], /line 2: a record after the end/],
    ['no colon', ['0100000001FE'], /line 1: does not start with/],
    ['another letter', [':01000000G1FE'], /no hex digit/],
    ['a segment that is crossed', [record(2, 0, [0, 0]), data(0xffff, [1, 2])], /64 KiB/],
    ['an address beyond 32 bits', [linear(0xffff_0000), data(0xffff, [1, 2])], /32-bit/],
    ['a short address record', [record(4, 0, [1])], /record of type 4 with 1 octets/],
  ])('refuses %s', (_, lines, message) => {
    expect(outcome(lines)).toMatch(message);
  });

  test('refuses a file without end record', () => {
    const parsed = parseIntelHex(utf8(data(0, [1])));
    expect(parsed).toMatchObject({
      ok: false,
      error: { code: 'bad-hex-file', message: expect.stringMatching(/end record/) },
    });
  });
});

describe('an image in a HEX file', () => {
  const payload = new Uint8Array(300);
  payload.set(new SeededRandom(1).bytes(100));
  payload.fill(0xff, 100, 200);
  payload.set(new SeededRandom(2).bytes(100), 200);
  const image = buildImage({ payload, version: { major: 1, minor: 0, revision: 0, build: 0 }, headerSize: 64 });
  const read = (lines: string[], hexAddress?: number) =>
    readFirmwarePackage(text(lines), { crypto: portableCrypto, ...(hexAddress === undefined ? {} : { hexAddress }) });

  test('is found behind a bootloader, its gaps filled and its padding cut off', async () => {
    const padded = concat(image, new Uint8Array(64).fill(0xff));
    const lines = [
      ...block(0, new Uint8Array(100).fill(7)),
      ...block(0xc000, padded.subarray(0, 164)),
      ...block(0xc000 + 264, padded.subarray(264)),
    ];
    const pkg = must(await read(lines));
    expect(pkg.hexAddress).toBe(0xc000);
    expect(pkg.images[0]!.bytes).toEqual(image);
  });

  test('is asked for by address when there are two', async () => {
    const lines = [...block(0xc000, image), ...block(0x8_0000, image)];
    const refused = await read(lines);
    expect(refused).toMatchObject({
      ok: false,
      error: { code: 'ambiguous-image', message: expect.stringMatching(/0xc000, 0x80000/) },
    });
    expect(must(await read(lines, 0x8_0000)).hexAddress).toBe(0x8_0000);
  });

  test('that claims 4 GB is refused without allocating them', async () => {
    const liar = image.slice(0, 64);
    new DataView(liar.buffer).setUint32(12, 0xf000_0000, true);
    expect(await read([...block(0, liar), ...block(0xf800_0000, [1])])).toMatchObject({
      ok: false,
      error: { code: 'size-overflow' },
    });
  });
});

function parse(lines: readonly string[]): IntelHex {
  return must(parseIntelHex(text(lines)));
}

function outcome(lines: readonly string[]): string {
  const parsed: Result<unknown, Error> = parseIntelHex(text(lines));
  return parsed.ok ? 'ok' : parsed.error.message;
}

function text(lines: readonly string[]): Uint8Array {
  return utf8(`${[...lines, record(1, 0, [])].join('\r\n')}\r\n`);
}

/** Lines for octets at any address. */
function block(address: number, bytes: ArrayLike<number>): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    lines.push(linear(address + at), data(address + at, Array.from(bytes).slice(at, at + 16)));
  }
  return lines;
}

function linear(address: number): string {
  return record(4, 0, [(address >>> 24) & 0xff, (address >>> 16) & 0xff]);
}

function data(address: number, bytes: ArrayLike<number>): string {
  return record(0, address & 0xffff, bytes);
}

function record(type: number, offset: number, bytes: ArrayLike<number>): string {
  const octets = [bytes.length, offset >> 8, offset & 0xff, type, ...Array.from(bytes)];
  const sum = octets.reduce((total, octet) => total + octet, 0);
  return `:${Buffer.from([...octets, -sum & 0xff])
    .toString('hex')
    .toUpperCase()}`;
}

function plain({ address, bytes }: HexSegment): { address: number; bytes: number[] } {
  return { address, bytes: [...bytes] };
}
