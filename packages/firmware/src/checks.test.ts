import { createHash } from 'node:crypto';
import { fromHex, SeededRandom, toHex, utf8 } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { describe, expect, test } from 'vitest';
import {
  buildImage,
  buildMetadata,
  CoreType,
  dependencyTlv,
  describePackage,
  generateSigningKey,
  ImageFlag,
  type Json,
  makeFirmware,
  type ReadOptions,
  readFirmwarePackage,
  type SigningKey,
  sampleComposition,
  securityCounterTlv,
  writeZip,
  type ZipFile,
} from './index.ts';
import { imgtoolVectors, must } from './testing/vectors.ts';
import { craftZip } from './testing/zips.ts';

const crypto = portableCrypto;
const version = { major: 1, minor: 2, revision: 3, build: 4 };
const key: SigningKey = generateSigningKey(new SeededRandom('checks'), 'checks');
const composition = {
  ...sampleComposition(0x59),
  elements: [{ location: 1, sig_models: [0, 2, 0x1400, 0x1402], vendor_models: [0x0059000e] }],
};
const [APP, MANIFEST, METADATA] = ['app.signed.bin', 'manifest.json', 'ble_mesh_metadata.json'];

/** A package without any fault, its files by name. */
const sound = (async () => {
  const made = await makeFirmware({ payload: utf8('application'), version, company: 0x59, composition, key, crypto });
  const manifest = {
    'format-version': 1,
    files: [{ type: 'application', file: APP, size: made.image.length, image_index: '0', version_MCUBOOT: '1.2.3+4' }],
  };
  return { made, image: made.image, manifest, metadata: made.meshMetadata as Record<string, Json> };
})();

interface Change {
  readonly image?: Uint8Array;
  readonly manifest?: Record<string, Json>;
  readonly metadata?: Record<string, Json> | null;
  readonly more?: readonly ZipFile[];
}

/** The sound package with changes. */
async function read(change: Change = {}, options: Partial<ReadOptions> = {}) {
  const { image, manifest, metadata } = await sound;
  const files = [
    { name: APP!, bytes: change.image ?? image },
    json(MANIFEST!, change.manifest ?? { ...manifest }),
    ...(change.metadata === null ? [] : [json(METADATA!, { ...metadata, ...change.metadata })]),
    ...(change.more ?? []),
  ];
  return readFirmwarePackage(writeZip(files, 0), { crypto, publicKeys: [key.publicKey], ...options });
}

async function codes(change: Change): Promise<string[]> {
  return must(await read(change)).inconsistencies.map(({ code }) => code);
}

function json(name: string, value: Json): ZipFile {
  return { name, bytes: utf8(JSON.stringify(value)) };
}

/** Encoded metadata of the sound package with other octets at a place. */
async function encoded(at: number, ...octets: number[]): Promise<{ encoded_metadata: string }> {
  const bytes = (await sound).made.metadata.slice();
  bytes.set(octets, at);
  return { encoded_metadata: toHex(bytes) };
}

test('a package without any fault has no warning', async () => {
  expect(must(await read())).toMatchObject({ inconsistencies: [], warnings: [] });
});

