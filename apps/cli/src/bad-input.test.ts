import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { SeededRandom } from '@meshferry/core';
import { generateSigningKey, writeZip } from '@meshferry/firmware';
import { afterAll, describe, expect, test } from 'vitest';
import { craftZip, deflatedZeros } from '../../../packages/firmware/src/testing/zips.ts';
import { firmware, meshferry, temporaryFolder } from './testing/cli.ts';
import { groundTruth, sharedFirmware } from './testing/shared-firmware.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const good = await firmware(2000);
const goodZip = folder.write('good.zip', good.zip);

/** A package whose manifest names `file`, with these entries beside it. */
function zipWith(entries: readonly { name: string; bytes: Uint8Array }[], file = 'app.bin'): Uint8Array {
  const manifest = {
    'format-version': 1,
    files: [{ type: 'application', file, image_index: '0', slot_index_primary: '1' }],
  };
  return writeZip(
    [...entries, { name: 'manifest.json', bytes: new TextEncoder().encode(JSON.stringify(manifest)) }],
    0,
  );
}

/** 10 GB of zeros, packed to ten MB; the directory says `size`. */
function bomb(size: number): Uint8Array {
  const packed = deflatedZeros(10 * 1024);
  return craftZip([{ name: 'manifest.json', data: new Uint8Array(0), packed, method: 8, size }]);
}

function changed(octets: Uint8Array, at: number): Uint8Array {
  const copy = octets.slice();
  copy[at]! ^= 0x40;
  return copy;
}

describe('a firmware file that cannot be sent ends with 2 and says why', () => {
  mkdirSync(join(folder.path, 'folder'));
  test.each([
    ['missing', 'nowhere.zip', 'there is no firmware file nowhere.zip'],
    ['a folder', 'folder', 'folder is a folder, not a firmware file'],
    ['empty', folder.write('empty.zip', ''), 'the file is empty'],
    ...(process.platform === 'win32' ? [] : [['without an end', '/dev/zero', 'has more than 134217728 octets']]),
    ['of another kind', folder.write('text.zip', 'hello, this is no firmware'), 'no firmware we know'],
    [
      'a truncated zip',
      folder.write('truncated.zip', good.zip.subarray(0, good.zip.length / 2)),
      'the end of the central directory is missing',
    ],
    [
      'a zip with a path that leaves it',
      folder.write('traversal.zip', zipWith([{ name: '../../app.bin', bytes: good.image }], '../../app.bin')),
      'the entry name "../../app.bin" leaves the archive',
    ],
    ['a zip that unpacks to 4 GB', folder.write('big.zip', bomb(0xffff_fffe)), 'unpacks to 4294967294 octets, at most'],
    ['a zip that hides 10 GB behind a small size', folder.write('bomb.zip', bomb(500)), 'manifest.json'],
    ['a manifest that names a missing file', folder.write('missing.zip', zipWith([], 'app.bin')), 'app.bin'],
    [
      'an image with a wrong magic',
      folder.write('magic.zip', zipWith([{ name: 'app.bin', bytes: changed(good.image, 0) }])),
      'magic',
    ],
    ['an image with a wrong hash', folder.write('hash.bin', changed(good.image, 700)), 'hash'],
    [
      'an image in a zip with a wrong hash',
      folder.write('hash.zip', zipWith([{ name: 'app.bin', bytes: changed(good.image, 700) }])),
      'hash',
    ],
    [
      'an unsigned application',
      folder.write('raw.bin', new Uint8Array(2000).fill(7, 600)),
      'unsigned application without MCUboot header',
    ],
  ])('%s', async (_, file, reason) => {
    const argv = ['dfu', 'run', file, '--bearer', 'sim:targets=1'];
    const { exit, stdout, stderr } = await meshferry(argv, { cwd: folder.path });
    expect(exit).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error: [^\n]+\n {2}[^\n]+\n$/);
    expect(stderr).toMatch(reason);
    const { result, stderr: silence } = await meshferry([...argv, '--json'], { cwd: folder.path });
    expect(silence).toBe('');
    expect(result).toMatchObject({ type: 'result', ok: false, error: { message: expect.stringMatching(reason) } });
  });

  test.skipIf(groundTruth === null)(
    'a package that contradicts itself, with every reason, unless it is allowed',
    async () => {
      const argv = ['dfu', 'run', sharedFirmware('nordic-mesh/dfu_blinky_3.0.0.zip'), '--bearer', 'sim:targets=1'];
      const { exit, stderr } = await meshferry(argv);
      expect(exit).toBe(2);
      expect(stderr).toContain('manifest version 3.0.0+0, image header 2.0.0+0');
      expect(stderr).toContain('metadata elements 1, composition_data has 2');
      expect(stderr).toContain('--allow-inconsistent');
      const allowed = await meshferry([...argv, '--allow-inconsistent', '--json']);
      expect(allowed.exit).toBe(0);
      expect(allowed.result.targets[0]).toMatchObject({ phase: 'applied', firmwareIdAfter: '59000300000000000000' });
    },
  );

  test.skipIf(groundTruth === null)('a package with several images, unless one is chosen', async () => {
    const file = sharedFirmware('synthetic/multi-image-format1.zip');
    const argv = ['dfu', 'run', file, '--bearer', 'sim:targets=1', '--json'];
    expect(await meshferry(argv)).toMatchObject({ exit: 2, result: { error: { code: 'several-images' } } });
    expect(await meshferry([...argv, '--image', '7'])).toMatchObject({
      exit: 2,
      result: { error: { code: 'no-such-image' } },
    });
    expect(await meshferry([...argv, '--image', '0'])).toMatchObject({ exit: 0, result: { image: { size: 3663 } } });
  });

  test.skipIf(groundTruth === null).each([
    ['synthetic/direct-xip.zip', 'direct-xip'],
    ['synthetic/bootloader-s0-s1.zip', 'several-builds'],
  ])('a package with a build for each slot: %s', async (path, code) => {
    const argv = ['dfu', 'run', sharedFirmware(path), '--bearer', 'sim:targets=1', '--json'];
    expect(await meshferry(argv)).toMatchObject({ exit: 2, result: { error: { code, hint: expect.any(String) } } });
  });
});

