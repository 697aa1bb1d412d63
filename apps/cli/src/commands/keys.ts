import type { Command } from 'commander';
import { addressList, keyIndex } from '../shell/options.ts';
import type { Runner } from '../shell/run.ts';
import { type AddKeyFlags, keysAdd } from './keys-add.ts';
import { keysList } from './keys-list.ts';
import { keysRefresh, type RefreshFlags } from './keys-refresh.ts';

export function addKeysCommands(program: Command, runner: Runner): void {
  const keys = program.command('keys').description('NetKeys and AppKeys of the network');
  keys
    .command('list')
    .description('all keys; their values only with --show-keys')
    .addHelpText('after', '\nExample:\n  meshferry keys list --bearer sim:targets=3\n')
    .action(runner.of(keysList));
  keys
    .command('add')
    .description('make a NetKey (a subnet of its own) or an AppKey; nodes get it by "node config"')
    .argument('<KIND>', 'net or app')
    .option('--index <INDEX>', '0 to 4095 (default: the next free one)', keyIndex)
    .option('--name <NAME>', 'for people')
    .option('--net-key <INDEX>', 'of an AppKey: the NetKey that it is bound to (default: 0)', keyIndex)
    .addHelpText('after', '\nExample:\n  meshferry keys add app --name Lights --state ./state\n')
    .action(runner.of<AddKeyFlags>(keysAdd));
  keys
    .command('refresh')
    .description('give the whole network new keys; nodes that are left out lose it')
    .option('--net-key <INDEX>', 'the subnet (default: 0)', keyIndex)
    .option('--resume', 'go on with the unfinished one')
    .option('--exclude <A,B>', 'nodes that shall not get the new keys', addressList)
    .addHelpText('after', REFRESH_EXAMPLES)
    .action(runner.of<RefreshFlags>(keysRefresh));
}

const REFRESH_EXAMPLES = `
Examples:
  meshferry keys refresh --bearer sim:targets=3 --state ./state
  meshferry keys refresh --resume --exclude 0x0101 --bearer sim:targets=3 --state ./state
`;
