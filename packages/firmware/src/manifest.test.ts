import { utf8 } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { describe, expect, test } from 'vitest';
import { buildImage, ImageFlag, type Json, makeFirmware, readFirmwarePackage, writeZip } from './index.ts';
import { must } from './testing/vectors.ts';

const version = { major: 1, minor: 2, revision: 3, build: 0 };
const image = buildImage({ payload: utf8('application'), version });
const good = { file: 'app.bin', size: image.length, type: 'application', version_MCUBOOT: '1.2.3' };

describe('a package', () => {
  test('may state numbers as text and text as numbers', async () => {
    const texts = { ...good, size: `${image.length}`, image_index: '0x1', slot: '2', load_address: '49664' };
    const pkg = must(await read({ 'format-version': '1', files: [texts] }));
    expect(pkg.images[0]!.target).toEqual({ image: 1, slot: 0 });
    expect(pkg.directXip).toBe(true);
    expect(pkg.warnings).toEqual(['app.bin is not signed']);
  });

  test('of an unknown format or type is read with a warning', async () => {
    const pkg = must(await read({ 'format-version': 7, files: [{ ...good, type: 'modem' }] }));
    expect(pkg.warnings.slice(0, 2)).toEqual([
      'manifest format-version 7 is not known, read as 1',
      'type "modem" of app.bin is not known, taken for an application',
    ]);
  });

  test.each<[string, Json, string]>([
    ['no object', [], 'bad-manifest'],
    ['no list of files', {}, 'bad-manifest'],
    ['a file without a name', { files: [{ size: 1 }] }, 'bad-manifest'],
    ['an image number that is none', { files: [{ ...good, image_index: 'app' }] }, 'bad-manifest'],
    ['a SUIT envelope', { files: [{ ...good, type: 'suit-envelope' }] }, 'suit-not-supported'],
  ])('whose manifest is or names %s is refused', async (_, manifest, code) => {
    expect(await read(manifest)).toMatchObject({ ok: false, error: { code } });
  });

  test('whose manifest states another version contradicts itself', async () => {
    const { inconsistencies, warnings } = must(await read({ files: [{ ...good, version_MCUBOOT: '1.2.4+0' }] }));
    const message = 'manifest version 1.2.4+0, image header 1.2.3+0';
    expect(inconsistencies).toEqual([{ code: 'manifest-version', message }]);
    expect(warnings[0]).toBe(message);
  });

  test('with a build for another place than the manifest says has a warning', async () => {
    const fixed = buildImage({ payload: utf8('xip'), version, flags: ImageFlag.romFixed, loadAddr: 0xc000 });
    const manifest = { files: [{ file: 'app.bin', slot: '0', load_address: 0x10200 }] };
    const zip = writeZip([{ name: 'app.bin', bytes: fixed }, json('manifest.json', manifest)], 0);
    const pkg = must(await readFirmwarePackage(zip, { crypto: portableCrypto }));
    expect(pkg.warnings).toContain('app.bin: manifest load_address 0x10200, the image is built for 0xc200');
  });

  test('that needs a newer image than it holds contradicts itself', async () => {
    const needs = Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0);
    const app = buildImage({ payload: utf8('app'), version, protectedTlvs: [{ type: 0x40, value: needs }] });
    const manifest = { files: [{ file: 'app.bin' }, { file: 'net.bin', image_index: '1' }] };
    const files = [{ name: 'app.bin', bytes: app }, { name: 'net.bin', bytes: image }, json('manifest.json', manifest)];
    const pkg = must(await readFirmwarePackage(writeZip(files, 0), { crypto: portableCrypto }));
    expect(pkg.inconsistencies).toEqual([
      { code: 'dependency', message: 'needs image 1 in version 2.0.0+0, the package holds 1.2.3+0' },
    ]);
  });
});

describe('mesh metadata', () => {
  test.each<[string, Record<string, Json>, string]>([
    ['size', { binary_size: 1 }, 'metadata-size'],
    ['version', { sign_version: { major: 9, minor: 2, revision: 3, build_number: 0 } }, 'metadata-version'],
    ['core type', { core_type: 2 }, 'metadata-core-type'],
    ['composition hash', { composition_hash: '0x01020304' }, 'metadata-composition-hash'],
    ['firmware id', { firmware_id: '59000900000000000000' }, 'firmware-id'],
  ])('whose %s is not that of the JSON beside it contradicts it', async (_, over, code) => {
    const pkg = must(await withMetadata(over));
    expect(pkg.inconsistencies.map((found) => found.code)).toEqual([code]);
  });

  test('for another image size contradicts the image', async () => {
    const pkg = must(await withMetadata({}, utf8('an application that became longer')));
    expect(pkg.inconsistencies.map(({ code }) => code)).toEqual(['metadata-size']);
  });

  test('of the older form gets its Firmware ID from composition and version, and a warning', async () => {
    const older = { encoded_metadata: '0102030000000000c73505008970567e0100', binary_size: 0x535c7 };
    const pkg = must(await withMetadata(older, utf8('application'), ['core_type', 'firmware_id']));
    expect(Buffer.from(pkg.mesh!.firmwareId!).toString('hex')).toBe('59000102030000000000');
    expect(pkg.warnings).toContainEqual(expect.stringMatching(/core type 0 has no application bit/));
  });

  test.each<[string, Record<string, Json>, string]>([
    ['encoded_metadata', { encoded_metadata: 'xyz' }, 'bad-mesh-metadata'],
    ['encoded_metadata', { encoded_metadata: '0102' }, 'bad-metadata'],
    ['composition_data', { composition_data: { cid: 70_000 } }, 'bad-composition'],
  ])('with a broken %s is refused: %s', async (_, over, code) => {
    expect(await withMetadata(over)).toMatchObject({ ok: false, error: { code } });
  });
});

function read(manifest: Json): ReturnType<typeof readFirmwarePackage> {
  const zip = writeZip([{ name: 'app.bin', bytes: image }, json('manifest.json', manifest)], 0);
  return readFirmwarePackage(zip, { crypto: portableCrypto });
}

/** A made package whose metadata JSON is changed; `payload` replaces the application after the metadata were made. */
async function withMetadata(
  over: Record<string, Json>,
  payload: Uint8Array = utf8('application'),
  without: string[] = [],
): ReturnType<typeof readFirmwarePackage> {
  const options = { version, company: 0x0059, crypto: portableCrypto };
  const { meshMetadata } = await makeFirmware({ ...options, payload: utf8('application') });
  const changed = Object.entries({ ...meshMetadata, ...over }).filter(([name]) => !without.includes(name));
  const files = [
    { name: 'app.bin', bytes: (await makeFirmware({ ...options, payload })).image },
    json('manifest.json', { files: [{ file: 'app.bin' }] }),
    json('ble_mesh_metadata.json', Object.fromEntries(changed) as Json),
  ];
  return readFirmwarePackage(writeZip(files, 0), options);
}

function json(name: string, value: Json): { name: string; bytes: Uint8Array } {
  return { name, bytes: utf8(JSON.stringify(value)) };
}