describe('an option that cannot be meant ends with 2 and says what can', () => {
  test.each([
    ['no bearer', [], 'no bearer given', '--bearer sim:targets=10'],
    ['a state folder without a name', ['--bearer', 'sim:', '--state', ''], 'without a folder', '--state ./state'],
    ['two bearers', ['--bearer', 'sim:', '--bearer', 'sim:'], 'goes over one bearer', 'once'],
    ['an unknown bearer', ['--bearer', 'foo:bar'], 'unknown bearer "foo:bar"', 'meshferry bearer list'],
    ['a simulator key that is none', ['--bearer', 'sim:tragets=3'], 'unknown key "tragets"', 'targets'],
    ['a simulator value that is none', ['--bearer', 'sim:loss=2'], 'loss=2 is not allowed', 'from 0 to 1'],
    ['a trusted key that is not there', ['--bearer', 'sim:trust=nowhere.pem'], 'no key file nowhere.pem', 'path'],
    [
      'an unknown target',
      ['--bearer', 'sim:targets=3', '--targets', '0x0100,0x0200'],
      '0x0200 is not a target',
      '0x0100 to 0x0102',
    ],
    ['a target that is no address', ['--bearer', 'sim:', '--targets', 'lamp'], 'not a mesh address: "lamp"', '0x0100'],
    ['no targets at all', ['--bearer', 'sim:targets=0'], 'has no targets', 'targets=10'],
    [
      'a Distributor that is not there',
      ['--bearer', 'sim:', '--distributor', '0x0002'],
      '0x0002 is not a Distributor',
      'distributor=1',
    ],
    [
      'another Distributor',
      ['--bearer', 'sim:distributor=1', '--distributor', '0x0100'],
      '0x0100 is not a Distributor',
      '0x0002',
    ],
    ['a group that is none', ['--bearer', 'sim:', '--group', '0x0100'], '--group 0x0100', '0xC000'],
    ['metadata that is no hex', ['--bearer', 'sim:', '--metadata', 'xyz'], 'not a hex string', 'hex'],
    ['too much metadata', ['--bearer', 'sim:', '--metadata', '00'.repeat(256)], '256 octets', 'hex'],
    ['nothing to resume', ['--bearer', 'sim:', '--resume'], 'no unfinished update', '--state'],
    ['too much of the air', ['--bearer', 'sim:', '--airtime', '101%'], 'not a share of the air: "101%"', '30%'],
    ['too little of the air', ['--bearer', 'sim:', '--airtime', '0.5%'], 'not a share of the air: "0.5%"', '1%'],
    ['a number that is no share', ['--bearer', 'sim:', '--airtime', '30'], 'not a share of the air: "30"', '0.01'],
    ['air in words', ['--bearer', 'sim:', '--airtime', 'half'], 'not a share of the air: "half"', '30%'],
    ['SMP', ['--bearer', 'sim:', '--via', 'smp'], '--via smp is for a Distributor', '--distributor ADDR'],
  ])('%s', async (_, options, message, hint) => {
    const { exit, stdout, stderr } = await meshferry(['dfu', 'run', goodZip, ...options], { cwd: folder.path });
    expect(exit).toBe(2);
    expect(stdout).toBe('');
    const [first = '', second = ''] = stderr.split('\n');
    expect(first).toContain(message);
    expect(second).toContain(hint);
  });

  test('a bearer that exists but not here: 4', async () => {
    const { exit, stderr } = await meshferry(['dfu', 'run', goodZip, '--bearer', 'hci:tcp:127.0.0.1:9000']);
    expect(exit).toBe(4);
    expect(stderr).toContain('meshferry bearer list');
  });

  test.each(['status', 'resume', 'apply', 'cancel'])(
    'dfu %s without --state, and with a state that holds nothing',
    async (command) => {
      const without = await meshferry(['dfu', command, '--bearer', 'sim:targets=1']);
      expect(without.exit).toBe(2);
      expect(without.stderr).toContain('--state');
      const nothing = await meshferry([
        'dfu',
        command,
        '--bearer',
        'sim:targets=1',
        '--state',
        join(folder.path, 'nothing'),
      ]);
      expect(nothing.exit).toBe(command === 'status' ? 0 : 2);
      expect(nothing.stdout + nothing.stderr).toContain('no unfinished update');
    },
  );
});

