import { Command, Option } from 'commander';
import { addBearerCommands } from './commands/bearer.ts';
import { addCaptureCommand } from './commands/capture.ts';
import { addDecodeCommand } from './commands/decode.ts';
import { addDemoCommand } from './commands/demo.ts';
import { addDeviceCommands } from './commands/device.ts';
import { addDfuCommands } from './commands/dfu.ts';
import { addFwCommands } from './commands/fw.ts';
import { addHealthCommand } from './commands/health.ts';
import { addKeysCommands } from './commands/keys.ts';
import { addNetCommands } from './commands/net.ts';
import { addNodeCommands } from './commands/node.ts';
import { addProvisionCommand } from './commands/provision.ts';
import { addScanCommand } from './commands/scan.ts';
import { addSmpCommands } from './commands/smp.ts';
import { folder, reconnectOption } from './shell/options.ts';
import type { Runner } from './shell/run.ts';
import { guideUsers } from './shell/usage.ts';
import { ownVersion } from './shell/version.ts';

/** All commands; parsing one runs it. */
export function buildProgram(runner: Runner, write: (help: string) => void): Command {
  const program = new Command('meshferry')
    .description('Ferries firmware across Bluetooth meshes.')
    .configureHelp({ showGlobalOptions: true, helpWidth: 100 })
    .configureOutput({ writeOut: write })
    .helpCommand(false)
    .version(ownVersion(), '-V, --version', 'the version of this program')
    .addOption(new Option('--json', 'newline-delimited JSON on standard output, a "result" line last'))
    .addOption(new Option('--log <LEVEL>', 'log to standard error').choices(['debug', 'info', 'warn', 'error']))
    .addOption(
      new Option(
        '--state <DIR>',
        'keep what outlives the command here (default: $XDG_STATE_HOME/meshferry; simulated networks: nowhere)',
      ).argParser(folder),
    )
    .addOption(
      new Option(
        '--bearer <URI>',
        'the radio to use, such as sim:targets=10 (see "bearer list"); repeatable',
      ).argParser((uri: string, before: string[] = []) => [...before, uri]),
    )
    .addOption(
      new Option('--bearer-plugin <PACKAGE>', 'a bearer of your own: a package name or path; repeatable').argParser(
        (name: string, before: string[] = []) => [...before, name],
      ),
    )
    .addOption(
      new Option(
        '--reconnect <SECONDS>',
        'how long to wait for a radio that is gone in the middle (default: 60)',
      ).argParser(reconnectOption),
    )
    .addOption(new Option('--show-keys', 'print keys where they would be hidden'))
    .addOption(new Option('--no-color', 'no colours (as with NO_COLOR in the environment)'))
    .addHelpText('after', '\nExample:\n  meshferry dfu run dfu_application.zip --bearer sim:targets=10\n');
  addDemoCommand(program, runner);
  addFwCommands(program, runner);
  addNetCommands(program, runner);
  addKeysCommands(program, runner);
  addScanCommand(program, runner);
  addProvisionCommand(program, runner);
  addNodeCommands(program, runner);
  addHealthCommand(program, runner);
  addDeviceCommands(program, runner);
  addDfuCommands(program, runner);
  addSmpCommands(program, runner);
  addDecodeCommand(program, runner);
  addCaptureCommand(program, runner);
  addBearerCommands(program, runner);
  guideUsers(program);
  return program;
}
