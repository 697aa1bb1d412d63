import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SeededRandom } from '@meshferry/core';
import { demoSigningKey, parseImage, writeZip } from '@meshferry/firmware';
import { afterAll, describe, expect, test } from 'vitest';
import { firmware, intelHex, meshferry, type Outcome, temporaryFolder } from './testing/cli.ts';
import { groundTruth, sharedFirmware } from './testing/shared-firmware.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const application = new SeededRandom('application').bytes(1000);
const raw = folder.write('app.bin', application);
const composition = {
  cid: 0x59,
  pid: 1,
  vid: 2,
  crpl: 10,
  features: 3,
  elements: [{ location: 1, sig_models: [0, 2], vendor_models: [0x0059000e] }],
};

/** `fw make … --json` into a file of the folder: how it ended, and what inspect says of it. */
async function make(out: string, ...argv: string[]): Promise<[made: Outcome, inspected: Outcome, path: string]> {
  const path = join(folder.path, out);
  const version = argv.includes('--image-version') ? [] : ['--image-version', '1.2.3+4'];
  const made = await meshferry(['fw', 'make', ...argv, ...version, '--out', path, '--json'], { cwd: folder.path });
  return [made, await meshferry(['fw', 'inspect', path, '--json']), path];
}

describe('fw make signs', () => {
  test.each<[string, () => { privateKey: KeyObject; publicKey: KeyObject }, string[], string, string]>([
    ['RSA-2048', () => generateKeyPairSync('rsa', { modulusLength: 2048 }), [], 'SHA256', 'RSA-PSS ok'],
    ['RSA-3072', () => generateKeyPairSync('rsa', { modulusLength: 3072 }), [], 'SHA256', 'RSA-PSS ok'],
    ['P-256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }), [], 'SHA256', 'ECDSA ok'],
    ['P-384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' }), [], 'SHA384', 'ECDSA ok'],
    ['Ed25519', () => generateKeyPairSync('ed25519'), [], 'SHA256', 'Ed25519 ok over sha256'],
    [
      'Ed25519, SHA-512',
      () => generateKeyPairSync('ed25519'),
      ['--hash', 'sha-512'],
      'SHA512',
      'Ed25519 ok over sha512',
    ],
    ['Ed25519, pure', () => generateKeyPairSync('ed25519'), ['--pure'], 'SHA512', 'Ed25519 ok over the image'],
  ])('with %s', async (name, generate, argv, hashAlgorithm, checked) => {
    const { privateKey, publicKey } = generate();
    const key = folder.write(`${name}.pem`, privateKey.export({ format: 'pem', type: 'pkcs8' }));
    const pub = folder.write(`${name}.pub.pem`, publicKey.export({ format: 'pem', type: 'spki' }));
    const [made, inspected, path] = await make(`${name}.zip`, raw, '--key', key, ...argv);
    expect(made).toMatchObject({ exit: 0, result: { kind: 'zip', signedBy: key } });
    expect(inspected.result.images[0]).toMatchObject({ hashAlgorithm, version: '1.2.3+4' });
    const verified = await meshferry(['fw', 'verify', path, '--key', pub, '--json']);
    expect(verified).toMatchObject({ exit: 0, result: { images: [{ signature: 'valid', checked: [checked] }] } });
  });

  test('with no key', async () => {
    const [made, inspected] = await make('unsigned.zip', raw, '--unsigned', '--hash', 'sha512');
    expect(made).toMatchObject({ exit: 0, result: { signedBy: null } });
    expect(inspected.result).toMatchObject({
      images: [{ hashAlgorithm: 'SHA512' }],
      warnings: ['app.signed.bin is not signed'],
    });
  });
});