describe('targets that cannot be updated', () => {
  /** Runs the good package; block size 256, so that there are blocks enough to fail in. */
  const run = (uri: string, ...options: string[]) =>
    meshferry(['dfu', 'run', goodZip, '--bearer', `sim:block=8,radio=ideal,${uri}`, '--json', ...options], {
      cwd: folder.path,
    });

  test('whose slot is smaller than the image: 1, with the reason of each', async () => {
    const { exit, result } = await run('targets=2,slot=1000');
    expect(exit).toBe(1);
    expect(result).toMatchObject({ ok: false, error: { code: 'update-failed' } });
    for (const target of result.targets) {
      expect(target).toMatchObject({
        phase: 'failed',
        error: { code: 'metadata-refused', hint: expect.stringContaining('slot') },
      });
    }
  });

  test.each([
    ['metadata', 'metadata-refused'],
    ['busy', 'target-busy'],
    ['full', 'not-enough-room'],
    ['verify', 'verification-failed'],
    ['flip', 'verification-failed'],
    ['apply', 'apply-failed'],
  ])('one that fails at "%s": 3, and the others are updated', async (step, code) => {
    const { exit, result } = await run(`targets=3,fail=0x0101@${step}`);
    expect(exit).toBe(3);
    expect(result.targets.map(({ phase }: { phase: string }) => phase)).toEqual(['applied', 'failed', 'applied']);
    expect(result.targets[1]).toMatchObject({
      firmwareIdAfter: null,
      error: { code, message: expect.stringContaining('0x0101') },
    });
    expect(result).toMatchObject({
      ok: false,
      error: { code: 'some-targets-failed', message: expect.stringContaining('1 of 3') },
    });
  });

  test('all that refuse the metadata: 1', async () => {
    const { exit, result } = await run('targets=2,fail=0x0100@metadata+0x0101@metadata');
    expect(exit).toBe(1);
    expect(result.error).toMatchObject({ code: 'update-failed', message: expect.stringContaining('all targets') });
  });

  test('one that never answers: 3', async () => {
    const { exit, result } = await run('targets=2,fail=0x0100@silent');
    expect(exit).toBe(3);
    expect(result.targets[0]).toMatchObject({
      phase: 'failed',
      firmwareIdBefore: null,
      error: { message: expect.stringContaining('0x0100') },
    });
    expect(result.targets[1].phase).toBe('applied');
  });

  test('one that stops answering in block 3: 3', async () => {
    const { exit, result } = await run('targets=2,fail=0x0101@block3');
    expect(exit).toBe(3);
    expect(result.targets[0].phase).toBe('applied');
    expect(result.targets[1]).toMatchObject({ phase: 'failed', error: { code: 'target-lost-in-transfer' } });
  });

  test('all lost on the way: 1, and the update can be taken up again', async () => {
    const state = join(folder.path, 'lost');
    const { exit, result } = await run('targets=2,fail=0x0100@block2+0x0101@block3', '--state', state);
    expect(exit).toBe(1);
    expect(result.error).toMatchObject({ code: 'update-failed', hint: expect.stringContaining('dfu resume') });
    for (const target of result.targets) expect(target.error.code).toBe('target-lost-in-transfer');
  });

  test('that trust another key than the image is signed with: 1', async () => {
    const { publicKey } = generateSigningKey(new SeededRandom('another'), 'another');
    const base64 = Buffer.from(publicKey.spki).toString('base64');
    folder.write('other.pem', `-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----\n`);
    const { exit, result } = await run('targets=2,trust=other.pem');
    expect(exit).toBe(1);
    for (const target of result.targets) expect(target.error.code).toBe('verification-failed');
  });
});

test('a loss of 20 % is no reason to fail', async () => {
  const { exit, result } = await meshferry(['dfu', 'run', goodZip, '--bearer', 'sim:targets=10,loss=0.2', '--json']);
  expect(exit).toBe(0);
  expect(result.targets).toHaveLength(10);
});
