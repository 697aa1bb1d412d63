import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SeededRandom } from '@meshferry/core';
import { afterAll, describe, expect, test } from 'vitest';
import { firmware, type Json, meshferry, temporaryFolder } from './testing/cli.ts';
import { groundTruth, sharedFirmware } from './testing/shared-firmware.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

/** Members of the ground truth that describe the collection and not the file. */
const ABOUT = ['path', 'kind', 'origin', 'note', 'sameBytesAs', 'inconsistencies'];

describe.skipIf(groundTruth === null)('fw inspect --json of the real files', () => {
  test.each(groundTruth?.real ?? [])('agrees with the ground truth: $path', async (truth) => {
    const { exit, result } = await meshferry(['fw', 'inspect', sharedFirmware(truth.path), '--json']);
    expect(exit).toBe(0);
    const expected = Object.fromEntries(Object.entries(truth).filter(([name]) => !ABOUT.includes(name)));
    expect(result).toMatchObject({ type: 'result', ok: true, ...expected });
  });

  test('names every contradiction of the package that was edited by hand', async () => {
    const truth = groundTruth?.real.find(({ path }) => path.includes('blinky')) as Json;
    const { result } = await meshferry(['fw', 'inspect', sharedFirmware(truth.path), '--json']);
    expect(truth.inconsistencies.length).toBeGreaterThan(0);
    expect(result.inconsistencies.length).toBeGreaterThanOrEqual(truth.inconsistencies.length);
    for (const message of result.inconsistencies) expect(result.warnings).toContain(message);
  });

  test('as text for people too', async () => {
    const { exit, stdout } = await meshferry(['fw', 'inspect', sharedFirmware('nordic-mesh/dfu_blinky_3.0.0.zip')]);
    expect(exit).toBe(0);
    for (const text of [
      'dfu_blinky_3.0.0.zip: update package',
      '2.0.0+0',
      'valid, root-ec-p256 (ECDSA ok)',
      '0300000000000000f0810001493f97520100',
      'contradiction: manifest version 3.0.0+0, image header 2.0.0+0',
      'firmware id       59000300000000000000 (version 3.0.0)',
    ]) {
      expect(stdout).toContain(text);
    }
  });

  test.each(groundTruth?.synthetic ?? [])(
    '$path: accepted or refused with exit code 2',
    async ({ path, expect: wanted }) => {
      const { exit, result } = await meshferry(['fw', 'inspect', sharedFirmware(path), '--json']);
      expect(exit).toBe(wanted.accept ? 0 : 2);
      expect(result.ok).toBe(wanted.accept);
      if (!wanted.accept)
        expect(result.error).toEqual({
          code: expect.any(String),
          message: expect.any(String),
          hint: expect.any(String),
        });
    },
  );
});

describe('fw inspect', () => {
  test('keeps control characters of file names off the terminal', async () => {
    const name = 'e\u001b[31m.zip';
    folder.write(name, (await firmware(500)).zip);
    const { stdout } = await meshferry(['fw', 'inspect', name], { cwd: folder.path });
    expect(stdout).toContain('e\\x1b[31m.zip: update package');
    const { stderr } = await meshferry(['fw', 'inspect', 'no\u001b[31m.zip'], { cwd: folder.path });
    expect(stderr).toContain('there is no firmware file no\\x1b[31m.zip');
  });

  test('shows hostile names without their control characters', async () => {
    const { zip } = await firmware(600, { name: 'a\u001b[2Jb' });
    const { exit, stdout } = await meshferry(['fw', 'inspect', folder.write('hostile.zip', zip)], {
      columns: 80,
      env: { NO_COLOR: '1' },
    });
    expect(exit).toBe(0);
    expect(stdout).not.toContain('\u001b');
    expect(stdout).toContain('a\\x1b[2Jb.signed.bin');
  });
});

