import type { Command } from 'commander';
import { companyId, coreType, firmwareVersion } from '../shell/options.ts';
import type { Runner } from '../shell/run.ts';
import { fwInspect } from './fw-inspect.ts';
import { fwMake, type MakeFlags } from './fw-make.ts';
import { fwVerify, type VerifyFlags } from './fw-verify.ts';

export function addFwCommands(program: Command, runner: Runner): void {
  const fw = program.command('fw').description('look into firmware files, check them, make them');
  fw.command('inspect')
    .description('what is in a package (.zip), an MCUboot image (.bin) or an Intel HEX')
    .argument('<FILE>', 'the file')
    .addHelpText('after', '\nExample:\n  meshferry fw inspect dfu_application.zip\n')
    .action(runner.of(fwInspect));
  fw.command('verify')
    .description('check hash and signature of every image')
    .argument('<FILE>', 'package, MCUboot image or Intel HEX')
    .requiredOption('--key <PEM>', 'public key that every image must be signed for')
    .addHelpText('after', '\nExample:\n  meshferry fw verify dfu_application.zip --key release.pub.pem\n')
    .action(runner.of<VerifyFlags>(fwVerify));
  fw.command('make')
    .description('make an update package: MCUboot header, hash, signature, mesh metadata')
    .argument('<RAW>', 'the raw application (.bin)')
    .requiredOption('--image-version <VERSION>', 'such as 1.2.3+4', firmwareVersion)
    .requiredOption('--out <ZIP>', 'the package to write')
    .option('--key <PEM>', 'private ECDSA P-256 key (default: a demo key that everybody has)')
    .option('--company <ID>', 'company identifier of the firmware id', companyId, 0x0059)
    .option('--core <CORE>', 'app, net, blob or a sum such as app+net', coreType, 1)
    .option('--composition <FILE>', 'composition data after the update, JSON as in ble_mesh_metadata.json')
    .addHelpText('after', '\nExample:\n  meshferry fw make zephyr.bin --image-version 1.2.3+4 --out update.zip\n')
    .action(runner.of<MakeFlags>(fwMake));
}
