import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { firmware, type Json, meshferry, temporaryFolder } from './testing/cli.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const zip = folder.write('update.zip', (await firmware(8000)).zip);
const NEW = '59000200000000000000';
const phases = (result: Json): string[] => result.targets.map(({ phase }: Json) => phase);
const half = (stdout: string): boolean => /"phase":"transferring","percent":[3-9]\d/.test(stdout);

/** The options of a network of its own. */
function network(name: string, uri: string): string[] {
  return ['--bearer', uri, '--state', join(folder.path, name)];
}

describe('a job through a Distributor', () => {
  const at = network('remote', 'sim:targets=3,distributor=1,radio=ideal,block=8');

  test('can be looked at, suspended, resumed and cancelled', async () => {
    const argv = ['dfu', 'run', zip, ...at, '--distributor', '0x0002', '--json'];
    expect((await meshferry(argv, { interruptWhen: half })).exit).toBe(130);
    const status = await meshferry(['dfu', 'status', ...at, '--json']);
    expect(status.exit).toBe(0);
    expect(status.result.job).toMatchObject({
      distributor: '0x0002',
      distribution: {
        phase: expect.stringMatching(/^Transfer/),
        receivers: ['0x0100', '0x0101', '0x0102'].map((address) => ({ address, percent: expect.any(Number) })),
      },
    });
    const text = await meshferry(['dfu', 'status', ...at]);
    expect(text.stdout).toMatch(/The Distributor says: Transfer \w+, \d+ % at the slowest of 3\./);

    const suspended = await meshferry(['dfu', 'suspend', ...at, '--json']);
    expect(suspended).toMatchObject({ exit: 0, result: { ok: true, suspended: { phase: 'suspended' } } });
    expect((await meshferry(['dfu', 'status', ...at, '--json'])).result.job.distribution.phase).toBe(
      'Transfer Suspended',
    );

    const resumed = await meshferry(['dfu', 'resume', ...at, '--json']);
    expect(resumed.exit).toBe(0);
    expect(phases(resumed.result)).toEqual(['applied', 'applied', 'applied']);
    expect((await meshferry(['dfu', 'suspend', ...at, '--json'])).exit).toBe(2);

    expect((await meshferry([...argv, '--group', 'none'], { interruptWhen: half })).exit).toBe(130);
    const cancelled = await meshferry(['dfu', 'cancel', ...at]);
    expect(cancelled.exit).toBe(0);
    expect(cancelled.stdout).toContain('is cancelled');
    expect((await meshferry(['dfu', 'status', ...at, '--json'])).result.job).toBeNull();
  });

  test('waits for dfu apply, with every report in between', async () => {
    const of = network('verify', 'sim:targets=2,distributor=1,radio=ideal');
    const verified = await meshferry([
      'dfu',
      'run',
      zip,
      ...of,
      '--distributor',
      '0x0002',
      '--policy',
      'verify',
      '--json',
    ]);
    expect(verified.exit).toBe(0);
    expect(phases(verified.result)).toEqual(['verified', 'verified']);
    const suspended = await meshferry(['dfu', 'suspend', ...of, '--json']);
    expect(suspended).toMatchObject({ exit: 1, result: { error: { code: 'distributor-wrong-phase' } } });
    const applied = await meshferry(['dfu', 'apply', ...of, '--json']);
    expect(applied.exit).toBe(0);
    expect(applied.result.targets[0]).toMatchObject({ phase: 'applied', firmwareIdAfter: NEW });
  });

  test('ends with 4 when the Distributor does not answer, and can be forgotten here', async () => {
    const of = network('silent', 'sim:targets=2,distributor=1,radio=ideal,fail=0x0002@silent');
    const { exit, result } = await meshferry(['dfu', 'run', zip, ...of, '--distributor', '0x0002', '--json']);
    expect(exit).toBe(4);
    expect(result).toMatchObject({ ok: false, error: { code: 'distributor-silent', hint: expect.any(String) } });
    const status = await meshferry(['dfu', 'status', ...of, '--json']);
    expect(status.exit).toBe(0);
    expect(status.result.job.distribution).toMatchObject({ phase: null, error: { code: 'distributor-silent' } });
    expect((await meshferry(['dfu', 'status', ...of])).stderr).toContain('does not answer');
    expect((await meshferry(['dfu', 'resume', ...of, '--json'])).exit).toBe(4);
    expect((await meshferry(['dfu', 'cancel', ...of, '--only-here', '--json'])).exit).toBe(0);
    expect((await meshferry(['dfu', 'status', ...of, '--json'])).result.job).toBeNull();
  });
});

