import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { storeView, toHex } from '@meshferry/core';
import { parseSimUri, World } from '@meshferry/sim';
import { openSqliteStore } from '@meshferry/store-sqlite';
import { afterAll, describe, expect, test } from 'vitest';
import { firmware, type Json, meshferry, type Outcome, temporaryFolder } from './testing/cli.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const made = await firmware(40_000);
const zip = folder.write('update.zip', made.zip);
const URI = 'sim:targets=2,distributor=1,smp=1';
const BY_SMP = ['--distributor', '0x0002', '--via', 'smp'];
const script = fileURLToPath(new URL('testing/process.ts', import.meta.url));
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** What the targets of the world kept under `state` have in their flash. */
function runningImages(uri: string, state: string): (string | undefined)[] {
  const [world = ''] = readdirSync(join(state, 'sim'));
  const store = openSqliteStore(join(state, 'sim', world, 'world.sqlite'));
  const { targets } = new World({ sim: parseSimUri(uri), store: storeView(store, 'sim/') });
  const images = targets.map(({ runningImage }) => runningImage && toHex(runningImage));
  store.close();
  return images;
}

function network(name: string, uri: string = URI): { at: readonly string[]; images(): (string | undefined)[] } {
  const state = join(folder.path, name);
  return { at: ['--bearer', uri, '--state', state], images: () => runningImages(uri, state) };
}

const WHOLE = new Array(2).fill(toHex(made.image));
const percents = ({ events }: Outcome): number[] =>
  events.filter(({ phase }) => phase === 'uploading').map(({ percent }) => percent);
const atHalf = (stdout: string): boolean => /"phase":"uploading","percent":[45]\d/.test(stdout);

