import type { Command } from 'commander';
import { keyIndexList, secondsOption, uint32, unicastAddress } from '../shell/options.ts';
import type { Runner } from '../shell/run.ts';
import { type AdoptFlags, netAdopt } from './net-adopt.ts';
import { type CreateFlags, netCreate, netImport } from './net-begin.ts';
import { type ExportFlags, netExport } from './net-export.ts';
import { netShow } from './net-show.ts';

export function addNetCommands(program: Command, runner: Runner): void {
  const net = program.command('net').description('a mesh network, kept in the state folder');
  net
    .command('create')
    .description('make a new network, with this process as its provisioner')
    .option('--name <NAME>', 'of the network (default: "Mesh Network")')
    .option('--provisioner <NAME>', 'of this process (default: "meshferry")')
    .addHelpText('after', CREATE_EXAMPLES)
    .action(runner.of<CreateFlags>(netCreate));
  net
    .command('import')
    .description('keep the network of a Mesh Configuration Database document (JSON); nothing in it is changed')
    .argument('<FILE>', 'export of nRF Mesh, mesh-cfgclient or Meshferry')
    .addHelpText('after', IMPORT_EXAMPLES)
    .action(runner.of(netImport));
  net
    .command('export')
    .description('write the network as a Mesh Configuration Database document (JSON): it holds all keys')
    .argument('<FILE>', 'where to, readable by its owner only')
    .option('--partial', 'what a guest needs: without device keys, unless --device-keys')
    .option('--net-keys <LIST>', 'with --partial: these NetKeys (default: all)', keyIndexList)
    .option('--app-keys <LIST>', 'with --partial: these AppKeys (default: all of the NetKeys)', keyIndexList)
    .option('--device-keys', 'with --partial: also the keys that configure nodes')
    .addHelpText('after', EXPORT_EXAMPLES)
    .action(runner.of<ExportFlags>(netExport));
  net
    .command('show')
    .description('the network: provisioners, keys, nodes, devices whose provisioning has not ended')
    .addHelpText('after', '\nExample:\n  meshferry net show --bearer sim:targets=3\n')
    .action(runner.of(netShow));
  net
    .command('adopt')
    .description('become a provisioner of an imported network: own address, ranges and sequence numbers')
    .option('--name <NAME>', 'of this process (default: "meshferry")')
    .option(
      '--listen <SECONDS>',
      'how long to wait for a beacon, which tells the IV Index (default: 60)',
      secondsOption,
    )
    .option('--iv-index <NUMBER>', 'where no beacon can be heard: the IV Index, if you know it for sure', uint32)
    .option('--address <ADDR>', 'of the own node (default: one that was never used)', unicastAddress)
    .addHelpText('after', ADOPT_EXAMPLES)
    .action(runner.of<AdoptFlags>(netAdopt));
}

const CREATE_EXAMPLES = `
Examples:
  meshferry net create --name "Test bench" --state ./state
  meshferry net create --bearer sim:targets=0,unprovisioned=3 --state ./state
`;

const IMPORT_EXAMPLES = `
Example:
  meshferry net import network.json --state ./state

Afterwards "net adopt" gives this process a place in the network.
`;

const EXPORT_EXAMPLES = `
Examples:
  meshferry net export network.json --state ./state
  meshferry net export guest.json --partial --net-keys 0 --state ./state
`;

const ADOPT_EXAMPLES = `
Example:
  meshferry net adopt --bearer sim:targets=3 --state ./state
`;