describe('the checks of spec firmware-metadata section 5', () => {
  test('entries under __MACOSX/ and directories are passed over', async () => {
    const { image, manifest, metadata } = await sound;
    const entries = [
      { name: 'folder/', data: new Uint8Array(0) },
      { name: '__MACOSX/._app.signed.bin', data: utf8('resource fork') },
      { name: '__MACOSX/._ble_mesh_metadata.json', data: utf8('no JSON') },
      { name: '.DS_Store', data: utf8('x') },
      { name: APP!, data: image, deflate: true },
      { name: MANIFEST!, data: utf8(JSON.stringify(manifest)) },
      { name: METADATA!, data: utf8(JSON.stringify(metadata)) },
    ];
    const pkg = must(await readFirmwarePackage(craftZip(entries), { crypto, publicKeys: [key.publicKey] }));
    expect([pkg.warnings, pkg.images.length, pkg.mesh === null]).toEqual([[], 1, false]);
  });

  test('one metadata file for each image goes with its image', async () => {
    const pkg = must(await twoImages());
    const described = pkg.images.map(({ target, mesh }) => [
      target.image,
      mesh?.metadata.size,
      mesh?.metadata.coreType,
    ]);
    expect(described).toEqual([
      [1, pkg.images[0]!.size, CoreType.network],
      [0, pkg.images[1]!.size, CoreType.application],
    ]);
    // That of the application core stands for the package, though its file comes last.
    expect(pkg.mesh).toBe(pkg.images[1]!.mesh);
    expect(pkg.inconsistencies).toEqual([]);
    // True of a Target of the SDK, which checks the bit.
    expect(pkg.warnings).toEqual([expect.stringContaining('core type 2 has no application bit')]);
  });

  test('of several metadata files for one image it is asked which', async () => {
    const { metadata } = await sound;
    const more = [json('ble_mesh_metadata_old.json', { ...metadata, firmware_id: '5900ff00000000000000' })];
    const pkg = must(await read({ more }));
    expect(pkg.mesh).toBeNull();
    expect(pkg.inconsistencies).toEqual([
      { code: 'metadata-ambiguous', message: expect.stringContaining('_old.json') },
    ]);
    expect(pkg.warnings[0]).toBe(pkg.inconsistencies[0]!.message);
    const chosen = must(await read({ more }, { metadataFile: METADATA! }));
    expect(chosen).toMatchObject({ inconsistencies: [], mesh: { json: metadata } });
    const missing = await read({ more }, { metadataFile: 'other.json' });
    expect(missing).toMatchObject({
      ok: false,
      error: { code: 'no-such-metadata', hint: expect.stringContaining('_old') },
    });
  });

  test('a broken second metadata file is an error', async () => {
    const more = [{ name: 'ble_mesh_metadata_2.json', bytes: utf8('{}') }];
    expect(await read({ more })).toMatchObject({ ok: false, error: { code: 'bad-mesh-metadata' } });
  });

  test('a file that is listed and not there, or of another size, is an error', async () => {
    const { manifest } = await sound;
    const [file] = manifest.files;
    const missing = await read({ manifest: { files: [{ ...file!, file: 'other.bin' }] } });
    expect(missing).toMatchObject({ ok: false, error: { code: 'file-missing' } });
    const size = await read({ manifest: { files: [{ ...file!, size: 1 }] } });
    expect(size).toMatchObject({ ok: false, error: { code: 'size-mismatch' } });
  });

  test('an image without the magic, or whose digest does not match, is an error', async () => {
    const { image, manifest } = await sound;
    for (const [at, code] of [
      [0, 'not-an-image'],
      [520, 'corrupt-image'],
    ] as const) {
      const changed = image.slice();
      changed[at]! ^= 0x10;
      expect(await read({ image: changed, manifest })).toMatchObject({ ok: false, error: { code } });
    }
  });

  test('metadata for another size than that of the image contradict it', async () => {
    expect(await codes({ metadata: await encoded(8, 1, 0, 0) })).toEqual(['metadata-size', 'metadata-size']);
    expect(await codes({ metadata: { binary_size: 1 } })).toEqual(['metadata-size']);
  });

  test('each of the four versions is compared', async () => {
    const { manifest } = await sound;
    const other = { major: 1, minor: 2, revision: 3, build_number: 5 };
    expect(await codes({ metadata: { sign_version: other } })).toEqual(['metadata-version']);
    const files = [{ ...manifest.files[0]!, version_MCUBOOT: '1.2.3+5' }];
    expect(await codes({ manifest: { files } })).toEqual(['manifest-version']);
    // The encoded one differs from image header, sign_version and firmware_id.
    const versions = await codes({ metadata: await encoded(4, 5) });
    expect(versions).toEqual(['metadata-version', 'metadata-version', 'firmware-id']);
    const header = await makeFirmware({
      payload: utf8('application'),
      version: { ...version, build: 5 },
      company: 0x59,
      key,
      crypto,
    });
    const image = { ...manifest.files[0]!, size: header.image.length };
    const found = must(await read({ image: header.image, manifest: { files: [image] } })).inconsistencies;
    expect(found.filter(({ code }) => code !== 'metadata-size').map(({ code }) => code)).toEqual([
      'manifest-version',
      'metadata-version',
    ]);
  });

  test('the encoded hash and element count are compared with those of the JSON', async () => {
    expect(await codes({ metadata: await encoded(12, 1, 2, 3, 4) })).toEqual(['metadata-composition-hash']);
    expect(await codes({ metadata: await encoded(16, 7, 0) })).toEqual(['metadata-elements']);
    expect(await codes({ metadata: { composition_hash: 5 } })).toEqual(['metadata-composition-hash']);
    expect(await codes({ metadata: await encoded(11, 3) })).toEqual(['metadata-core-type']);
  });

  test('the Firmware ID is compared with company and version', async () => {
    expect(await codes({ metadata: { firmware_id: '59000102030005000000' } })).toEqual(['firmware-id']);
    expect(await codes({ metadata: { firmware_id: '4c000102030004000000' } })).toEqual(['firmware-id']);
    expect(await codes({ metadata: { firmware_id: '5900010203' } })).toEqual(['firmware-id']);
    const { inconsistencies } = must(await read({ metadata: { firmware_id: '4c000102030004000000' } }));
    expect(inconsistencies[0]!.message).toContain('is of company 0x004c, composition_data of 0x0059');
  });
});