describe('fw make takes', () => {
  test('an Intel HEX, and remembers where it lies', async () => {
    const hex = folder.write('app.hex', intelHex(application, 0xc200));
    const [made, inspected] = await make('hex.zip', hex);
    expect(made.exit).toBe(0);
    expect(inspected.result.images[0]).toMatchObject({ imgSize: 1000, hdrSize: 512 });
    expect(inspected.result.manifest.files[0]).toMatchObject({ load_address: 0xc200, image_index: '0' });
  });

  test.skipIf(groundTruth === null)('the HEX of a Zephyr build: the image is the one that Zephyr signed', async () => {
    const argv = ['--image-version', '0.0.0'];
    const [, inspected] = await make('zephyr-hex.zip', sharedFirmware('zephyr/hello_world.hex'), ...argv);
    const signed = await meshferry(['fw', 'inspect', sharedFirmware('zephyr/hello_world.signed.bin'), '--json']);
    expect(inspected.result.images[0].hash).toBe(signed.result.image.hash);
    expect(inspected.result.manifest.files[0].load_address).toBe(0xc200);
  });

  test('an image that is signed already, as it is', async () => {
    const { image } = await firmware(600);
    const [made, inspected] = await make(
      'packed.zip',
      folder.write('lamp.signed.bin', image),
      '--image-version',
      '2.0.0',
    );
    expect(made).toMatchObject({ exit: 0, result: { signedBy: 'meshferry-demo' } });
    expect(inspected.result).toMatchObject({ inconsistencies: [], images: [{ file: 'lamp.signed.bin' }] });
    const hex = folder.write('lamp.hex', intelHex(image, 0xc000));
    const [again] = await make('packed.bin', hex, '--image-version', '2.0.0');
    expect(again).toMatchObject({ exit: 0, result: { kind: 'image' } });
    expect(new Uint8Array(readFileSync(join(folder.path, 'packed.bin')))).toEqual(image);
  });

  test.skipIf(groundTruth === null)('an image signed by whom we do not know', async () => {
    const path = sharedFirmware('zephyr/zephyr_4.4.0_nrf51_smp_svr.signed.bin');
    const argv = ['fw', 'make', path, '--image-version', '0.0.0', '--out', join(folder.path, 'nobody.zip')];
    expect((await meshferry(argv)).stdout).toMatch(/signed by +nobody we know/);
  });

  test('a network core, dependencies, counter, chip and user data', async () => {
    const argv = ['--core', 'net', '--security-counter', 'auto', '--depends', '0:1.2.0', '--depends', '2:0.1'];
    const [made, inspected] = await make(
      'net.zip',
      raw,
      ...argv,
      '--board',
      'b',
      '--soc',
      's',
      '--user-data',
      'c0ffee',
    );
    expect(made.result.metadata).toMatch(/02c0ffee$/);
    const { manifest, images, targets } = inspected.result;
    expect(manifest.files[0]).toMatchObject({ image_index: '1', slot_index_primary: '3', board: 'b', soc: 's' });
    expect(targets[0]).toMatchObject({ image: 1, slot: 1 });
    expect(images[0].protectedTlvs.map(({ name, value }: { name: string; value: string }) => [name, value])).toEqual([
      ['SEC_CNT', '03000201'],
      ['DEPENDENCY', '000000000102000000000000'],
      ['DEPENDENCY', '020000000001000000000000'],
    ]);
    const [numbered] = await make('counter.zip', raw, '--security-counter', '4294967295', '--image-index', '3');
    expect(numbered.exit).toBe(0);
  });

  test('a composition alone, or in a whole ble_mesh_metadata.json', async () => {
    const files = [composition, { composition_data: composition }].map((json, i) =>
      folder.write(`composition-${i}.json`, JSON.stringify(json)),
    );
    const hashes = [];
    for (const file of files) {
      const [, inspected] = await make('composed.zip', raw, '--composition', file);
      const { decodedMetadata, hashOfWireOrder, hashOfThose } = inspected.result.meshMetadataDecoded;
      expect(decodedMetadata.compositionHash).toBe(hashOfWireOrder);
      expect(hashOfThose).not.toBe(hashOfWireOrder);
      hashes.push(hashOfWireOrder);
    }
    expect(hashes[0]).toBe(hashes[1]);
  });
});

