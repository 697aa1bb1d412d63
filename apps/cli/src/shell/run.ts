import type { Command } from 'commander';
import type { ExitCode } from './exit.ts';
import type { Io } from './io.ts';
import { type GlobalOptions, Shell } from './shell.ts';

/** What a command does, given its arguments and options as the parser found them. */
export type Handler<Options> = (
  shell: Shell,
  args: readonly string[],
  options: Options,
) => ExitCode | Promise<ExitCode>;

/** Joins the parser and the commands: makes the shell, keeps the exit code. */
export class Runner {
  readonly #io: Io;
  exit: ExitCode = 0;

  constructor(io: Io) {
    this.#io = io;
  }

  /** The action of a command. */
  of<Options>(handler: Handler<Options>): (...given: unknown[]) => Promise<void> {
    return async (...given) => {
      const command = given.at(-1) as Command;
      const shell = new Shell(this.#io, command.optsWithGlobals<GlobalOptions>());
      try {
        this.exit = await handler(shell, given.slice(0, -2) as string[], command.opts<Options & object>());
      } finally {
        shell.end();
      }
    };
  }
}
