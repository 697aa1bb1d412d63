import type { Command } from 'commander';
import type { Runner } from '../shell/run.ts';
import { nodeList } from './node-list.ts';

export function addNodeCommands(program: Command, runner: Runner): void {
  const node = program.command('node').description('the nodes of the network');
  node
    .command('list')
    .description('all nodes, and devices whose provisioning has not ended')
    .addHelpText('after', '\nExample:\n  meshferry node list --bearer sim:targets=3\n')
    .action(runner.of(nodeList));
}