describe('the composition hash', () => {
  const wire = 'a node with this composition computes 0x';

  test('in the order of the packager is named as its known error, wherever it stands', async () => {
    const { mesh } = must(await read());
    const { packagerHash, hash } = mesh!.composition!;
    expect(packagerHash).not.toBe(hash);
    const octets = [0, 8, 16, 24].map((shift) => (packagerHash >>> shift) & 0xff);
    const both = { ...(await encoded(12, ...octets)), composition_hash: packagerHash };
    const pkg = must(await read({ metadata: both }));
    expect(pkg.inconsistencies).toEqual([]);
    expect(pkg.warnings).toEqual([
      expect.stringMatching(/written model id first \(known error of the packager\), a node/),
    ]);
    // JSON right, encoded wrong: what goes on the air counts.
    const onAir = must(await read({ metadata: await encoded(12, ...octets) }));
    expect(onAir.warnings).toEqual([
      expect.stringMatching(/^metadata composition hash/),
      expect.stringMatching(/known error/),
    ]);
  });

  test('that fits in neither order is named', async () => {
    const { warnings } = must(
      await read({ metadata: { ...(await encoded(12, 1, 2, 3, 4)), composition_hash: 0x04030201 } }),
    );
    expect(warnings).toEqual([expect.stringContaining(`0x04030201 fits composition_data in neither byte order`)]);
    expect(warnings[0]).toContain(wire);
  });

  test('is not judged without the composition', async () => {
    const { composition_data: _, ...metadata } = (await sound).metadata;
    const { image, manifest } = await sound;
    const files = [{ name: APP!, bytes: image }, json(MANIFEST!, manifest), json(METADATA!, metadata)];
    const pkg = must(await readFirmwarePackage(writeZip(files, 0), { crypto, publicKeys: [key.publicKey] }));
    expect([pkg.inconsistencies, pkg.warnings]).toEqual([[], []]);
  });
});

describe('the user is warned of an image that', () => {
  const warningsOf = async (bytes: Uint8Array) =>
    must(await readFirmwarePackage(bytes, { crypto })).warnings.join('\n');

  test.each([
    ['compressed, LZMA2', /is compressed: the bootloader/],
    ['encrypted, RSA-OAEP', /is encrypted: its hash and signature cannot be checked/],
    ['encryption ready, in the clear', /its payload is in the clear/],
    ['non-bootable', /is marked as not bootable/],
    ['padded, marked for test', /padded with a trailer \(to be tested\)/],
    ['padded and confirmed', /padded with a trailer \(confirmed\)/],
    ['padded and confirmed, flash alignment 16', /padded with a trailer \(confirmed\)/],
    ['RSA-PSS 3072', /sample key root-rsa-3072/],
    ['ECDSA P-384', /sample key root-ec-p384/],
  ])('is %s', async (name, warning) => {
    const { image } = imgtoolVectors.images.find((vector) => vector.name === name)!;
    expect(await warningsOf(fromHex(image))).toMatch(warning);
  });

  test('needs others, and is described with counter, flags and signatures', async () => {
    const bytes = buildImage({
      payload: utf8('app'),
      version,
      key,
      flags: ImageFlag.romFixed | ImageFlag.nonBootable,
      protectedTlvs: [securityCounterTlv(9), dependencyTlv({ image: 1, minVersion: version })],
    });
    const pkg = must(await readFirmwarePackage(bytes, { crypto }));
    expect(pkg.warnings).toContain('the image needs image 1 in version 1.2.3+4 on the device');
    const keyHash = createHash('sha256').update(key.publicKey.spki).digest('hex');
    expect(describePackage(pkg).targets).toEqual([
      {
        file: null,
        image: 0,
        slot: 1,
        signature: 'unknown-key',
        keyHash,
        signatures: [{ kind: 'ECDSA', state: 'unknown-key', key: null, keyHash }],
        flags: ['nonBootable', 'romFixed'],
        encryption: null,
        securityCounter: 9,
        dependencies: [{ image: 1, minVersion: '1.2.3+4' }],
        trailer: null,
        metadata: null,
      },
    ]);
  });
});

