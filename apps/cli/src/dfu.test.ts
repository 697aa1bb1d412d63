import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { firmware, intelHex, type Json, meshferry, temporaryFolder } from './testing/cli.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const made = await firmware(5000);
const zip = folder.write('update.zip', made.zip);

/** Block log 8, so that even a small image has blocks enough to show progress. */
const NETWORK = ['--bearer', 'sim:targets=3,block=8,radio=ideal'];

const phases = (result: Json): string[] => result.targets.map(({ phase }: Json) => phase);

describe('dfu run --json', () => {
  test('ends with the result that the contract describes', async () => {
    const { exit, result, stderr } = await meshferry(['dfu', 'run', zip, ...NETWORK, '--json']);
    expect(exit).toBe(0);
    expect(stderr).toBe('');
    expect(result).toEqual({
      type: 'result',
      ok: true,
      image: {
        size: made.image.length,
        sha256: createHash('sha256').update(made.image).digest('hex'),
        firmwareId: '59000200000000000000',
        metadata: { version: '2.0.0+0', encoded: Buffer.from(made.metadata).toString('hex') },
        warnings: [expect.stringContaining('signed with the sample key meshferry-demo')],
      },
      targets: ['0x0100', '0x0101', '0x0102'].map((address) => ({
        address,
        phase: 'applied',
        firmwareIdBefore: '59000000000000000000',
        firmwareIdAfter: '59000200000000000000',
        error: null,
      })),
      stats: {
        simulatedSeconds: expect.any(Number),
        transferSeconds: expect.any(Number),
        wallSeconds: expect.any(Number),
        advertisingPdus: expect.any(Number),
        chunksSent: expect.any(Number),
        chunksResent: expect.any(Number),
        goodputBytesPerSecond: expect.any(Number),
        airBoundSeconds: expect.any(Number),
        settingsBoundSeconds: expect.any(Number),
      },
    });
    const { stats } = result;
    expect(stats.simulatedSeconds).toBeGreaterThan(stats.transferSeconds);
    expect(stats.transferSeconds).toBeGreaterThan(stats.airBoundSeconds);
    expect(stats.goodputBytesPerSecond).toBeCloseTo(made.image.length / stats.transferSeconds, 0);
    expect(stats.advertisingPdus).toBeGreaterThan(stats.chunksSent);
  });

  test('tells every phase of the job and never goes back', async () => {
    const { events } = await meshferry(['dfu', 'run', zip, ...NETWORK, '--json']);
    const progress = events.filter(({ type }) => type === 'progress');
    expect(progress).toHaveLength(events.length - 1);
    const seen = [...new Set(progress.map(({ phase }) => phase))];
    expect(seen).toEqual(
      expect.arrayContaining(['checking', 'starting', 'transferring', 'applying', 'confirming', 'done']),
    );
    const transfer = progress.filter(({ phase }) => phase === 'transferring');
    expect(transfer.length).toBeGreaterThan(5);
    for (const [i, event] of transfer.entries()) {
      expect(event.percent).toBeGreaterThanOrEqual(transfer[i - 1]?.percent ?? 0);
      expect(event.elapsedSeconds).toBeGreaterThanOrEqual(transfer[i - 1]?.elapsedSeconds ?? 0);
      expect(event.targets).toHaveLength(3);
    }
    expect(transfer.at(-1)).toMatchObject({ percent: 100, bytesPerSecond: expect.any(Number) });
  });

  test('is the same run for the same seed, another one for another', async () => {
    const run = async (seed: number): Promise<Json> => {
      const argv = ['dfu', 'run', zip, '--bearer', `sim:targets=3,seed=${seed}`, '--json'];
      const { stats } = (await meshferry(argv)).result;
      return { ...stats, wallSeconds: 0 };
    };
    const first = await run(7);
    expect(await run(7)).toEqual(first);
    expect(await run(8)).not.toEqual(first);
  });
});

