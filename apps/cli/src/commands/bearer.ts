import type { BearerPlugin, ImportPackage } from '@meshferry/bearer';
import { MeshError, toMeshError } from '@meshferry/core';
import type { Command } from 'commander';
import { type KnownBearer, lookFor, OWN_BEARERS, openSources } from '../bearers/plugins.ts';
import { SIMULATOR, simulatorKeys } from '../bearers/sim.ts';
import { askWithin } from '../bearers/within.ts';
import { ExitCode } from '../shell/exit.ts';
import { realClock } from '../shell/host.ts';
import type { Runner } from '../shell/run.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';

export function addBearerCommands(program: Command, runner: Runner): void {
  const bearer = program.command('bearer').description('the radios that can be used');
  bearer
    .command('list')
    .description('all bearers, their URIs, and whether they can be used here')
    .addHelpText('after', () => `\nExample:\n  meshferry bearer list\n${simulatorKeys()}`)
    .action(runner.of(listBearers));
}

interface ListedBearer extends KnownBearer {
  readonly usable: boolean;
  /** Why not, null when usable. */
  readonly reason: string | null;
  readonly hint?: string;
  /** Of a bearer that is usable: the kinds of its URIs that are not. */
  readonly limits?: readonly { readonly uri: string; readonly reason: string; readonly hint?: string }[];
}

/** How long a bearer may think about whether it can be used, ms. */
const CHECK_MS = 10_000;

/** `bearer list` */
async function listBearers(shell: Shell): Promise<ExitCode> {
  const { plugins: given, importPackage } = await openSources(shell);
  const own = OWN_BEARERS.filter(({ scheme }) => given.every((plugin) => plugin.scheme !== scheme));
  const bearers: ListedBearer[] = [
    SIMULATOR,
    ...(await Promise.all(own.map((known) => listOwn(known, importPackage)))),
    ...(await Promise.all(given.map(listed))),
  ];
  shell.result({ bearers });
  const { bold, dim, green, yellow } = shell.style;
  const rows = bearers.flatMap(({ scheme, what, uris, reason, hint, limits = [] }) => [
    [bold(scheme), reason === null ? green('usable') : yellow('not here'), what],
    ...(reason === null ? [] : [['', '', yellow(reason)]]),
    ...(hint === undefined ? [] : [['', '', dim(hint)]]),
    ...uris.flatMap((uri) => {
      const limit = limits.find((one) => one.uri === uri);
      const line = ['', '', dim(`--bearer ${uri}`)];
      return limit === undefined
        ? [line]
        : [line, ['', '', `  ${yellow(limit.reason)}`], ['', '', dim(`  ${limit.hint ?? ''}`)]];
    }),
  ]);
  for (const line of alignColumns(rows)) shell.say(line);
  shell.say(dim('\nproxy:URI uses one with GATT as the client of a mesh proxy alone.'));
  shell.say(simulatorKeys().trimEnd());
  return ExitCode.done;
}

async function listOwn(known: KnownBearer, importPackage: ImportPackage): Promise<ListedBearer> {
  const found = await lookFor(known, importPackage);
  return found instanceof MeshError ? unusable(known, found) : listed(found);
}

async function listed(plugin: BearerPlugin): Promise<ListedBearer> {
  const { scheme, summary: what, uris } = plugin;
  const reason = await ask(plugin);
  if (reason !== null) return unusable({ scheme, what, uris }, reason);
  const found = await Promise.all(uris.map(async (uri) => ({ uri, error: await ask(plugin, uri) })));
  const limits = found.flatMap(({ uri, error }) => (error === null ? [] : [{ uri, ...reasonOf(error) }]));
  return { scheme, what, uris, usable: true, reason, ...(limits.length > 0 && { limits }) };
}

/** A plugin that fails at telling is not usable either, and the others are listed all the same. */
async function ask(plugin: BearerPlugin, uri?: string): Promise<MeshError | null> {
  try {
    const found: unknown = await askWithin(() => plugin.check(uri), CHECK_MS, realClock);
    if (found === null || found instanceof Error) return found && (found as MeshError);
    throw new Error(`it gives ${typeof found}, not null or a MeshError`);
  } catch (thrown) {
    const { message } = toMeshError(thrown);
    return new MeshError('bad-bearer-plugin', `its check failed: ${message}`, { hint: 'Tell who made its package.' });
  }
}

function unusable(bearer: KnownBearer, error: MeshError): ListedBearer {
  return { ...bearer, usable: false, ...reasonOf(error) };
}

function reasonOf({ message, hint }: MeshError): { reason: string; hint?: string } {
  return { reason: message, ...(hint !== undefined && { hint }) };
}