describe('fw make writes', () => {
  test('a firmware archive, with metadata of one’s own too', async () => {
    const [made, inspected] = await make('lamp.tar.gz', raw);
    expect(made).toMatchObject({ exit: 0, result: { kind: 'archive' } });
    expect(inspected.result).toMatchObject({
      kind: 'archive',
      inconsistencies: [],
      images: [{ file: 'app.signed.bin' }],
    });
    const [own, opaque] = await make('own.tgz', raw, '--metadata', 'abcd', '--fwid', '010246573a312e332e35');
    expect(own.result).toMatchObject({ metadata: 'abcd', firmwareId: '010246573a312e332e35' });
    expect(opaque.result.warnings.join()).toContain("metadata abcd is not in Zephyr's form");
    const long = folder.write(`${'n'.repeat(120)}.bin`, application);
    const [, renamed] = await make('long.tgz', long);
    expect(renamed.result.images[0].file).toBe('app.signed.bin');
  });

  test('the same octets every time', async () => {
    const files = [];
    for (const name of ['one.tgz', 'two.tgz', 'one.zip', 'two.zip'])
      files.push(readFileSync((await make(name, raw))[2]));
    expect(files[0]).toEqual(files[1]);
    expect(files[2]).toEqual(files[3]);
  });
});

test('fw inspect and fw verify ask which image of a HEX is meant', async () => {
  const [low, high] = [(await firmware(500)).image, (await firmware(600)).image];
  const both = intelHex(low, 0x8000).replace(/:00000001FF\n$/, '') + intelHex(high, 0xc000);
  const file = folder.write('both.hex', both);
  const asked = await meshferry(['fw', 'inspect', file]);
  expect(asked.exit).toBe(2);
  expect(asked.stderr).toMatch(/holds 2 MCUboot images, at 0x8000, 0xc000\n.*--hex-address/);
  const { result } = await meshferry(['fw', 'inspect', file, '--hex-address', '0xc000', '--json']);
  expect(result.segments[1].image.imgSize).toBe(600);
  const spki = demoSigningKey().publicKey.spki;
  const pem = `-----BEGIN PUBLIC KEY-----\n${Buffer.from(spki).toString('base64')}\n-----END PUBLIC KEY-----\n`;
  const verify = ['fw', 'verify', file, '--key', folder.write('demo.pem', pem), '--hex-address'];
  expect((await meshferry([...verify, '0x8000'])).exit).toBe(0);
  expect((await meshferry([...verify, '0x9000'])).exit).toBe(2);
});

test('fw inspect asks which metadata are meant', async () => {
  const { image, meshMetadata } = await firmware(500);
  const json = (name: string, value: object) => ({ name, bytes: Buffer.from(JSON.stringify(value)) });
  const files = [
    { name: 'app.bin', bytes: image },
    json('manifest.json', { files: [{ file: 'app.bin' }] }),
    json('ble_mesh_metadata.json', meshMetadata),
    json('ble_mesh_metadata_b.json', { ...meshMetadata, composition_hash: 1 }),
  ];
  const file = folder.write('several.zip', writeZip(files, 0));
  const asked = await meshferry(['fw', 'inspect', file]);
  expect(asked.stdout).toContain('contradiction: there are several mesh metadata files');
  const { result } = await meshferry(['fw', 'inspect', file, '--metadata-file', 'ble_mesh_metadata.json', '--json']);
  expect([result.inconsistencies, result.meshMetadata]).toEqual([[], meshMetadata]);
  const missing = await meshferry(['fw', 'inspect', file, '--metadata-file', 'x.json']);
  expect([missing.exit, missing.stderr]).toEqual([2, expect.stringContaining('ble_mesh_metadata_b.json')]);
});

test('fw inspect shows each signature, flags, counters and dependencies', async () => {
  const argv = ['--security-counter', '7', '--depends', '1:1.2.0'];
  const [, , path] = await make('shown.bin', raw, ...argv);
  const { stdout } = await meshferry(['fw', 'inspect', path]);
  expect(stdout).toMatch(/security counter +7\n/);
  expect(stdout).toMatch(/needs +image 1 in version 1\.2\.0\+0 or newer\n/);
  const plain = parseImage(readFileSync(path));
  if (!plain.ok) throw new Error(plain.error.message);
  // The signature TLV and its key once more, as if two had signed.
  const { tlvAreaOffset, imageEnd, bytes, tlvs } = plain.value;
  const pair = bytes.slice(tlvs[1]!.offset, imageEnd);
  const twice = Buffer.concat([bytes.subarray(0, imageEnd), pair]);
  twice.writeUInt16LE(imageEnd - tlvAreaOffset + pair.length, tlvAreaOffset + 2);
  const shown = await meshferry(['fw', 'inspect', folder.write('twice.bin', twice)]);
  expect(shown.stdout.match(/one of them +ECDSA valid, meshferry-demo/g)).toHaveLength(2);
});

