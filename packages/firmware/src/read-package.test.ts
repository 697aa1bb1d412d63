import { portableCrypto } from '@meshferry/crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { describePackage, parsePublicKey, readFirmwarePackage } from './index.ts';
import { firmwareFile, groundTruth } from './testing/shared-firmware.ts';
import { must } from './testing/vectors.ts';

const options = { crypto: portableCrypto };

describe.skipIf(groundTruth === null)('real files', () => {
  const real = groundTruth?.real ?? [];
  let compared = 0;
  afterAll(() => console.log(`ground truth: ${compared} members of ${real.length} real files are equal`));

  test.each(real)('$path: agrees with the ground truth', async ({ path, ...truth }) => {
    const pkg = must(await readFirmwarePackage(firmwareFile(path), { ...options, acceptUnsigned: true }));
    const description = JSON.parse(JSON.stringify(describePackage(pkg))) as Record<string, unknown>;
    for (const [name, value] of Object.entries(truth)) {
      if (['origin', 'note'].includes(name)) continue;
      expect(description[name], name).toEqual(value);
      compared += countMembers(value);
    }
    expect(description.warnings).toEqual(expect.arrayContaining(description.inconsistencies as string[]));
  });

  test.each(real.filter(({ kind }) => kind === 'zip'))('$path: contradicts itself only if edited', async ({ path }) => {
    const { inconsistencies } = must(await readFirmwarePackage(firmwareFile(path), options));
    const blinky = ['manifest-version', 'metadata-version', 'metadata-composition-hash', 'metadata-elements'];
    expect(inconsistencies.map(({ code }) => code)).toEqual(path.includes('blinky') ? blinky : []);
  });

  test.each([
    [
      'nordic-mesh/dfu_distr_nrf52840_2.0.zip',
      /0xbc0e8b45 was made with vendor models written model id first.*0x04abe898/,
    ],
    ['nordic-mesh/dfu_target_nrf54L_1.0.zip', /sample key root-ed25519/],
    ['zephyr/hello_world.signed.hex', /sample key root-rsa-2048/],
    ['zephyr/tfm_s_signed.bin', /needs image 1 in version 0\.0\.0\+0/],
    ['zephyr/zephyr_4.4.0_nrf51_smp_svr.signed.bin', /is not signed/],
  ])('%s: the user is warned', async (path, warning) => {
    const { warnings } = must(await readFirmwarePackage(firmwareFile(path), options));
    expect(warnings.join('\n')).toMatch(warning);
  });

  test('HEX and ZIP of one build hold the same image, signed twice', async () => {
    const [zip, hex] = await Promise.all(
      ['zip', 'hex'].map(async (ending) => {
        const path = `nordic-mesh/dfu_target_nrf52840_1.0.${ending}`;
        return must(await readFirmwarePackage(firmwareFile(path), options)).images[0]!;
      }),
    );
    expect(hex!.image.hash).toEqual(zip!.image.hash);
    expect(hex!.sha256).not.toEqual(zip!.sha256);
  });

  test.each([
    ['zephyr/hello_world.bin', 'bad-magic'],
    ['zephyr/hello_world.hex', 'no-image'],
  ])('%s: an unsigned application is refused', async (path, code) => {
    expect(await readFirmwarePackage(firmwareFile(path), options)).toMatchObject({ ok: false, error: { code } });
  });

  test('with a key given, only images signed with it are taken', async () => {
    const root = must(parsePublicKey(firmwareFile('keys/root-ec-p256.pub.pem', 'latin1'), 'mine'));
    const publicKeys = [root];
    const read = (path: string) => readFirmwarePackage(firmwareFile(path), { ...options, publicKeys });
    const target = must(await read('nordic-mesh/dfu_target_nrf52840_2.0.zip'));
    expect(target.images[0]!.signature).toMatchObject({ state: 'valid', key: { name: 'mine' } });
    const codes = ['nordic-mesh/dfu_target_nrf54L_1.0.zip', 'zephyr/zephyr_4.4.0_nrf51_smp_svr.signed.bin'].map(read);
    for (const refused of await Promise.all(codes)) {
      expect(refused).toMatchObject({ ok: false, error: { code: 'key-unknown' } });
    }
  });
});

describe.skipIf(groundTruth === null)('synthetic packages', () => {
  const synthetic = groundTruth?.synthetic ?? [];

  test.each(synthetic.filter(({ expect: { accept } }) => accept))('$path is accepted', async (truth) => {
    const key = must(parsePublicKey(firmwareFile('keys/synthetic-ec-p256.pub.pem', 'latin1'), 'synthetic-ec-p256'));
    const pkg = must(await readFirmwarePackage(firmwareFile(truth.path), { ...options, publicKeys: [key] }));
    const { images, sha256, entries } = JSON.parse(JSON.stringify(describePackage(pkg)));
    expect(images).toMatchObject(truth.images as object[]);
    expect(sha256).toBe(truth.sha256);
    expect(entries.map(({ name }: { name: string }) => name)).toEqual(truth.entries);
    expect(pkg.images.map(({ file, target }) => ({ file, ...target }))).toEqual(truth.expect.targets);
    expect(pkg.directXip).toBe(truth.expect.directXip ?? false);
    // In this one the manifest states the version of the application for the network core too.
    const odd = truth.path.includes('global-slots') ? ['manifest-version', 'manifest-version'] : [];
    expect(pkg.inconsistencies.map(({ code }) => code)).toEqual(odd);
  });

  test.each(synthetic.filter(({ expect: { accept } }) => !accept))(
    '$path is refused: $expect.reason',
    async ({ path }) => {
      const refused = await readFirmwarePackage(firmwareFile(path), options);
      // The files are named after the error.
      expect(refused).toMatchObject({ ok: false, error: { code: path.replace(/.*\/|\.zip$/g, '') } });
    },
  );
});

describe('what is no firmware', () => {
  test.each([
    ['nothing', [], 'empty-file'],
    ['a text', [...Buffer.from('hello')], 'unknown-firmware'],
    ['a SUIT envelope', [0xd8, 0x6b, 0xa2], 'suit-not-supported'],
    ['an old image', [0x3c, 0xb8, 0xf3, 0x96, ...new Array(40).fill(0)], 'old-magic'],
    ['the start of an image', [0x3d, 0xb8, 0xf3, 0x96, 0, 0], 'too-short'],
    ['a HEX cut off', [...Buffer.from(':0300300002337A1E\n')], 'bad-hex-file'],
  ])('%s is refused', async (_, octets, code) => {
    const read = await readFirmwarePackage(Uint8Array.from(octets), options);
    expect(read).toMatchObject({ ok: false, error: { code } });
  });
});

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, member) => sum + countMembers(member), 0);
}
