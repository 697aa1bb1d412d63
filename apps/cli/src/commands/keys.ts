import type { Command } from 'commander';
import type { Runner } from '../shell/run.ts';
import { keysList } from './keys-list.ts';

export function addKeysCommands(program: Command, runner: Runner): void {
  const keys = program.command('keys').description('NetKeys and AppKeys of the network');
  keys
    .command('list')
    .description('all keys; their values only with --show-keys')
    .addHelpText('after', '\nExample:\n  meshferry keys list --bearer sim:targets=3\n')
    .action(runner.of(keysList));
}
