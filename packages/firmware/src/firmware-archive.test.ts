import { gunzipSync, gzipSync } from 'node:zlib';
import { concat, fromHex, MeshError, SeededRandom, utf8 } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeFirmware, readFirmwareArchive, readFirmwarePackage, writeFirmwareArchive } from './index.ts';
import { readTar, writeTar } from './tar.ts';
import { must } from './testing/vectors.ts';

const firmware = {
  imageFile: 'app.bin',
  image: new SeededRandom('image').bytes(2000),
  metadata: fromHex('0200000000000000d00700018970567e0100'),
  firmwareId: fromHex('59000200000000000000'),
};
const archive = writeFirmwareArchive(firmware);

/** An archive of files as somebody else would make it. */
function archiveOf(files: Record<string, Uint8Array | string>): Uint8Array {
  const list = Object.entries(files).map(([name, data]) => ({
    name,
    bytes: typeof data === 'string' ? utf8(data) : data,
  }));
  return new Uint8Array(gzipSync(writeTar(list)));
}

function manifest(members: object): string {
  return JSON.stringify({ manifest: { firmware: members } });
}

const MEMBERS = { firmware_image_file: 'a', metadata_file: 'm', firmware_id: '010246573A312E332E35' };

describe('a firmware archive', () => {
  test('is read as it was written', () => {
    expect(must(readFirmwareArchive(archive))).toMatchObject(firmware);
  });

  test('of any contents is read as it was written, by other tools too', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 1500 }),
        fc.uint8Array({ maxLength: 255 }),
        fc.uint8Array({ minLength: 2, maxLength: 108 }),
        (image, metadata, firmwareId) => {
          const parts = { imageFile: 'x.bin', image, metadata, firmwareId };
          const written = writeFirmwareArchive(parts, 1_700_000_000);
          expect(must(readFirmwareArchive(written))).toMatchObject(parts);
          expect(gunzipSync(written).length % 512).toBe(0);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('holds its files as they were, and any octets are one or refused', () => {
    const octets = fc.uint8Array({ maxLength: 600 });
    fc.assert(
      fc.property(octets, octets, fc.nat(), (a, b, at) => {
        const files = [
          { name: 'a', bytes: a },
          { name: 'b.bin', bytes: b },
        ];
        const tar = writeTar(files);
        expect(must(readTar(tar))).toEqual(files);
        tar.set(a, at % (tar.length - a.length));
        const read = readTar(tar);
        if (!read.ok) expect(read.error).toBeInstanceOf(MeshError);
      }),
      { numRuns: 10_000 },
    );
  });

  test('that says more of itself (name, pax headers, ./ before the names) is read', () => {
    const pax = writeTar([{ name: 'PaxHeader', bytes: utf8('30 mtime=1700000000.123456789\n') }]).slice(0, 1024);
    pax[156] = 0x78;
    let sum = 0;
    pax.fill(0x20, 148, 156);
    for (const octet of pax.subarray(0, 512)) sum += octet;
    pax.set(utf8(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
    const tar = concat(
      pax,
      writeTar([
        { name: './manifest.json', bytes: utf8(manifest(MEMBERS)) },
        { name: './a', bytes: Uint8Array.of(1) },
        { name: './m', bytes: Uint8Array.of(2) },
      ]),
    );
    const packed = new Uint8Array(gzipSync(tar));
    packed[3] = 8;
    const named = concat(packed.subarray(0, 10), utf8('fw.tar\0'), packed.subarray(10));
    expect(must(readFirmwareArchive(named))).toMatchObject({
      imageFile: 'a',
      firmwareId: fromHex(MEMBERS.firmware_id),
    });
  });

  test.each(['a/b', '..', '', 'metadata.bin', 'manifest.json', 'n'.repeat(101)])(
    'is not written with an image "%s"',
    (name) => {
      expect(() => writeFirmwareArchive({ ...firmware, imageFile: name })).toThrow(
        expect.objectContaining({ code: 'bad-file-name', hint: expect.any(String) }),
      );
    },
  );

  test('may be without metadata', () => {
    const { metadata_file: _, ...rest } = MEMBERS;
    const read = must(readFirmwareArchive(archiveOf({ 'manifest.json': manifest(rest), a: 'x' })));
    expect(read.metadata).toHaveLength(0);
  });

  test.each([
    ['a path that leaves it', { 'manifest.json': manifest(MEMBERS), '../x': 'x' }, 'archive-entry'],
    ['an absolute path', { 'manifest.json': manifest(MEMBERS), '/x': 'x' }, 'archive-entry'],
    ['a folder', { 'manifest.json': manifest(MEMBERS), 'a/b': 'x' }, 'archive-entry'],
    ['a file twice', { a: 'x', './a': 'y' }, 'archive-entry'],
    ['17 files', Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`f${i}`, 'x'])), 'too-many-entries'],
    ['no manifest', { a: 'x', m: 'y' }, 'bad-archive-manifest'],
    ['a manifest that is no JSON', { 'manifest.json': '{', a: 'x' }, 'bad-archive-manifest'],
    ['no id', { 'manifest.json': manifest({ ...MEMBERS, firmware_id: 5 }), a: 'x', m: 'y' }, 'bad-archive-manifest'],
    [
      'an image name that is none',
      { 'manifest.json': manifest({ ...MEMBERS, firmware_image_file: 1 }) },
      'bad-archive-manifest',
    ],
    [
      'a metadata name that is none',
      { 'manifest.json': manifest({ ...MEMBERS, metadata_file: 1 }), a: 'x' },
      'bad-archive-manifest',
    ],
    ['no image', { 'manifest.json': manifest(MEMBERS), m: 'y' }, 'file-missing'],
    ['an empty image', { 'manifest.json': manifest(MEMBERS), a: '', m: 'y' }, 'file-missing'],
    ['no metadata file', { 'manifest.json': manifest(MEMBERS), a: 'x' }, 'file-missing'],
    ['256 octets of metadata', { 'manifest.json': manifest(MEMBERS), a: 'x', m: 'y'.repeat(256) }, 'bad-metadata'],
  ])('with %s is refused', (_, files, code) => {
    expect(readFirmwareArchive(archiveOf(files as Record<string, string>))).toMatchObject({
      ok: false,
      error: { code, hint: expect.any(String) },
    });
  });

  test('with a link is refused', () => {
    const tar = gunzipSync(archive);
    const header = tar.subarray(0, 512);
    header[156] = 0x32;
    // The type went from '0' to '2': so does the checksum.
    const sum = Number.parseInt(header.toString('latin1', 148, 154), 8) + 2;
    header.write(sum.toString(8).padStart(6, '0'), 148, 'latin1');
    expect(readFirmwareArchive(new Uint8Array(gzipSync(tar)))).toMatchObject({
      ok: false,
      error: { code: 'archive-entry' },
    });
  });

  test('damaged or cut off anywhere is never taken for another one', () => {
    const random = new SeededRandom('damage');
    let refused = 0;
    for (let i = 0; i < 2000; i++) {
      const copy = archive.slice();
      const [low, high, bit] = random.bytes(3) as unknown as [number, number, number];
      // The header says when and on what it was packed, which means nothing.
      const at = 10 + ((low | (high << 8)) % (copy.length - 10));
      copy[at]! ^= 1 << (bit % 8);
      const read = readFirmwareArchive(copy);
      // The last octet of the compressed data may hold bits that mean nothing.
      if (read.ok) expect(read.value, `octet ${at}`).toMatchObject(firmware);
      else refused++;
    }
    expect(refused).toBeGreaterThan(1900);
    for (let length = 0; length < archive.length; length += 7) {
      expect(readFirmwareArchive(archive.subarray(0, length)).ok, `${length} octets`).toBe(false);
    }
  });

  test.each([
    ['a size that runs over the end', 124, '77777777777'],
    ['a size that is none', 124, 'x2345678901'],
  ])('with %s is refused', (_, at, value) => {
    const tar = gunzipSync(archive);
    tar.write(value, at, 'latin1');
    tar.fill(0x20, 148, 156);
    let sum = 0;
    for (const octet of tar.subarray(0, 512)) sum += octet;
    tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    expect(readFirmwareArchive(new Uint8Array(gzipSync(tar)))).toMatchObject({
      ok: false,
      error: { code: 'archive-damaged' },
    });
  });

  test('without an end, with a broken checksum or gzip header is refused', () => {
    const tar = gunzipSync(archive);
    const wrong = Buffer.from(tar);
    wrong[0]! ^= 1;
    const header = new Uint8Array(archive);
    header[3] = 0xe0;
    for (const bytes of [gzipSync(tar.subarray(0, 1024)), gzipSync(wrong), header, archive.subarray(0, 12)]) {
      expect(readFirmwareArchive(new Uint8Array(bytes))).toMatchObject({
        ok: false,
        error: { code: 'archive-damaged' },
      });
    }
  });

  test('that unpacks to more than is taken is refused', () => {
    const bomb = new Uint8Array(gzipSync(Buffer.alloc(64 * 1024 * 1024 + 1)));
    expect(bomb.length).toBeLessThan(70_000);
    expect(readFirmwareArchive(bomb)).toMatchObject({ ok: false, error: { code: 'archive-too-large' } });
    expect(readFirmwareArchive(archive, 2000)).toMatchObject({ ok: false, error: { code: 'archive-too-large' } });
  });

  test('is a package as any other', async () => {
    const made = await makeFirmware({
      payload: new SeededRandom('archive').bytes(900),
      version: { major: 2, minor: 0, revision: 0, build: 0 },
      company: 0x59,
      crypto: portableCrypto,
    });
    const bytes = writeFirmwareArchive({ imageFile: 'app.signed.bin', ...made });
    const read = must(await readFirmwarePackage(bytes, { crypto: portableCrypto }));
    expect(read).toMatchObject({
      kind: 'archive',
      inconsistencies: [],
      mesh: { encoded: made.metadata, firmwareId: made.firmwareId },
    });
    expect(read.images[0]?.bytes).toEqual(made.image);
    const opaque = writeFirmwareArchive({
      imageFile: 'a',
      image: made.image,
      metadata: utf8('mine'),
      firmwareId: made.firmwareId,
    });
    const other = must(await readFirmwarePackage(opaque, { crypto: portableCrypto }));
    expect(other.mesh).toBeNull();
    expect(other.warnings.join()).toContain("not in Zephyr's form");
    expect(await readFirmwarePackage(archive, { crypto: portableCrypto })).toMatchObject({
      ok: false,
      error: { code: 'not-an-image' },
    });
  });
});
