import type { Command } from 'commander';
import { ExitCode } from '../shell/exit.ts';
import type { Runner } from '../shell/run.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';
import { BEARERS, simulatorKeys } from '../update/bearers.ts';

export function addBearerCommands(program: Command, runner: Runner): void {
  const bearer = program.command('bearer').description('the radios that can be used');
  bearer
    .command('list')
    .description('all bearers, their URIs, and whether they can be used here')
    .addHelpText('after', () => `\nExample:\n  meshferry bearer list\n${simulatorKeys()}`)
    .action(runner.of(listBearers));
}

function listBearers(shell: Shell): ExitCode {
  shell.result({ bearers: BEARERS });
  const { bold, dim, green, yellow } = shell.style;
  const rows = BEARERS.flatMap(({ scheme, what, uris, reason }) => [
    [bold(scheme), reason === null ? green('usable') : yellow(reason), what],
    ...uris.map((uri) => ['', '', dim(`--bearer ${uri}`)]),
  ]);
  for (const line of alignColumns(rows)) shell.say(line);
  shell.say(simulatorKeys().trimEnd());
  return ExitCode.done;
}