describe('fw make', () => {
  const raw = folder.write('app.bin', new SeededRandom('app').bytes(3000));

  test('makes a package that inspect, verify and an update take', async () => {
    const out = join(folder.path, 'made.zip');
    const made = await meshferry([
      'fw',
      'make',
      raw,
      '--image-version',
      '1.2.3+4',
      '--out',
      out,
      '--company',
      '0x004c',
      '--json',
    ]);
    expect(made.exit).toBe(0);
    expect(made.result).toMatchObject({ ok: true, firmwareId: '4c000102030004000000', image: { version: '1.2.3+4' } });
    const inspected = await meshferry(['fw', 'inspect', out, '--json']);
    expect(inspected.result.images[0]).toMatchObject({ version: '1.2.3+4', imgSize: 3000, hashVerified: true });
    expect(inspected.result.inconsistencies).toEqual([]);
    const updated = await meshferry(['dfu', 'run', out, '--bearer', 'sim:targets=1,company=0x004c', '--json']);
    expect(updated.exit).toBe(0);
    expect(updated.result.targets[0].firmwareIdAfter).toBe('4c000102030004000000');
  });

  test('leaves the header room of a Zephyr build to the header', async () => {
    const application = new SeededRandom('zephyr').bytes(1000);
    const path = folder.write('zephyr.bin', Buffer.concat([new Uint8Array(512), application]));
    const out = join(folder.path, 'zephyr.zip');
    expect((await meshferry(['fw', 'make', path, '--image-version', '1.0.0', '--out', out])).exit).toBe(0);
    const { result } = await meshferry(['fw', 'inspect', out, '--json']);
    expect(result.images[0]).toMatchObject({ hdrSize: 512, imgSize: 1000 });
  });

  test('hashes the composition that it is given', async () => {
    const composition = {
      cid: 0x59,
      pid: 1,
      vid: 2,
      crpl: 10,
      features: 3,
      elements: [{ location: 1, sig_models: [0, 2], vendor_models: [] }],
    };
    const path = folder.write('composition.json', JSON.stringify(composition));
    const out = join(folder.path, 'composed.zip');
    const argv = ['fw', 'make', raw, '--image-version', '1.0.0', '--out', out, '--composition', path];
    expect((await meshferry(argv)).exit).toBe(0);
    const { result } = await meshferry(['fw', 'inspect', out, '--json']);
    expect(result.meshMetadata.composition_data).toEqual(composition);
    expect(result.meshMetadataDecoded.decodedMetadata.compositionHash).toBe(result.meshMetadataDecoded.hashOfWireOrder);
  });

  test.each([
    ['a version out of range', ['--image-version', '256.0', '--out', 'x.zip'], 'not a firmware version: "256.0"'],
    ['a core that is none', ['--image-version', '1.0', '--out', 'x.zip', '--core', 'gpu'], 'not a core type: "gpu"'],
    [
      'a company that is none',
      ['--image-version', '1.0', '--out', 'x.zip', '--company', 'acme'],
      'not a company identifier: "acme"',
    ],
    ['a key that is none', ['--image-version', '1.0', '--out', 'x.zip', '--key', raw], 'holds no private key'],
    ['a composition that is none', ['--image-version', '1.0', '--out', 'x.zip', '--composition', raw], 'is not JSON'],
    ['its own input as output', ['--image-version', '1.0', '--out', raw], 'is the application itself'],
    ['a folder that is not there', ['--image-version', '1.0', '--out', '/nowhere/at/all/x.zip'], 'cannot write'],
  ])('refuses %s', async (_, argv, message) => {
    const before = readFileSync(raw);
    const { exit, stderr } = await meshferry(['fw', 'make', raw, ...argv], { cwd: folder.path });
    expect(exit).toBe(2);
    expect(stderr).toContain(message);
    expect(readFileSync(raw)).toEqual(before);
  });

  test('refuses an image that is signed already', async () => {
    const image = folder.write('signed.bin', (await firmware(600)).image);
    const { exit, stderr } = await meshferry(['fw', 'make', image, '--image-version', '1.0', '--out', 'x.zip'], {
      cwd: folder.path,
    });
    expect(exit).toBe(2);
    expect(stderr).toContain('is an MCUboot image already');
  });
});

describe.skipIf(groundTruth === null)('fw verify', () => {
  const file = 'nordic-mesh/dfu_target_nrf52840_2.0.zip';

  test('passes what the key signed', async () => {
    const argv = ['fw', 'verify', sharedFirmware(file), '--key', sharedFirmware('keys/root-ec-p256.pub.pem'), '--json'];
    const { exit, result } = await meshferry(argv);
    expect(exit).toBe(0);
    expect(result.images).toMatchObject([{ image: 0, hashVerified: true, signature: 'valid', checked: ['ECDSA ok'] }]);
  });

  test('fails with 1 for another key, and names the key hash or key that signed it', async () => {
    const argv = ['fw', 'verify', sharedFirmware(file), '--key', sharedFirmware('keys/synthetic-ec-p256.pub.pem')];
    const { exit, stderr } = await meshferry(argv);
    expect(exit).toBe(1);
    expect(stderr).toContain('signed by root-ec-p256, not by a given key');
  });

  test('fails with 1 for an image that was changed', async () => {
    const octets = readFileSync(sharedFirmware('zephyr/hello_world.signed.bin'));
    octets[1000]! ^= 1;
    const argv = [
      'fw',
      'verify',
      folder.write('changed.bin', octets),
      '--key',
      sharedFirmware('keys/root-rsa-2048.pub.pem'),
    ];
    const { exit, stderr } = await meshferry(argv);
    expect(exit).toBe(1);
    expect(stderr).toMatch(/hash/i);
  });

  test('ends with 2 for a key file that holds none', async () => {
    const { exit, stderr } = await meshferry([
      'fw',
      'verify',
      sharedFirmware(file),
      '--key',
      folder.write('no.pem', 'hello'),
    ]);
    expect(exit).toBe(2);
    expect(stderr).toContain('holds no public key');
  });
});