describe('dfu run --via smp', () => {
  test('updates every target byte for byte, with an upload that is many times faster than over the mesh', async () => {
    const seconds: Record<string, number> = {};
    for (const via of ['mesh', 'smp']) {
      const { at, images } = network(via);
      const argv = ['dfu', 'run', zip, ...at, '--distributor', '0x0002', '--via', via, '--json'];
      const { exit, result } = await meshferry(argv);
      expect(exit).toBe(0);
      expect(result.targets.map(({ phase }: Json) => phase)).toEqual(['applied', 'applied']);
      expect(images()).toEqual(WHOLE);
      seconds[via] = result.stats.uploadSeconds;
    }
    const { mesh = 0, smp = 0 } = seconds;
    console.info(`upload of ${made.image.length} octets: ${mesh} s over the mesh, ${smp} s by SMP`);
    expect(smp).toBeGreaterThan(1);
    expect(mesh / smp).toBeGreaterThan(25);
  }, 120_000);

  test('has a simulated Distributor offer SMP that was not told whether to', async () => {
    const { exit, stdout } = await meshferry(['dfu', 'run', zip, '--bearer', 'sim:targets=1,distributor=1', ...BY_SMP]);
    expect(exit).toBe(0);
    expect(stdout).toContain('--bearer sim:targets=1,distributor=1,smp=1');
    expect(stdout).toMatch(/upload to Distributor 0x0002 by SMP \d/);
  }, 60_000);

  test('tells people of the upload', async () => {
    const { exit, stdout } = await meshferry(['dfu', 'run', zip, '--bearer', URI, ...BY_SMP]);
    expect(exit).toBe(0);
    expect(stdout).toContain('uploading to the Distributor');
    expect(stdout).toMatch(/upload to Distributor 0x0002 by SMP \d/);
  }, 60_000);

  test.each(['block5', 'reboot5'])(
    'goes on after its link was lost in the middle: %s',
    async (step) => {
      const { at, images } = network(step, `${URI},fail=0x0002@${step}`);
      const outcome = await meshferry(['dfu', 'run', zip, ...at, ...BY_SMP, '--json']);
      expect(outcome.exit).toBe(0);
      const seen = percents(outcome);
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
      expect(images()).toEqual(WHOLE);
    },
    60_000,
  );

  test('goes on after Ctrl-C in the upload', async () => {
    const { at, images } = network('interrupted');
    const first = await meshferry(['dfu', 'run', zip, ...at, ...BY_SMP, '--json'], { interruptWhen: atHalf });
    expect(first).toMatchObject({ exit: 130, result: { error: { code: 'interrupted' } } });
    expect(first.result.error.hint).toBe(`Go on with: meshferry dfu resume ${at.join(' ')}`);
    const status = await meshferry(['dfu', 'status', ...at, '--json']);
    expect(status.result.job).toMatchObject({ phase: 'uploading', distributor: '0x0002', via: 'smp' });
    const resumed = await meshferry(['dfu', 'resume', ...at, '--json']);
    expect(resumed.exit).toBe(0);
    // What the Distributor had was not sent again.
    expect(percents(resumed).find((percent) => percent > 0)).toBeGreaterThanOrEqual(40);
    expect(images()).toEqual(WHOLE);
  }, 60_000);

  test('goes on after kill -9 in the upload, with --resume', async () => {
    const { at, images } = network('killed');
    const argv = [
      '--import=tsx',
      '--conditions=@meshferry/source',
      script,
      'dfu',
      'run',
      zip,
      ...at,
      ...BY_SMP,
      '--json',
    ];
    const child = spawn(process.execPath, argv, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (/"phase":"uploading","percent":[3-9]\d/.test(output)) child.kill('SIGKILL');
    });
    const [, signal] = await once(child, 'close');
    expect(signal).toBe('SIGKILL');
    expect(output).not.toContain('"phase":"done"');
    const resumed = await meshferry(['dfu', 'run', zip, ...at, '--resume', '--json']);
    expect(resumed.exit).toBe(0);
    expect(images()).toEqual(WHOLE);
  }, 120_000);

  test('ends with 4 and the way over the mesh where the Distributor offers no SMP', async () => {
    const { at } = network('without', 'sim:targets=2,distributor=1,smp=0');
    const { exit, result } = await meshferry(['dfu', 'run', zip, ...at, ...BY_SMP, '--json']);
    expect(exit).toBe(4);
    expect(result.error).toMatchObject({ code: 'distributor-no-smp', hint: expect.stringContaining('--via mesh') });
    expect(result.error.message).toContain('Distributor 0x0002 cannot be reached by SMP');
    // Nothing is left in the way of the next one.
    const over = ['--distributor', '0x0002', '--via', 'mesh', '--policy', 'verify', '--json'];
    expect((await meshferry(['dfu', 'run', zip, ...at, ...over])).exit).toBe(0);
  }, 60_000);

  test('keeps the update when its Distributor has gone, and the next command takes it up', async () => {
    const { at, images } = network('gone');
    await meshferry(['dfu', 'run', zip, ...at, ...BY_SMP, '--json'], { interruptWhen: atHalf });
    const cancelled = await meshferry(['dfu', 'cancel', ...at, '--json']);
    expect(cancelled.exit).toBe(0);
    // The slot was given up with it: another update begins anew.
    const again = await meshferry(['dfu', 'run', zip, ...at, ...BY_SMP, '--json']);
    expect(again.exit).toBe(0);
    expect(images()).toEqual(WHOLE);
  }, 60_000);

  test.each([
    [['--via', 'smp'], 'no-distributor'],
    [['--via', 'smp', '--distributor', 'self'], 'no-distributor'],
    [['--via', 'smp', '--distributor', '0x0002', '--oob-uri', 'https://example.com/fw'], 'two-ways'],
    [['--via', 'smp', '--distributor', '0x0002', '--smp', 'udp:127.0.0.1:1337'], 'smp-is-known'],
    [['--distributor', '0x0002', '--smp', 'udp:127.0.0.1:1337'], 'not-via-smp'],
  ])('ends with 2 and says what to type for %j', async (flags, code) => {
    const { exit, result } = await meshferry(['dfu', 'run', zip, '--bearer', URI, ...flags, '--json']);
    expect(exit).toBe(2);
    expect(result.error).toMatchObject({ code, hint: expect.any(String) });
  });

  test('does not change its way in the middle', async () => {
    const { at } = network('settled');
    await meshferry(['dfu', 'run', zip, ...at, ...BY_SMP, '--json'], { interruptWhen: atHalf });
    const { exit, result } = await meshferry(['dfu', 'run', zip, ...at, '--resume', '--via', 'mesh', '--json']);
    expect(exit).toBe(2);
    expect(result.error.code).toBe('settled-at-start');
  }, 60_000);
});
