import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { firmware, meshferry, temporaryFolder } from './testing/cli.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const made = await firmware(12_000);
const zip = folder.write('update.zip', made.zip);

/** A radio fast enough to take more of the air than it is given here. */
const NETWORK = ['--bearer', 'sim:targets=2,controller=single,sets=2,radio=ideal,block=8-12'];

describe('--airtime', () => {
  test('makes an update take its time, and the plan say so', async () => {
    const run = ['dfu', 'run', zip, ...NETWORK, '--json'];
    const free = await meshferry(run);
    const limited = await meshferry([...run, '--airtime', '1%']);
    expect([free.exit, limited.exit]).toEqual([0, 0]);
    const [fast, slow] = [free, limited].map(({ result }) => result.stats.transferSeconds);
    expect(slow).toBeGreaterThan(1.5 * fast);
    expect((await meshferry([...run, '--airtime', '0.01'])).result.stats.transferSeconds).toBe(slow);

    const plan = ['dfu', 'plan', zip, ...NETWORK, '--json'];
    const eta = async (...options: string[]) => (await meshferry([...plan, ...options])).result.etaSeconds;
    const planned = await eta();
    const longer = await eta('--airtime', '1%');
    expect(longer.expected).toBeGreaterThan(planned.expected + (slow - fast) / 2);
    expect(longer.low).toBeLessThan(limited.result.stats.simulatedSeconds);
    expect(longer.high).toBeGreaterThan(limited.result.stats.simulatedSeconds);
  });

  test('holds for who goes on with the update as well', async () => {
    const network = [...NETWORK, '--state', join(folder.path, 'state')];
    const atHalf = (stdout: string): boolean => /"phase":"transferring","percent":5\d/.test(stdout);
    const first = await meshferry(['dfu', 'run', zip, ...network, '--airtime', '1%', '--json'], {
      interruptWhen: atHalf,
    });
    expect(first.exit).toBe(130);
    const whole = (await meshferry(['dfu', 'run', zip, ...NETWORK, '--json'])).result.stats.transferSeconds;
    const resumed = await meshferry(['dfu', 'resume', ...network, '--json']);
    expect(resumed.exit).toBe(0);
    expect(resumed.result.stats.transferSeconds).toBeGreaterThan(3 * whole);
  });
});
