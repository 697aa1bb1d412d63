import { isAbsolute, join, resolve } from 'node:path';
import { badInput } from './exit.ts';
import type { Shell } from './shell.ts';

/**
 * Where a command keeps what outlives it, an absolute path that need not exist yet: the folder of `--state`, else
 * `meshferry` in the XDG state folder (`$XDG_STATE_HOME`, which counts only if absolute, or `~/.local/state`)
 * [design/interfaces.md, Everywhere]. Only simulated worlds do without: with no `--state` they end with the process
 * (`shell.state`). Ends the command with exit code 2 where the environment names no home.
 */
export function stateFolder({ io, state }: Pick<Shell, 'io' | 'state'>): string {
  if (state !== undefined) return state;
  const { XDG_STATE_HOME: xdg = '', HOME, USERPROFILE } = io.env;
  if (isAbsolute(xdg)) return join(xdg, 'meshferry');
  const home = HOME || USERPROFILE;
  if (home) return resolve(io.cwd, home, '.local', 'state', 'meshferry');
  throw badInput('no-state-folder', 'there is no home folder to keep the state in', 'Give --state DIR.');
}
