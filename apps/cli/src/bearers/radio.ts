import type { Bearer, BearerGround, BearerPlugin } from '@meshferry/bearer';
import { type MeshError, toMeshError } from '@meshferry/core';
import { badInput, ExitCode, Stop } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';
import { choosePlugin, openSources, unavailable } from './plugins.ts';

/** Before a URI: its radio is the client of a mesh proxy alone, also when it could advertise. */
const PROXY = 'proxy:';

/** A radio that `--bearer` names, before it is opened. */
export interface RadioPlan {
  /** Of the plugin. */
  readonly uri: string;
  readonly plugin: BearerPlugin;
  readonly byProxy: boolean;
}

/** What opens the radios of `--bearer`. Ends the command with 2 for one that is not known, with 4 for one that is missing. */
export async function findRadios(shell: Shell): Promise<readonly RadioPlan[]> {
  const sources = await openSources(shell);
  const plan = async (text: string): Promise<RadioPlan> => {
    const byProxy = text.trim().startsWith(PROXY);
    const uri = byProxy ? text.trim().slice(PROXY.length) : text.trim();
    return { uri, plugin: await choosePlugin(uri, sources), byProxy };
  };
  return Promise.all(shell.bearers.map(plan));
}

/** What is put round each radio. */
export type Wrap = (open: () => Promise<Bearer>, uri: string) => Promise<Bearer>;

/** Opens all of them, or none. Ends the command with 4 when one is not available. */
export async function openRadios(
  radios: readonly RadioPlan[],
  ground: BearerGround,
  wrap: Wrap,
): Promise<readonly Bearer[]> {
  const open: Bearer[] = [];
  try {
    for (const plan of radios) open.push(await wrap(() => openRadio(plan, ground), plan.uri));
    return open;
  } catch (thrown) {
    for (const bearer of open) bearer.close();
    throw thrown;
  }
}

async function openRadio({ uri, plugin, byProxy }: RadioPlan, ground: BearerGround): Promise<Bearer> {
  const bearer = await plugin.open(uri, ground).catch(failedToOpen);
  if (!byProxy) return bearer;
  const { central } = bearer;
  if (central === undefined) {
    bearer.close();
    throw badInput('no-central', `the bearer ${uri} has no GATT: it cannot connect to a proxy`, 'Leave "proxy:" out.');
  }
  return {
    central,
    close: () => bearer.close(),
    ...(bearer.lost && { lost: (lost: (reason: MeshError) => void) => bearer.lost?.(lost) ?? (() => {}) }),
  };
}

function failedToOpen(thrown: unknown): never {
  const error = toMeshError(thrown);
  throw error.code === 'bad-bearer-uri' ? new Stop(ExitCode.usage, error) : unavailable(error);
}
