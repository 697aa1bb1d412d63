import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { firmware, type Json, meshferry, temporaryFolder } from './testing/cli.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const zip = folder.write('update.zip', (await firmware(40_000)).zip);
/** Nothing is lost on the ideal radio, so that every chunk that is sent twice is the fault of the resumption. */
const URI = 'sim:targets=3,radio=ideal,block=10';

/** What an interrupted job was at: the moment within a chunk is that of the machine. */
const WHERE = expect.stringMatching(/^(transferring|suspended)$/);
const atHalf = (stdout: string): boolean => /"phase":"transferring","percent":5\d/.test(stdout);
const progressOf = (events: readonly Json[]): Json[] => events.filter(({ phase }) => phase === 'transferring');

describe('Ctrl-C in the middle of an update', () => {
  test('saves the state; --resume goes on and sends no finished block again', async () => {
    const network = ['--bearer', URI, '--state', join(folder.path, 'state')];
    // Stock settings: all chunks are of one size, so that their number tells what was sent.
    const argv = ['dfu', 'run', zip, '--settings', 'stock', '--json'];
    const whole = await meshferry([...argv, '--bearer', URI]);
    expect(whole).toMatchObject({ exit: 0, result: { stats: { chunksResent: 0 } } });

    const first = await meshferry([...argv, ...network], { interruptWhen: atHalf });
    expect(first.exit).toBe(130);
    expect(first.result).toMatchObject({ ok: false, error: { code: 'interrupted' } });
    expect(first.result.error.message).toContain('the state is saved in');
    expect(first.result.error.hint).toBe(`Go on with: meshferry dfu resume ${network.join(' ')}`);
    const before = progressOf(first.events).at(-1);
    expect(before.blocks.done).toBeGreaterThan(0.4 * before.blocks.of);

    const resumed = await meshferry(['dfu', 'run', zip, ...network, '--resume', '--json']);
    expect(resumed.exit).toBe(0);
    for (const target of resumed.result.targets) {
      expect(target).toMatchObject({ phase: 'applied', firmwareIdAfter: '59000200000000000000' });
    }
    const after = progressOf(resumed.events).filter(({ blocks }) => blocks.done > 0);
    expect(after[0].blocks.done).toBeGreaterThanOrEqual(before.blocks.done);
    // Both runs together against one that was not disturbed: at most the block in the middle went twice.
    const perBlock = Math.ceil(whole.result.stats.chunksSent / before.blocks.of);
    expect(resumed.result.stats.chunksSent).toBeLessThanOrEqual(whole.result.stats.chunksSent + perBlock);
  });

  test.each(['uploading', 'transferring'])('while %s with a Distributor: it too is taken up again', async (phase) => {
    const network = ['--bearer', `${URI},distributor=1`, '--state', join(folder.path, phase)];
    const first = await meshferry(['dfu', 'run', zip, ...network, '--distributor', '0x0002', '--json'], {
      interruptWhen: (stdout) => new RegExp(`"phase":"${phase}","percent":[2-9]\\d`).test(stdout),
    });
    expect(first.exit).toBe(130);
    const resumed = await meshferry(['dfu', 'resume', ...network, '--json']);
    expect(resumed.exit).toBe(0);
    expect(resumed.result.targets.map((target: Json) => target.phase)).toEqual(['applied', 'applied', 'applied']);
  });

  test('without --state it says that nothing could be saved', async () => {
    const { exit, stderr } = await meshferry(['dfu', 'run', zip, '--bearer', URI], {
      interruptWhen: (stdout) => stdout.includes('50 %'),
    });
    expect(exit).toBe(130);
    expect(stderr).toMatch(/^error: interrupted while transferring, \d+ % of the image sent; nothing could be saved\n/);
    expect(stderr).toContain('give --state DIR');
  });

  test('leaves a terminal with its cursor', async () => {
    const { exit, stdout } = await meshferry(['dfu', 'run', zip, '--bearer', URI], {
      columns: 80,
      interruptWhen: (text) => text.includes('sending the image'),
    });
    expect(exit).toBe(130);
    expect(stdout).toContain('\u001b[?25l');
    expect(stdout.lastIndexOf('\u001b[?25h')).toBeGreaterThan(stdout.lastIndexOf('\u001b[?25l'));
  });
});

