import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { type Json, meshferry, temporaryFolder } from './testing/cli.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const profile = folder.write('profile.json', '{"models": [{"model": "0x1402", "bind": [0]}]}');

/** A new network in a world of devices. */
async function network(name: string, devices = 1) {
  const options = [
    '--bearer',
    `sim:targets=0,unprovisioned=${devices},radio=ideal`,
    '--state',
    join(folder.path, name),
  ];
  const run = (...words: string[]) => meshferry([...words, ...options, '--json']);
  await run('net', 'create');
  const uuids: string[] = (await run('scan')).result.devices.map(({ uuid }: Json) => uuid);
  return { run, options, uuids };
}

describe('Ctrl-C', () => {
  test('while a device is about to become a node: what is not certain is named, and the way out works', async () => {
    const { run, options, uuids } = await network('uncertain');
    const [uuid = ''] = uuids;
    const first = await meshferry(['provision', uuid, ...options, '--json'], {
      interruptWhen: (stdout) => stdout.includes('"state":"wait-complete"'),
    });
    expect([first.exit, first.result.error.code]).toEqual([130, 'interrupted']);
    expect(first.result.error.hint).toContain('node list');
    const { result } = await run('node', 'list');
    expect(result.nodes).toHaveLength(1);
    expect(result.pending).toMatchObject([{ address: '0x0002', uuid }]);
    const text = await meshferry(['node', 'list', ...options]);
    expect(text.stdout).toContain(`provision ${uuid} --recover`);
    const again = await run('provision', uuid);
    expect([again.exit, again.result.error.code]).toEqual([1, 'provisioning-uncertain']);
    const recovered = await run('provision', uuid, '--recover');
    expect([recovered.exit, recovered.result.error.code]).toEqual([1, 'no-response']);
    expect((await run('provision', uuid, '--give-up')).exit).toBe(0);
    const last = await run('provision', uuid);
    expect(last.result.nodes).toMatchObject([{ address: '0x0003' }]);
    expect((await run('net', 'show')).result.network).toMatchObject({ excluded: ['0x0002'], pending: [] });
  });

  test.each([
    ['provision', (uuid: string) => ['provision', uuid], 0],
    ['keys refresh', () => ['keys', 'refresh'], 2],
  ])('as soon as %s has said its first word', async (name, words, again) => {
    const { run, options, uuids } = await network(`early ${name}`, 2);
    const [first = '', second = ''] = uuids;
    expect((await run('provision', first)).exit).toBe(0);
    const { exit, result } = await meshferry([...words(second), ...options, '--json'], {
      interruptWhen: (stdout) => stdout.indexOf('\n') === stdout.length - 1,
    });
    expect([exit, result.error.code]).toEqual([130, 'interrupted']);
    expect((await run(...words(second))).exit).toBe(again);
  });

  test('in the middle of a key refresh: --resume goes on', async () => {
    const { run, options, uuids } = await network('refresh', 3);
    expect((await run('provision', ...uuids, '--profile', profile)).exit).toBe(0);
    const first = await meshferry(['keys', 'refresh', ...options, '--json'], {
      interruptWhen: (stdout) => stdout.includes('"stage":"switching"') && stdout.includes('uses-keys'),
    });
    expect([first.exit, first.result.error.code]).toEqual([130, 'interrupted']);
    expect(first.result.error.hint).toContain('keys refresh --resume');
    expect((await run('keys', 'list')).result.netKeys).toMatchObject([{ phase: 2 }]);
    expect((await run('keys', 'refresh')).result.error.code).toBe('key-refresh-unfinished');
    const { exit, result } = await run('keys', 'refresh', '--resume');
    expect([exit, result.stage]).toEqual([0, 'done']);
    expect((await run('node', 'config', 'all', '--profile', profile)).exit).toBe(0);
  });

  test('while nodes are configured: the same command finishes it', async () => {
    const { run, options, uuids } = await network('config', 2);
    await run('provision', ...uuids);
    const config = ['node', 'config', 'all', '--profile', profile];
    const first = await meshferry([...config, ...options, '--json'], {
      interruptWhen: (stdout) => stdout.includes('AppKey 0 added'),
    });
    expect(first.exit).toBe(130);
    expect((await run(...config)).exit).toBe(0);
    expect((await run(...config)).result.nodes.map(({ changes }: Json) => changes)).toEqual([[], []]);
  });
});

const script = fileURLToPath(new URL('testing/process.ts', import.meta.url));
const root = fileURLToPath(new URL('../../..', import.meta.url));

test('kill -9 at any moment of provisioning: all devices become nodes in the end, each once', async () => {
  const devices = 12;
  const { run, options, uuids } = await network('killed', devices);
  /** Settles what is not certain; gives the devices that are no nodes yet. */
  const left = async (): Promise<string[]> => {
    for (const { uuid } of (await run('node', 'list')).result.pending) {
      if ((await run('provision', uuid, '--recover')).exit === 0) continue;
      expect((await run('provision', uuid, '--give-up')).exit).toBe(0);
    }
    const { nodes } = (await run('node', 'list')).result;
    const known = new Set(nodes.map(({ uuid }: Json) => uuid.toLowerCase()));
    return uuids.filter((uuid) => !known.has(uuid));
  };
  let kills = 0;
  // After so many more nodes.
  for (const more of [1, 2, 0, 3]) {
    const argv = [
      '--import=tsx',
      '--conditions=@meshferry/source',
      script,
      'provision',
      ...(await left()),
      ...options,
      '--json',
    ];
    const child = spawn(process.execPath, argv, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const enough = (output.match(/"state":"node"/g)?.length ?? 0) >= more && output.includes('wait-complete');
      if (enough && child.kill('SIGKILL')) kills++;
    });
    await once(child, 'close');
  }
  expect(kills).toBeGreaterThan(0);
  const rest = await left();
  if (rest.length > 0) expect((await run('provision', ...rest)).exit).toBe(0);
  const nodes: Json[] = (await run('node', 'list')).result.nodes;
  expect(nodes).toHaveLength(1 + devices);
  expect(new Set(nodes.map(({ address }) => address)).size).toBe(1 + devices);
  // Each of them is reached at its address with its key.
  expect((await run('node', 'config', 'all', '--profile', profile)).exit).toBe(0);
}, 60_000);
