import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Io } from './shell/io.ts';
import { Shell } from './shell/shell.ts';
import { stateFolder } from './shell/state-folder.ts';

const cwd = resolve('/here');

function folderOf(env: Io['env'], state?: string): string {
  const io = { env, cwd, isTTY: false } as Io;
  return stateFolder(new Shell(io, state === undefined ? {} : { state }));
}

describe('the state folder', () => {
  test.each([
    ['--state before all', { XDG_STATE_HOME: '/xdg', HOME: '/home/a' }, 'mesh', '/here/mesh'],
    ['the XDG state folder', { XDG_STATE_HOME: '/xdg', HOME: '/home/a' }, undefined, '/xdg/meshferry'],
    ['its default', { HOME: '/home/a' }, undefined, '/home/a/.local/state/meshferry'],
    [
      'its default for an empty variable',
      { XDG_STATE_HOME: '', HOME: '/home/a' },
      undefined,
      '/home/a/.local/state/meshferry',
    ],
    [
      'its default for a relative one, which XDG forbids',
      { XDG_STATE_HOME: 'x', HOME: '/home/a' },
      undefined,
      '/home/a/.local/state/meshferry',
    ],
    ['the profile of a user of Windows', { USERPROFILE: '/users/a' }, undefined, '/users/a/.local/state/meshferry'],
  ])('is %s', (_, env, state, folder) => {
    expect(folderOf(env, state)).toBe(resolve(folder));
  });

  test('is asked for where there is no home', () => {
    expect(() => folderOf({})).toThrow('no home folder');
  });
});