describe('an unfinished update', () => {
  const network = ['--bearer', URI, '--state', join(folder.path, 'unfinished')];

  test('is never restarted silently, whatever the image; resume takes the same image alone', async () => {
    const first = await meshferry(['dfu', 'run', zip, ...network, '--json'], { interruptWhen: atHalf });
    expect(first.exit).toBe(130);
    const other = folder.write('other.zip', (await firmware(3000)).zip);
    for (const file of [zip, other]) {
      const { exit, stderr } = await meshferry(['dfu', 'run', file, ...network]);
      expect(exit).toBe(2);
      expect(stderr).toContain('--resume');
      expect(stderr).toContain('meshferry dfu cancel');
    }
    const wrong = await meshferry(['dfu', 'run', other, ...network, '--resume', '--json']);
    expect(wrong).toMatchObject({ exit: 2, result: { error: { code: 'other-image' } } });
    const settled = await meshferry(['dfu', 'run', zip, ...network, '--resume', '--targets', '0x0100', '--json']);
    expect(settled).toMatchObject({ exit: 2, result: { error: { code: 'settled-at-start' } } });
    const early = await meshferry(['dfu', 'apply', ...network, '--json']);
    expect(early).toMatchObject({ exit: 2, result: { error: { code: 'not-verified' } } });
  });

  test('shows in dfu status', async () => {
    const { exit, result } = await meshferry(['dfu', 'status', ...network, '--json']);
    expect(exit).toBe(0);
    expect(result.job).toMatchObject({ phase: WHERE, group: '0xc000', distributor: 'self' });
    const { stdout } = await meshferry(['dfu', 'status', ...network]);
    expect(stdout).toMatch(/Unfinished update to 2\.0\.0: (sending the image|suspended)/);
  });

  test('goes on with dfu resume, which needs no file', async () => {
    const { exit, result } = await meshferry(['dfu', 'resume', ...network, '--json']);
    expect(exit).toBe(0);
    expect(result.targets.map(({ phase }: Json) => phase)).toEqual(['applied', 'applied', 'applied']);
    expect((await meshferry(['dfu', 'status', ...network, '--json'])).result.job).toBeNull();
  });

  test('ends with dfu cancel, and the targets are free for the next one', async () => {
    expect((await meshferry(['dfu', 'run', zip, ...network, '--json'], { interruptWhen: atHalf })).exit).toBe(130);
    const cancelled = await meshferry(['dfu', 'cancel', ...network, '--json']);
    expect(cancelled).toMatchObject({ exit: 0, result: { cancelled: { phase: WHERE } } });
    const next = await meshferry(['dfu', 'run', zip, ...network, '--json']);
    expect(next.exit).toBe(0);
  });
});

const bin = fileURLToPath(new URL('../bin/meshferry.js', import.meta.url));
const built = existsSync(new URL('../dist/index.js', import.meta.url));
if (!built) console.log('skipped: apps/cli is not built, the real process is not interrupted');

describe.skipIf(!built)('the process', () => {
  const start = (argv: readonly string[]) => {
    const child = spawn(process.execPath, [bin, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => {
      output.stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      output.stderr += chunk.toString();
    });
    return { child, output };
  };
  const end = async (child: ReturnType<typeof spawn>): Promise<number | null> => (await once(child, 'close'))[0];

  test.each(['SIGINT', 'SIGTERM'] as const)('ends with 130 on %s, and another one goes on', async (signal) => {
    const large = folder.write('large.zip', (await firmware(120_000)).zip);
    const network = ['--bearer', 'sim:targets=10', '--state', join(folder.path, signal)];
    const { child, output } = start(['dfu', 'run', large, ...network]);
    let killed = false;
    child.stdout.on('data', () => {
      if (!killed && output.stdout.includes('10 %')) killed = child.kill(signal);
    });
    expect(await end(child)).toBe(130);
    expect(output.stderr).toContain('the state is saved');
    const again = start(['dfu', 'resume', ...network]);
    expect(await end(again.child)).toBe(0);
    expect(again.output.stdout).toContain('10 of 10 targets updated');
  });

  test('ends with the exit code of the command', async () => {
    const { child, output } = start(['fw', 'inspect', 'nowhere.zip', '--json']);
    expect(await end(child)).toBe(2);
    expect(JSON.parse(output.stdout)).toMatchObject({ ok: false, error: { code: 'file-not-found' } });
  });
});
