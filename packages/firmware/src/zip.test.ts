import { SeededRandom, toHex, utf8 } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeFirmware, openZip, readFirmwarePackage, writeZip, ZIP_LIMITS } from './index.ts';
import { firmwareFile, groundTruth } from './testing/shared-firmware.ts';
import { must } from './testing/vectors.ts';
import { type CraftedEntry, craftZip, deflatedZeros } from './testing/zips.ts';

const hello = utf8('hello');
const entry = (over: Partial<CraftedEntry> = {}): CraftedEntry => ({ name: 'a.bin', data: hello, ...over });

describe('a ZIP', () => {
  test('is read back as it was written, stored, in order', () => {
    const files = fc.uniqueArray(
      fc.record({ name: fc.stringMatching(/^[a-z0-9_ü-]{1,20}(\.bin)?$/), bytes: fc.uint8Array({ maxLength: 500 }) }),
      { selector: ({ name }) => name, maxLength: 10 },
    );
    fc.assert(
      fc.property(files, (expected) => {
        const zip = must(openZip(writeZip(expected, 1_747_395_092)));
        expect(zip.entries.map((e) => ({ name: e.name, bytes: must(zip.read(e)) }))).toEqual(expected);
      }),
    );
  });

  test('carries the UTC time in the form of DOS', () => {
    // 2025-05-16 11:31:32: 0x5ab0 is 2025-05-16, 0x5bf0 is 11:31:32.
    const zip = writeZip([{ name: 'a', bytes: hello }], Date.UTC(2025, 4, 16, 11, 31, 32) / 1000);
    expect(toHex(zip.subarray(10, 14))).toBe('f05bb05a');
    expect(toHex(writeZip([{ name: 'a', bytes: hello }], 0).subarray(10, 14))).toBe('00002100');
  });

  test('that was deflated by another program is inflated, whatever the contents', () => {
    const random = new SeededRandom(7);
    for (const length of [0, 1, 100, 8191, 100_000, 1_000_000]) {
      const text = utf8('firmware '.repeat(length / 9));
      for (const data of [random.bytes(length), text]) {
        const zip = must(openZip(craftZip([entry({ data, deflate: true })])));
        expect(Buffer.compare(must(zip.read(zip.entries[0]!)), data)).toBe(0);
      }
    }
  });

  test('may have a comment that looks like an end record', () => {
    const zip = must(openZip(craftZip([entry()], { comment: `PK\x05\x06${'x'.repeat(40)}` })));
    expect(zip.entries).toHaveLength(1);
  });
});

describe('a ZIP is refused', () => {
  const zip64Extra = new Uint8Array(12);
  zip64Extra.set([1, 0, 8, 0]);
  new DataView(zip64Extra.buffer).setBigUint64(4, 10_000_000_000n, true);

  test.each<[string, CraftedEntry[], string]>([
    ['encrypted', [entry({ flags: 1 })], 'zip-encrypted'],
    ['with a symbolic link', [entry({ attributes: 0o120777 })], 'zip-symlink'],
    ['with two entries of a name', [entry(), entry()], 'duplicate-entry'],
    ['with an absolute name', [entry({ name: '/etc/passwd' })], 'absolute-path'],
    ['with a drive letter', [entry({ name: 'C:app.bin' })], 'absolute-path'],
    ['with a UNC name', [entry({ name: '\\\\server\\app.bin' })], 'absolute-path'],
    ['with ..', [entry({ name: 'a/../../b' })], 'path-traversal'],
    ['with .. behind a backslash', [entry({ name: 'a\\..\\b' })], 'path-traversal'],
    ['with a backslash', [entry({ name: 'a\\b' })], 'path-traversal'],
    ['with a NUL in a name', [entry({ name: 'a.bin\0.txt' })], 'path-traversal'],
    ['with too many entries', Array.from({ length: 65 }, (_, i) => entry({ name: `${i}` })), 'too-many-entries'],
    ['declaring 17 MB', [entry({ size: 17 * 1024 * 1024 })], 'zip-too-large'],
    ['declaring 10 GB', [entry({ size: 0xffff_ffff, extra: zip64Extra })], 'zip-too-large'],
    ['of ZIP64', [entry({ size: 0xffff_ffff })], 'zip-too-large'],
    ['that adds up to more than 64 MB', fiveLarge(), 'zip-too-large'],
  ])('%s', (_, entries, code) => {
    expect(openZip(craftZip(entries))).toMatchObject({ ok: false, error: { code } });
  });

  test('naming the 10 GB that it would unpack to', () => {
    const opened = openZip(craftZip([entry({ size: 0xffff_ffff, extra: zip64Extra })]));
    expect(opened.ok ? '' : opened.error.message).toBe(
      `entry "a.bin" unpacks to 10000000000 octets, at most ${ZIP_LIMITS.entrySize} are read`,
    );
  });

  test('that hides 10 GB behind a small or the largest size, before it is unpacked', () => {
    const bomb = deflatedZeros(10 * 1024);
    for (const size of [5, ZIP_LIMITS.entrySize]) {
      const zip = must(openZip(craftZip([entry({ packed: bomb, method: 8, size })])));
      const before = process.memoryUsage().arrayBuffers;
      expect(zip.read(zip.entries[0]!)).toMatchObject({ ok: false, error: { code: 'zip-damaged' } });
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(256 * 1024 * 1024);
    }
  });

  test.each<[string, Partial<CraftedEntry>, string]>([
    ['another CRC', { crc: 1 }, 'bad-crc'],
    ['another CRC, deflated', { crc: 1, deflate: true }, 'bad-crc'],
    ['two sizes', { size: 4 }, 'zip-damaged'],
    ['fewer octets than declared', { size: 6, deflate: true }, 'zip-damaged'],
    ['broken deflate data', { packed: Uint8Array.of(7, 7, 7), method: 8 }, 'zip-damaged'],
    [
      'deflate data cut off',
      { packed: deflatedZeros(1).subarray(0, 500), method: 8, size: 1024 * 1024 },
      'zip-damaged',
    ],
    ['an unknown method', { method: 14 }, 'zip-method'],
  ])('when an entry has %s', (_, over, code) => {
    const zip = must(openZip(craftZip([entry(over)])));
    expect(zip.read(zip.entries[0]!)).toMatchObject({ ok: false, error: { code } });
  });

  function fiveLarge(): CraftedEntry[] {
    return Array.from({ length: 5 }, (_, i) => entry({ name: `${i}`, size: 15 * 1024 * 1024 }));
  }
});