describe('dfu run', () => {
  test('shows phases and a table with the old and the new version in a pipe', async () => {
    const { exit, stdout } = await meshferry(['dfu', 'run', zip, ...NETWORK]);
    expect(exit).toBe(0);
    for (const text of ['asking the targets', 'sending the image', '100 %', 'applying', 'confirming']) {
      expect(stdout).toContain(text);
    }
    expect(stdout).toMatch(/0x0102 {2}applied {2}0\.0\.0 → 2\.0\.0/);
    expect(stdout).toContain('3 of 3 targets updated');
    expect(stdout).not.toContain('\u001b');
  });

  test('takes an MCUboot image and an Intel HEX, with metadata from the header', async () => {
    const bin = folder.write('app.signed.bin', made.image);
    const hex = folder.write('app.hex', intelHex(made.image, 0xc000));
    for (const file of [bin, hex]) {
      const { exit, result } = await meshferry(['dfu', 'run', file, ...NETWORK, '--json']);
      expect(exit).toBe(0);
      expect(result.image).toMatchObject({ size: made.image.length, metadata: { version: '2.0.0+0' } });
      expect(result.targets[0].firmwareIdAfter).toBe('59000200000000000000');
    }
  });

  test('sends the metadata that it is given, and expects the version in it', async () => {
    const metadata = Buffer.from(made.metadata);
    metadata[0] = 9;
    const argv = ['dfu', 'run', zip, ...NETWORK, '--metadata', metadata.toString('hex'), '--json'];
    const { exit, result } = await meshferry(argv);
    expect(exit).toBe(0);
    expect(result.image.metadata.encoded).toBe(metadata.toString('hex'));
    expect(result.targets[0].firmwareIdAfter).toBe('59000900000000000000');
  });

  test('updates only the targets that are named, each once', async () => {
    const argv = ['dfu', 'run', zip, ...NETWORK, '--targets', '0x0102,0x0100,0x0102', '--json'];
    const { exit, result } = await meshferry(argv);
    expect(exit).toBe(0);
    expect(result.targets.map(({ address }: Json) => address)).toEqual(['0x0102', '0x0100']);
  });

  test('sends to each target alone with --group none', async () => {
    const { exit, result } = await meshferry(['dfu', 'run', zip, ...NETWORK, '--group', 'none', '--json']);
    expect(exit).toBe(0);
    expect(phases(result)).toEqual(['applied', 'applied', 'applied']);
  });

  test.each(['0xC000', 'none'])('sends what the targets ask for with --mode pull, --group %s', async (group) => {
    const argv = ['dfu', 'run', zip, ...NETWORK, '--mode', 'pull', '--group', group, '--json'];
    const { exit, result } = await meshferry(argv);
    expect(exit).toBe(0);
    expect(phases(result)).toEqual(['applied', 'applied', 'applied']);
  });

  test('lets a Distributor do it, which it uploads to', async () => {
    const argv = ['dfu', 'run', zip, '--bearer', 'sim:targets=3,distributor=1', '--distributor', '0x0002', '--json'];
    const { exit, events, result } = await meshferry(argv);
    expect(exit).toBe(0);
    expect(events.some(({ phase }) => phase === 'uploading')).toBe(true);
    expect(phases(result)).toEqual(['applied', 'applied', 'applied']);
    expect(result.targets[0].firmwareIdAfter).toBe('59000200000000000000');
  });

  test.each([
    ['', []],
    [',distributor=1', ['--distributor', '0x0002']],
  ])('is done when targets leave the network as they said%s', async (more, flags) => {
    const uri = `sim:targets=2,effect=unprovision,radio=ideal${more}`;
    const { exit, result } = await meshferry(['dfu', 'run', zip, '--bearer', uri, ...flags, '--json']);
    expect(exit).toBe(0);
    expect(phases(result)).toEqual(['unprovisioned', 'unprovisioned']);
  });

  test('logs to standard error when asked, and never a key', async () => {
    const { stdout, stderr } = await meshferry(['dfu', 'run', zip, ...NETWORK, '--json', '--log', 'info']);
    expect(stderr).toMatch(/^info {2}/m);
    for (const line of stdout.trimEnd().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
  });
});

describe('dfu run --policy verify', () => {
  test('stops when the image is verified; dfu apply goes on in another process', async () => {
    const network = [...NETWORK, '--state', join(folder.path, 'verify')];
    const verified = await meshferry(['dfu', 'run', zip, ...network, '--policy', 'verify']);
    expect(verified.exit).toBe(0);
    expect(verified.stdout).toContain('3 of 3 targets verified');
    expect(verified.stdout).toContain('meshferry dfu apply');
    const status = await meshferry(['dfu', 'status', ...network, '--json']);
    expect(status.result.job).toMatchObject({
      phase: 'verified',
      policy: 'verify',
      image: { size: made.image.length },
    });
    const targets = await meshferry(['dfu', 'targets', ...network, '--json']);
    expect(targets.result.targets[0].version).toBe('0.0.0');
    const applied = await meshferry(['dfu', 'apply', ...network, '--json']);
    expect(applied.exit).toBe(0);
    expect(phases(applied.result)).toEqual(['applied', 'applied', 'applied']);
    expect((await meshferry(['dfu', 'status', ...network, '--json'])).result.job).toBeNull();
    expect((await meshferry(['dfu', 'targets', ...network, '--json'])).result.targets[0].version).toBe('2.0.0');
  });

  test('without --state it says that nothing is kept', async () => {
    const { exit, stdout } = await meshferry(['dfu', 'run', zip, ...NETWORK, '--policy', 'verify']);
    expect(exit).toBe(0);
    expect(stdout).toContain('without --state the simulated world ends here');
  });
});

describe('dfu targets', () => {
  test('lists what the nodes run', async () => {
    const { exit, result } = await meshferry(['dfu', 'targets', '--bearer', 'sim:targets=2,version=1.2.3+4', '--json']);
    expect(exit).toBe(0);
    const runs = { firmwareId: '59000102030004000000', version: '1.2.3+4' };
    const images = [{ index: 0, ...runs, updateUri: null }];
    expect(result.targets).toEqual([
      { address: '0x0100', ...runs, images, error: null },
      { address: '0x0101', ...runs, images, error: null },
    ]);
  });

  test('lists every image of a node with several', async () => {
    const argv = ['dfu', 'targets', '--bearer', 'sim:targets=1,images=app+net'];
    const { result } = await meshferry([...argv, '--json']);
    expect(result.targets[0].images).toMatchObject([
      { index: 0, version: '0.0.0' },
      { index: 1, version: '0.0.0' },
    ]);
    const { stdout } = await meshferry(argv);
    expect(stdout).toMatch(/^target {2}image .*\n0x0100 {2}0 .*\n0x0100 {2}1 .*\n1 target$/m);
  });

  test('ends with 3 when one is silent, 1 when all are', async () => {
    const some = await meshferry(['dfu', 'targets', '--bearer', 'sim:targets=2,fail=0x0100@silent', '--json']);
    expect(some.exit).toBe(3);
    expect(some.result).toMatchObject({
      ok: false,
      error: { code: 'targets-silent', message: '1 of 2 targets did not answer' },
    });
    const all = await meshferry(['dfu', 'targets', '--bearer', 'sim:targets=1,fail=0x0100@silent']);
    expect(all.exit).toBe(1);
    expect(all.stderr).toMatch(/1 of 1 target did not answer\n {2}Check that they are powered/);
  });
});

describe('dfu plan', () => {
  test('says who takes the image, how it will be sent and how long it may take; sends no image', async () => {
    const { exit, result } = await meshferry(['dfu', 'plan', zip, ...NETWORK, '--json']);
    expect(exit).toBe(0);
    expect(result.targets[0]).toEqual({
      address: '0x0100',
      accepts: true,
      effect: 'none',
      reason: null,
      version: '0.0.0',
    });
    expect(result.plan).toEqual({
      mode: 'push',
      destination: '0xc000',
      chunkSize: expect.any(Number),
      blockSizeLog: 8,
      copies: expect.any(Number),
      timeoutBase: 3,
    });
    expect(result.airtimeShare).toBeGreaterThan(0);
    expect(result.airtimeShare).toBeLessThanOrEqual(1);
    const { low, expected, high } = result.etaSeconds;
    const { stats } = (await meshferry(['dfu', 'run', zip, ...NETWORK, '--json'])).result;
    expect(low).toBeLessThan(expected);
    expect(stats.simulatedSeconds).toBeGreaterThan(low / 2);
    expect(stats.simulatedSeconds).toBeLessThan(high);
  });

  test('ends with 1 where the targets allow no size of chunks, as the update would', async () => {
    const { exit, result } = await meshferry(['dfu', 'plan', zip, '--bearer', 'sim:targets=2,block=20', '--json']);
    expect(exit).toBe(1);
    expect(result).toMatchObject({ ok: false, plan: null, etaSeconds: null, error: { code: 'no-common-sizes' } });
    const text = await meshferry(['dfu', 'plan', zip, '--bearer', 'sim:targets=2,block=20']);
    expect(text.stderr).toContain('no sizes of blocks and chunks in common');
  });

  test('ends with 3 and the reason when one refuses, 1 when all do', async () => {
    const some = await meshferry([
      'dfu',
      'plan',
      zip,
      '--bearer',
      'sim:targets=2,fail=0x0101@metadata,effect=composition',
      '--json',
    ]);
    expect(some.exit).toBe(3);
    expect(some.result.targets).toMatchObject([
      { accepts: true, effect: 'composition', reason: null },
      { accepts: false, effect: null, reason: expect.stringContaining('0x0101') },
    ]);
    const all = await meshferry(['dfu', 'plan', zip, '--bearer', 'sim:targets=1,slot=100', '--json']);
    expect(all.exit).toBe(1);
    expect(all.result).toMatchObject({ ok: false, plan: null, etaSeconds: null, error: { hint: expect.any(String) } });
  });

  test('plans for the mode and the image of the targets that the update would be given', async () => {
    const argv = ['dfu', 'plan', zip, '--bearer', 'sim:targets=1,images=app+blob', '--json'];
    expect((await meshferry([...argv, '--mode', 'pull'])).result.plan.mode).toBe('pull');
    const { exit, result } = await meshferry([...argv, '--target-image', '1']);
    expect(exit, 'an application is no file').toBe(1);
    expect(result.targets[0].reason).toContain('does not want this firmware');
  });
});

describe('demo', () => {
  test('updates ten nodes, leaves nothing on the disk and says what to try next', async () => {
    const state = join(folder.path, 'demo');
    const { exit, stdout } = await meshferry(['demo', '--state', state]);
    expect(exit).toBe(0);
    expect(stdout.match(/applied {2}0\.0\.0 → 1\.1\.0/g)).toHaveLength(10);
    expect(stdout).toContain('What to try next');
    expect(
      (await meshferry(['dfu', 'status', '--bearer', 'sim:targets=10', '--state', state, '--json'])).result.job,
    ).toBeNull();
  });

  test('is a result for programs too', async () => {
    const { exit, result } = await meshferry(['demo', '--json']);
    expect(exit).toBe(0);
    expect(result).toMatchObject({ ok: true, image: { metadata: { version: '1.1.0+0' } } });
  });
});
