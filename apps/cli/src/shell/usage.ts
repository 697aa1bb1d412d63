import { MeshError } from '@meshferry/core';
import { type Command, CommanderError } from 'commander';
import { ExitCode, Stop } from './exit.ts';

/** Of the CLI's contract, but not in this version: who types it shall not think it a typing error. */
const LATER = ['--daemon'];

/** Makes the parser throw {@link Stop} with one line that says what was wrong and what to type, in every command. */
export function guideUsers(command: Command): void {
  command.configureOutput({ writeErr: () => {} });
  command.exitOverride((error) => {
    throw helpWasShown(error) ? error : usageError(command, error);
  });
  for (const child of command.commands) guideUsers(child);
}

/** Whether the parser stopped only because it has shown its help or version. */
export function helpWasShown(error: unknown): boolean {
  return error instanceof CommanderError && ['commander.helpDisplayed', 'commander.version'].includes(error.code);
}

function usageError(command: Command, error: CommanderError): Stop {
  const help = `type "${nameOf(command)} --help"`;
  if (error.code === 'commander.help') {
    const names = command.commands.map((child) => child.name()).filter((name) => name !== 'help');
    return stop('no-command', `"${nameOf(command)}" needs a command: ${names.join(', ')}; ${help}`);
  }
  const [what = '', guess] = error.message.replace(/^error: /, '').split('\n');
  const later = LATER.find((word) => what.startsWith('unknown') && what.endsWith(`'${word}'`));
  if (later !== undefined) {
    return stop('not-in-this-version', `"${later}" comes with a later version of Meshferry; ${help}`);
  }
  const instead = guess === undefined ? '' : ` ${guess.replace('(Did', '(did')}`;
  return stop(codeOf(error), `${what.replace(/\.$/, '')}${instead}; ${help}`);
}

function stop(code: string, message: string): Stop {
  return new Stop(ExitCode.usage, new MeshError(code, message));
}

/** `commander.unknownOption` → `unknown-option`. */
function codeOf(error: CommanderError): string {
  return error.code.replace('commander.', '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}
