import type { Bearer, BearerGround, BearerPlugin } from '@meshferry/bearer';
import { toMeshError } from '@meshferry/core';
import { ExitCode, Stop } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';
import { choosePlugin, openSources, unavailable } from './plugins.ts';

/** A radio that `--bearer` names, before it is opened. */
export interface RadioPlan {
  readonly uri: string;
  readonly plugin: BearerPlugin;
}

/** What opens the radios of `--bearer`. Ends the command with 2 for one that is not known, with 4 for one that is missing. */
export async function findRadios(shell: Shell): Promise<readonly RadioPlan[]> {
  const sources = await openSources(shell);
  return Promise.all(shell.bearers.map(async (uri) => ({ uri, plugin: await choosePlugin(uri, sources) })));
}

/** Opens all of them, or none. Ends the command with 4 when one is not available. */
export async function openRadios(radios: readonly RadioPlan[], ground: BearerGround): Promise<readonly Bearer[]> {
  const open: Bearer[] = [];
  try {
    for (const { uri, plugin } of radios) open.push(await plugin.open(uri, ground).catch(failedToOpen));
    return open;
  } catch (thrown) {
    for (const bearer of open) bearer.close();
    throw thrown;
  }
}

function failedToOpen(thrown: unknown): never {
  const error = toMeshError(thrown);
  throw error.code === 'bad-bearer-uri' ? new Stop(ExitCode.usage, error) : unavailable(error);
}
