import { toMeshError } from '@meshferry/core';
import { buildProgram } from './program.ts';
import { ExitCode, Stop } from './shell/exit.ts';
import type { Io } from './shell/io.ts';
import { Runner } from './shell/run.ts';
import { Shell } from './shell/shell.ts';
import { helpWasShown } from './shell/usage.ts';

/**
 * Runs one command line (without the names of the program) and gives its exit code, see {@link ExitCode}. Everything it
 * reads and writes goes through `io`, apart from the files that the arguments name. Never rejects.
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const runner = new Runner(io);
  const program = buildProgram(runner, (help) => io.stdout.write(help));
  try {
    await program.parseAsync(argv.length === 0 ? ['--help'] : [...argv], { from: 'user' });
    return runner.exit;
  } catch (thrown) {
    return helpWasShown(thrown) ? ExitCode.done : report(thrown, argv, io);
  }
}

function report(thrown: unknown, argv: readonly string[], io: Io): number {
  const shell = new Shell(io, { json: argv.includes('--json'), color: !argv.includes('--no-color') });
  const error = thrown instanceof Stop ? thrown.error : toMeshError(thrown);
  if (shell.json) shell.result({ error }, false);
  else shell.complain(error);
  return thrown instanceof Stop ? thrown.exit : ExitCode.failed;
}
