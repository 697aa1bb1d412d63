import type { Command } from 'commander';
import { type DeviceFlags, runDevice } from '../device/run-device.ts';
import { companyId, deviceUuid, firmwareVersion, uint32 } from '../shell/options.ts';
import type { Runner } from '../shell/run.ts';

export function addDeviceCommands(program: Command, runner: Runner): void {
  const device = program.command('device').description('this process as a device of a mesh');
  device
    .command('run')
    .description('be a device that is provisioned, configured and updated over the air, until Ctrl-C')
    .option('--uuid <HEX>', 'Device UUID (default: a random one, made at the first start)', deviceUuid)
    .option(
      '--oob <DATA>',
      'what authenticates it: none, static:HEX, or output (it shows a value); repeatable (default: none)',
      (text: string, before: string[] = []) => [...before, text],
    )
    .option('--image-version <VERSION>', 'what it runs before anything was applied (default: 0.0.0+0)', firmwareVersion)
    .option('--company <ID>', 'who made it (default: 0x0059)', companyId)
    .option('--slot-size <OCTETS>', 'room for new images (default: 1048576)', uint32)
    .option('--slot <FILE>', 'write the image that it runs to this file, whenever it has booted')
    .option('--key <PEM>', 'take only images that are signed with this key')
    .option('--relay', 'relay messages of others')
    .option('--once', 'end when an image was applied and somebody has asked what runs')
    .addHelpText('after', EXAMPLE)
    .action(runner.of<DeviceFlags>(runDevice));
}

const EXAMPLE = `
Example:
  meshferry device run --bearer hci:tcp:127.0.0.1:9001 --state ./lamp

In another terminal "meshferry scan --bearer hci:tcp:127.0.0.1:9000 --state ./state" finds it.

Its flash, keys and sequence numbers are kept in the state folder: killed and started again it goes on where it was.
`;
