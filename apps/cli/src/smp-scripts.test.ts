import { createSocket } from 'node:dgram';
import { join } from 'node:path';
import { fromHex } from '@meshferry/core';
import { afterAll, describe, expect, test } from 'vitest';
import { firmware, meshferry, temporaryFolder } from './testing/cli.ts';

const folder = temporaryFolder();
afterAll(folder.remove);
const made = await firmware(20_000);
const image = folder.write('app_update.bin', made.image);

let states = 0;
const newState = () => join(folder.path, `state-${states++}`);
const smp = (words: readonly string[], uri = 'sim:smp', state?: string) =>
  meshferry(['smp', ...words, '--bearer', uri, ...(state === undefined ? [] : ['--state', state])]);

/** A server's answer to the first packet of the script that did not work [spec: smp-seed-errata section 1]. */
const REFUSAL = '01 00 00 06 2d 01 00 00 bf 62 72 63 08 ff'.split(' ');

describe('what scripts rely on', () => {
  test('the last line is a result, also where a hash has a type', async () => {
    const state = newState();
    await smp(['fs', 'put', image, '/lfs1/a.bin'], 'sim:smp', state);
    const { exit, result } = await smp(['fs', 'hash', '/lfs1/a.bin', '--type', 'sha256', '--json'], 'sim:smp', state);
    expect([exit, result.type, result.ok, result.hashType]).toEqual([0, 'result', true, 'sha256']);
  });

  test('a command that fails in the shell of the device says so as an error', async () => {
    const { exit, result } = await meshferry(['smp', 'shell', '--json', '--bearer', 'sim:smp', '--', 'none', '-x']);
    expect([exit, result.ok, result.error.code]).toEqual([1, false, 'smp-command-failed']);
    expect(result.error.hint).toMatch(/\w/);
  });

  test('a build for a slot that runs, or that there is not, is not sent', async () => {
    const runs = await smp(['update', image, '--slot', '0', '--json'], 'sim:smp,mode=xip-revert');
    expect([runs.exit, runs.result.error.code]).toEqual([1, 'smp-wrong-slot']);
    const free = await smp(['update', image, '--slot', '1', '--json'], 'sim:smp,mode=xip-revert');
    expect([free.exit, free.result.outcome]).toEqual([0, 'updated']);
    for (const command of ['update', 'upload', 'test']) {
      const none = await smp([command, image, '--slot', '2', '--json']);
      expect([none.exit, none.result.error.code]).toEqual([2, 'bad-slot']);
    }
  });
});

describe('smp explain', () => {
  test('reads the answer of a device', async () => {
    const { exit, stdout } = await meshferry(['smp', 'explain', ...REFUSAL]);
    expect(exit).toBe(0);
    expect(stdout).toContain('From a device: read of command 0 of the user-defined group 11521, answer 0 (v1)');
    expect(stdout).toContain('refused: not supported (SMP error 8)');
  });

  test('takes what was cut short for no answer', async () => {
    const { exit, stdout } = await meshferry(['smp', 'explain', ...REFUSAL.slice(0, -1)]);
    expect(exit).toBe(1);
    expect(stdout).not.toContain('From a device');
  });
});

describe('smp serve --log debug', () => {
  test('tells what a client sends, and what it is answered', async () => {
    const client = createSocket('udp4');
    await new Promise<void>((resolve) => void client.bind(0, '127.0.0.1', resolve));
    const port = await freePort();
    const isAnswered = new Promise<void>((resolve) => void client.once('message', () => resolve()));
    const { exit, stderr } = await meshferry(['smp', 'serve', '--at', `udp:127.0.0.1:${port}`, '--log', 'debug'], {
      interruptWhen: (stdout) => {
        if (stdout.includes('is served at')) client.send(fromHex('00000006020000007b7d'), port, '127.0.0.1');
        return false;
      },
      interruptAfter: isAnswered,
    });
    client.close();
    expect(exit).toBe(130);
    expect(stderr).toMatch(/smp received packet="no SMP packet at octet 0: length 6, 2 octets follow/);
    expect(stderr).toMatch(/smp sent packet=".*refused: corrupt packet \(SMP error 9\)/);
  });
});

function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
