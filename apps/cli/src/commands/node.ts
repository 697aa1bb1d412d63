import type { Command } from 'commander';
import { unicastAddress } from '../shell/options.ts';
import type { Runner } from '../shell/run.ts';
import { type ConfigFlags, nodeConfig } from './node-config.ts';
import { nodeList } from './node-list.ts';
import { nodeRemove, nodeReset } from './node-remove.ts';
import { nodeShow } from './node-show.ts';

export function addNodeCommands(program: Command, runner: Runner): void {
  const node = program.command('node').description('the nodes of the network');
  node
    .command('list')
    .description('all nodes, and devices whose provisioning has not ended')
    .addHelpText('after', '\nExample:\n  meshferry node list --bearer sim:targets=3\n')
    .action(runner.of(nodeList));
  node
    .command('show')
    .description('what is known of a node: its elements, models, keys')
    .argument('<ADDR>', 'of its primary element, such as 0x0100', unicastAddress)
    .addHelpText('after', '\nExample:\n  meshferry node show 0x0100 --bearer sim:targets=3\n')
    .action(runner.of((shell, [address]) => nodeShow(shell, Number(address))));
  node
    .command('config')
    .description('make nodes what a profile says; what they are already is not touched')
    .argument('<ADDR...>', 'addresses such as 0x0100, or "all"')
    .requiredOption('--profile <FILE>', 'JSON, see below')
    .option('--refresh', 'ask the nodes anew what they are made of')
    .addHelpText('after', PROFILE_HELP)
    .action(runner.of<ConfigFlags>((shell, args, flags) => nodeConfig(shell, args.flat(), flags)));
  node
    .command('reset')
    .description('make a node forget the network, and remove it')
    .argument('<ADDR>', 'of its primary element', unicastAddress)
    .addHelpText('after', '\nExample:\n  meshferry node reset 0x0100 --bearer sim:targets=3 --state ./state\n')
    .action(runner.of((shell, [address]) => nodeReset(shell, Number(address))));
  node
    .command('remove')
    .description('remove a node that is gone, without telling it; its addresses are set aside')
    .argument('<ADDR>', 'of its primary element', unicastAddress)
    .addHelpText('after', '\nExample:\n  meshferry node remove 0x0100 --bearer sim:targets=3 --state ./state\n')
    .action(runner.of((shell, [address]) => nodeRemove(shell, Number(address))));
}

const PROFILE_HELP = `
Examples:
  meshferry node config 0x0002 --profile lamp.json --bearer sim:targets=0,unprovisioned=3 --state ./state
  meshferry node config all --profile update.json --bearer sim:targets=0,unprovisioned=3 --state ./state

A profile names what shall be; what it leaves out is not touched, lists are complete:
  {
    "defaultTtl": 7,
    "networkTransmit": { "count": 3, "intervalMs": 20 },
    "relay": { "count": 2, "intervalMs": 20 },
    "beacon": true, "gattProxy": false, "friend": false,
    "models": [
      { "model": "0x1400", "bind": [0], "subscribe": ["0xC000"] },
      { "model": "0x1402", "bind": [0] },
      { "model": "0x1000", "element": 0, "bind": [0],
        "publish": { "to": "0xC001", "appKey": 0, "ttl": 5, "periodMs": 10000 } }
    ]
  }
Firmware updates need 0x1400 (BLOB Transfer Server) and 0x1402 (Firmware Update Server) bound, and one group for both.
`;
