import type { BearerPlugin, ImportPackage } from '@meshferry/bearer';
import { MeshError } from '@meshferry/core';
import type { Command } from 'commander';
import { type KnownBearer, lookFor, OWN_BEARERS, openSources } from '../bearers/plugins.ts';
import { SIMULATOR, simulatorKeys } from '../bearers/sim.ts';
import { ExitCode } from '../shell/exit.ts';
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
}

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
  const rows = bearers.flatMap(({ scheme, what, uris, reason, hint }) => [
    [bold(scheme), reason === null ? green('usable') : yellow('not here'), what],
    ...(reason === null ? [] : [['', '', yellow(reason)]]),
    ...(hint === undefined ? [] : [['', '', dim(hint)]]),
    ...uris.map((uri) => ['', '', dim(`--bearer ${uri}`)]),
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
  const reason = await plugin.check();
  return reason === null ? { scheme, what, uris, usable: true, reason } : unusable({ scheme, what, uris }, reason);
}

function unusable(bearer: KnownBearer, { message, hint }: MeshError): ListedBearer {
  return { ...bearer, usable: false, reason: message, ...(hint !== undefined && { hint }) };
}