describe('fw make refuses', () => {
  const p256 = folder.write(
    'p256.pem',
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }),
  );
  const merged = folder.write(
    'merged.hex',
    intelHex(application, 0).replace(/:00000001FF\n$/, '') + intelHex(application, 0xc000),
  );

  test.each<[string, string[], string]>([
    ['a hash that the key does not sign', [raw, '--key', p256, '--hash', 'sha512'], 'signs images hashed with SHA256'],
    ['a pure signature by ECDSA', [raw, '--key', p256, '--pure'], 'Ed25519 key only'],
    ['no signature with a key', [raw, '--key', p256, '--unsigned'], '--unsigned is given with a --key'],
    ['a hash that is none', [raw, '--hash', 'md5'], 'not a hash of images: "md5"'],
    ['a counter that is none', [raw, '--security-counter', '4294967296'], 'not a security counter'],
    ['a dependency that is none', [raw, '--depends', '1'], 'not an image and its version: "1"'],
    ['a dependency on image 256', [raw, '--depends', '256:1.0.0'], 'not an image and its version'],
    ['a header that is too small', [raw, '--header-size', '31'], 'not a header size: "31"'],
    ['metadata of its own for a ZIP', [raw, '--metadata', '00'], 'stand in a firmware archive only'],
    ['a HEX of several things', [merged], 'holds more than one application: 1000 octets at 0x0, 1000 octets at 0xc000'],
    ['a HEX that is damaged', [folder.write('bad.hex', ':00000001FE\n')], 'wrong checksum'],
    ['a HEX without data', [folder.write('none.hex', ':00000001FF\n')], 'holds no data'],
    ['an ELF', [folder.write('app.elf', Buffer.from('7f454c4602010100', 'hex'))], 'is an ELF file, no raw application'],
    ['a ZIP', [folder.write('a.zip', Buffer.from('504b030400', 'hex'))], 'is a ZIP, no raw application'],
    ['a gzip', [folder.write('a.gz', Buffer.from('1f8b080000', 'hex'))], 'is a gzip, no raw application'],
    ['an empty file', [folder.write('empty.bin', '')], 'is empty'],
    ['more user data than fit', [raw, '--user-data', 'ff'.repeat(238)], '256 octets, more than 255'],
  ])('%s', async (_, argv, message) => {
    const line = ['fw', 'make', ...argv, '--image-version', '1.0.0', '--out', 'x.zip'];
    const { exit, stderr } = await meshferry(line, { cwd: folder.path });
    expect([exit, stderr]).toEqual([2, expect.stringContaining(message)]);
    expect(stderr.trimEnd().split('\n')).toHaveLength(2);
  });

  test('to sign what is signed already, in another version or with a key', async () => {
    const image = folder.write('done.bin', (await firmware(600)).image);
    const twice = intelHex((await firmware(600)).image, 0xc000).replace(/:00000001FF\n$/, '');
    const two = folder.write('two.hex', twice + intelHex((await firmware(500)).image, 0x20000));
    for (const [argv, message] of [
      [[image, '--image-version', '1.0.0'], 'is an MCUboot image already, of version 2.0.0+0, not 1.0.0+0'],
      [[image, '--image-version', '2.0.0', '--key', p256], 'cannot be signed again'],
      [[two, '--image-version', '2.0.0'], 'holds 2 MCUboot images'],
    ] as const) {
      const { exit, stderr } = await meshferry(['fw', 'make', ...argv, '--out', 'x.zip'], { cwd: folder.path });
      expect([exit, stderr]).toEqual([2, expect.stringContaining(message)]);
    }
  });
});