describe('octets that an adversary chose', () => {
  const read = (bytes: Uint8Array) => readFirmwarePackage(bytes, { crypto: portableCrypto, acceptUnsigned: true });
  const expectOutcome = async (bytes: Uint8Array) => {
    const outcome = await read(bytes);
    if (!outcome.ok) expect(outcome.error.message).not.toBe('');
  };

  test('never make the reader throw', async () => {
    const starts = ['', '504b0304', '504b0506', '3db8f396', '3a30', 'd86b'].map((hex) => Buffer.from(hex, 'hex'));
    const octets = fc.tuple(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 300 }));
    await fc.assert(fc.asyncProperty(octets, ([start, rest]) => expectOutcome(Uint8Array.of(...start, ...rest))));
  });

  test('never make the reader throw: a package with any octets in place of its own', async () => {
    const { zip } = await makeFirmware({
      payload: utf8('application'),
      version: { major: 1, minor: 2, revision: 3, build: 4 },
      company: 0x0059,
      crypto: portableCrypto,
      headerSize: 32,
    });
    const damage = fc.array(fc.tuple(fc.nat(zip.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(damage, async (octets) => {
        const bytes = zip.slice();
        for (const [at, octet] of octets) bytes[at] = octet;
        await expectOutcome(bytes);
      }),
    );
  });

  test.skipIf(groundTruth === null)(
    'never make it throw or run long: real packages with damaged structures',
    async () => {
      // Deflated, many entries and stored: damage is aimed at the directory and the packed data, 150 times each.
      const files = [
        'nordic-mesh/dfu_blinky_3.0.0.zip',
        'synthetic/multi-image-format1.zip',
        'synthetic/bom-and-unknown-fields.zip',
      ];
      const random = new SeededRandom('damage');
      for (const path of files) {
        const original = firmwareFile(path);
        for (let run = 0; run < 150; run++) {
          const bytes = original.slice();
          const flips = 1 + Math.floor(random.uniform() * 4);
          for (let i = 0; i < flips; i++) {
            const tail = random.uniform() < 0.5 ? Math.min(600, bytes.length) : bytes.length;
            const at = bytes.length - 1 - Math.floor(random.uniform() * tail);
            bytes[at]! ^= 1 << Math.floor(random.uniform() * 8);
          }
          await expectOutcome(bytes);
        }
      }
    },
  );

  test.skipIf(groundTruth === null)(
    'are not taken for the image when one bit of a stored image is flipped',
    async () => {
      const original = firmwareFile('synthetic/multi-image-format1.zip');
      const zip = must(openZip(original));
      const random = new SeededRandom('image');
      for (let run = 0; run < 100; run++) {
        const bytes = original.slice();
        bytes[100 + Math.floor(random.uniform() * (zip.entries[0]!.size - 100))]! ^= 1 << (run % 8);
        expect(await read(bytes)).toMatchObject({ ok: false, error: { code: 'bad-crc' } });
      }
    },
  );

  test.skipIf(groundTruth === null)('are refused at whatever length a package was cut off', async () => {
    const original = firmwareFile('synthetic/streamed-data-descriptors.zip');
    for (let length = 4; length < original.length; length += 13) {
      expect(await read(original.subarray(0, length))).toMatchObject({ ok: false, error: { code: 'truncated' } });
    }
  });
});