test('a target that somebody left in the middle is freed by cancelling at the target', async () => {
  const of = network('left', 'sim:targets=2,radio=ideal,block=8');
  expect((await meshferry(['dfu', 'run', zip, ...of, '--policy', 'verify', '--json'])).exit).toBe(0);
  const early = await meshferry(['dfu', 'cancel', ...of, '--targets', '0x0101', '--json']);
  expect(early).toMatchObject({ exit: 2, result: { error: { code: 'job-unfinished' } } });
  expect((await meshferry(['dfu', 'cancel', ...of, '--only-here', '--json'])).exit).toBe(0);
  const busy = await meshferry(['dfu', 'run', zip, ...of, '--targets', '0x0101', '--json']);
  expect(busy.exit).toBe(1);
  expect(busy.result.targets[0]).toMatchObject({ error: { code: 'target-busy' } });
  const { exit, result } = await meshferry(['dfu', 'cancel', ...of, '--targets', '0x0101', '--json']);
  expect(exit).toBe(0);
  expect(result.targets).toEqual([{ address: '0x0101', phase: 'Idle', error: null }]);
  const again = await meshferry(['dfu', 'run', zip, ...of, '--targets', '0x0101', '--json']);
  expect(phases(again.result)).toEqual(['applied']);
});

describe('a job of this process', () => {
  const at = network('local', 'sim:targets=2,radio=ideal,block=8');

  test('is suspended while no process runs it', async () => {
    expect((await meshferry(['dfu', 'run', zip, ...at, '--json'], { interruptWhen: half })).exit).toBe(130);
    const { exit, stdout } = await meshferry(['dfu', 'suspend', ...at]);
    expect(exit).toBe(0);
    expect(stdout).toContain('is suspended');
    expect(stdout).toContain('meshferry dfu resume');
    const retry = await meshferry(['dfu', 'retry', ...at, '--json']);
    expect(retry).toMatchObject({ exit: 2, result: { error: { code: 'job-unfinished' } } });
    expect((await meshferry(['dfu', 'resume', ...at, '--json'])).exit).toBe(0);
  });

  test('is not suspended where nothing is transferred any more: it waits for apply as before', async () => {
    expect((await meshferry(['dfu', 'run', zip, ...at, '--policy', 'verify', '--json'])).exit).toBe(0);
    const suspended = await meshferry(['dfu', 'suspend', ...at, '--json']);
    expect(suspended).toMatchObject({ exit: 2, result: { error: { code: 'nothing-to-suspend' } } });
    expect((await meshferry(['dfu', 'status', ...at, '--json'])).result.job.phase).toBe('verified');
    expect((await meshferry(['dfu', 'apply', ...at, '--json'])).exit).toBe(0);
  });
});

describe('dfu retry', () => {
  test('tries those again that failed, and no others; without any it says so', async () => {
    const at = network('retry', 'sim:targets=3,radio=ideal,fail=0x0101@busy');
    const first = await meshferry(['dfu', 'run', zip, ...at, '--json']);
    expect(first.exit).toBe(3);
    expect(first.result.error.hint).toContain('meshferry dfu retry');
    const status = await meshferry(['dfu', 'status', ...at, '--json']);
    expect(status.result).toMatchObject({ job: null, retry: { image: { firmwareId: NEW } } });
    expect((await meshferry(['dfu', 'status', ...at])).stdout).toContain('"dfu retry" tries them again');
    const again = await meshferry(['dfu', 'retry', ...at, '--json']);
    expect(again.exit).toBe(1);
    expect(again.result.targets).toMatchObject([
      { address: '0x0101', phase: 'failed', error: { code: 'target-busy' } },
    ]);
    const none = await meshferry(['dfu', 'retry', ...network('none', 'sim:targets=1'), '--json']);
    expect(none).toMatchObject({ exit: 2, result: { error: { code: 'nothing-to-retry' } } });
  });
});