describe('firmware of others is recognised and refused', () => {
  const at32 = [...new Array<number>(32).fill(0xe9), 0x32, 0x54, 0xcd, 0xab];
  test.each<[string, number[], string]>([
    ['a GBL image', [0xeb, 0x17, 0xa6, 0x03, 8, 0, 0, 0], 'a GBL image of Silicon Labs'],
    ['a GBL image of version 4', [0xeb, 0x17, 0xa6, 0x84, 8, 0, 0, 0], 'a GBL image (version 4)'],
    ['an image of ESP-IDF', at32, 'an image of ESP-IDF'],
    ['a big-endian image', [...fromHex(imgtoolBigEndian())], 'a big-endian MCUboot image'],
    ['an ELF', [0x7f, 0x45, 0x4c, 0x46, 2, 1], 'an ELF file'],
    ['a UF2', [...utf8('UF2\nWQ]')], 'a UF2 file'],
    ['a web page', [...utf8('<!DOCTYPE html><html>')], 'a web page'],
    ['a key', [...utf8('-----BEGIN PUBLIC KEY-----')], 'a key or certificate'],
    ['a tar', [...new Array<number>(257).fill(0x61), ...utf8('ustar')], 'a tar that is not packed'],
  ])('%s, alone and in a package', async (_, octets, name) => {
    const bytes = Uint8Array.from(octets);
    const message = expect.stringContaining(`is ${name}`);
    const refused = { ok: false, error: { code: 'not-supported', message, hint: expect.any(String) } };
    expect(await readFirmwarePackage(bytes, { crypto })).toMatchObject(refused);
    if (bytes.length < 32) return;
    expect(await read({ image: bytes, manifest: { files: [{ file: APP! }] } })).toMatchObject(refused);
  });

  test('a package of the nRF5 SDK', async () => {
    const manifest = { manifest: { application: { bin_file: 'app.bin', dat_file: 'app.dat' } } };
    const message = expect.stringContaining('Secure DFU');
    expect(await read({ manifest })).toMatchObject({ ok: false, error: { code: 'not-supported', message } });
  });
});

/** The header that the image tool writes with --endian big. */
function imgtoolBigEndian(): string {
  return '96f3b83d0000000000200000000000780000000001020003000000040000000000';
}

/** A network core first in the manifest, each image with metadata of its own. */
async function twoImages(): Promise<Awaited<ReturnType<typeof readFirmwarePackage>>> {
  const app = (await sound).image;
  const net = buildImage({ payload: utf8('network core of another size'), version, key });
  const parts = { version, company: 0x59, composition };
  const describe = (size: number, coreType: number): Json => {
    const { metadata, firmwareId } = buildMetadata({ ...parts, size, coreType }, crypto);
    return {
      encoded_metadata: toHex(metadata),
      firmware_id: toHex(firmwareId),
      composition_data: composition as never,
    };
  };
  const files = [
    { name: 'net.bin', bytes: net },
    { name: APP!, bytes: app },
    json(MANIFEST!, { files: [{ file: 'net.bin', image_index: '1' }, { file: APP! }] }),
    json('ble_mesh_metadata.json', describe(app.length, CoreType.application)),
    json('ble_mesh_metadata_net.json', describe(net.length, CoreType.network)),
  ];
  return readFirmwarePackage(writeZip(files, 0), { crypto, publicKeys: [key.publicKey] });
}
