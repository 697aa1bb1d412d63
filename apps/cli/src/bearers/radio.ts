import type { Bearer, BearerGround, BearerPlugin } from '@meshferry/bearer';
import { MeshError } from '@meshferry/core';
import { badInput, ExitCode, Stop } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';
import { choosePlugin, openSources, unavailable } from './plugins.ts';
import { askWithin } from './within.ts';

/** Before a URI: its radio is the client of a mesh proxy alone, also when it could advertise. */
const PROXY = 'proxy:';
/** The longest time that a radio may take to open, ms; the slowest of ours gives up sooner by itself. */
const OPEN_MS = 60_000;

/** A radio that `--bearer` names, before it is opened. */
export interface RadioPlan {
  /** Of the plugin. */
  readonly uri: string;
  readonly plugin: BearerPlugin;
  readonly byProxy: boolean;
}

/** What opens the radios of `--bearer`. Ends the command with 2 for one that is not known, with 4 for one that is missing. */
export async function findRadios(shell: Shell): Promise<readonly RadioPlan[]> {
  const { bearers } = shell;
  const twice = bearers.find((uri, i) => bearers.findIndex((other) => other.trim() === uri.trim()) < i);
  if (twice !== undefined) throw badInput('same-bearer', `the bearer ${twice} is given twice`, 'Give each one once.');
  const sources = await openSources(shell);
  const plan = async (text: string): Promise<RadioPlan> => {
    const byProxy = text.trim().startsWith(PROXY);
    const uri = byProxy ? text.trim().slice(PROXY.length) : text.trim();
    return { uri, plugin: await choosePlugin(uri, sources), byProxy };
  };
  return Promise.all(bearers.map(plan));
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
  const bearer = await askWithin(
    () => plugin.open(uri, ground),
    OPEN_MS,
    ground.clock,
    (late) => late?.close(),
  ).catch((thrown) => failedToOpen(uri, thrown));
  if (!isBearer(bearer)) failedToOpen(uri, new Error('its plugin gave no radio: a capability or "close" is missing'));
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

function isBearer(value: unknown): boolean {
  const { advertising, central, peripheral, close } = Object(value) as Partial<Bearer>;
  return typeof close === 'function' && [advertising, central, peripheral].some((capability) => capability);
}

function failedToOpen(uri: string, thrown: unknown): never {
  if (!(thrown instanceof MeshError)) {
    const message = `the bearer ${uri} cannot be opened: ${thrown instanceof Error ? thrown.message : thrown}`;
    throw unavailable(new MeshError('bearer-failed', message, { hint: 'Tell who made its package.', cause: thrown }));
  }
  throw thrown.code === 'bad-bearer-uri' ? new Stop(ExitCode.usage, thrown) : unavailable(thrown);
}