describe('dfu run', () => {
  test('refuses firmware of another company before it is sent, unless that is meant', async () => {
    const uri = 'sim:targets=2,radio=ideal,company=0x004c';
    const { exit, result } = await meshferry(['dfu', 'run', zip, '--bearer', uri, '--company', '0x0059', '--json']);
    expect(exit).toBe(1);
    expect(result.targets[0].error).toMatchObject({
      code: 'other-company',
      hint: expect.stringContaining('--company 0x004c'),
    });
    expect(result.stats.chunksSent).toBe(0);
    const plan = await meshferry(['dfu', 'plan', zip, '--bearer', uri, '--company', '0x0059', '--json']);
    expect(plan.exit).toBe(1);
    expect(plan.result.targets[0]).toMatchObject({ accepts: false, reason: expect.stringContaining('company 0x004c') });
    expect((await meshferry(['dfu', 'run', zip, '--bearer', uri, '--company', '0x004c', '--json'])).exit).toBe(0);
  });

  test('subscribes the targets to another group or a Label UUID for the time of the update', async () => {
    for (const group of ['0xC123', '0073e7e4-d8b9-440f-af84-15df4c56c0e1']) {
      const at = network(`group ${group}`, 'sim:targets=2,radio=ideal');
      const { exit, events, result } = await meshferry(['dfu', 'run', zip, ...at, '--group', group, '--json']);
      expect(exit).toBe(0);
      expect(phases(result)).toEqual(['applied', 'applied']);
      expect(events.map(({ phase }) => phase)).toEqual(expect.arrayContaining(['preparing', 'undoing']));
      const node = await meshferry(['node', 'show', '0x0100', ...at, '--json']);
      expect(JSON.stringify(node.result).toLowerCase()).not.toContain(
        group.replace('0x', '').replaceAll('-', '').toLowerCase(),
      );
    }
  });

  test('tells what the image changed about the nodes', async () => {
    const at = network('leaving', 'sim:targets=2,radio=ideal,effect=unprovision');
    const { exit, result } = await meshferry(['dfu', 'run', zip, ...at, '--json']);
    expect(exit).toBe(0);
    expect(result.targets[0]).toMatchObject({
      phase: 'unprovisioned',
      notice: expect.stringContaining('provision it again'),
    });
    const list = await meshferry(['node', 'list', ...at, '--json']);
    expect(JSON.stringify(list.result)).not.toContain('0x0100');
  });

  test('leaves those out that run it already, if asked to', async () => {
    const at = network('current', 'sim:targets=1,radio=ideal');
    expect((await meshferry(['dfu', 'run', zip, ...at, '--json'])).exit).toBe(0);
    const { exit, result } = await meshferry(['dfu', 'run', zip, ...at, '--skip-current', '--json']);
    expect(exit).toBe(0);
    expect(result.stats.chunksSent).toBe(0);
    expect(result.targets[0].notice).toContain('already');
  });

  test.each([
    [['--oob-uri', 'https://example.com/fw'], 'no-distributor'],
    [['--oob-uri', 'example', '--distributor', '0x0002'], 'bad-uri'],
    [['--group', '0x0100'], 'bad-group'],
    [['--group', '0xFFFF'], 'bad-group'],
    [['--retries', 'x'], 'bad-number'],
    [['--distributor', '0x0100'], 'unknown-distributor'],
  ])('ends with 2 and says what to type for %j', async (flags, code) => {
    const { exit, result } = await meshferry(['dfu', 'run', zip, '--bearer', 'sim:targets=1', ...flags, '--json']);
    expect(exit).toBe(2);
    expect(result.error).toMatchObject({ code, hint: expect.any(String) });
  });
});
