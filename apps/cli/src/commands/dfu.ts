import { type Command, Option } from 'commander';
import { simulatorKeys } from '../bearers/sim.ts';
import {
  addressList,
  airtimeShare,
  archiveUri,
  companyId,
  distributor,
  imageIndex,
  metadataHex,
  times,
} from '../shell/options.ts';
import type { Runner } from '../shell/run.ts';
import { type CancelFlags, dfuApply, dfuCancel, dfuResume, dfuRetry, dfuSuspend } from './dfu-job.ts';
import { dfuPlan, type PlanFlags } from './dfu-plan.ts';
import { dfuRun, type RunFlags } from './dfu-run.ts';
import { dfuStatus } from './dfu-status.ts';
import { dfuTargets, type TargetsFlags } from './dfu-targets.ts';

export function addDfuCommands(program: Command, runner: Runner): void {
  const dfu = program.command('dfu').description('update the firmware of a mesh');
  addTargetOptions(dfu.command('targets'))
    .description('which nodes can be updated, and what they run')
    .addHelpText('after', '\nExample:\n  meshferry dfu targets --bearer sim:targets=10\n')
    .action(runner.of<TargetsFlags>(dfuTargets));
  addImageOptions(addTargetOptions(dfu.command('plan')))
    .description('dry run: which targets accept an image, its effect, the plan and the time; sends no image')
    .addHelpText('after', '\nExample:\n  meshferry dfu plan dfu_application.zip --bearer sim:targets=10\n')
    .action(runner.of<PlanFlags>(dfuPlan));
  addRunOptions(addImageOptions(addTargetOptions(dfu.command('run'))))
    .description('update: check the targets, send the image, let them verify and apply it, confirm what they run')
    .addHelpText('after', () => `${RUN_EXAMPLES}${simulatorKeys()}`)
    .action(runner.of<RunFlags>(dfuRun));
  dfu
    .command('status')
    .description('the unfinished update in --state, and what its Distributor says of it')
    .addHelpText('after', example('status'))
    .action(runner.of(dfuStatus));
  dfu
    .command('suspend')
    .description('pause the unfinished update in --state, at its Distributor too; the targets keep what they have')
    .addHelpText('after', example('suspend'))
    .action(runner.of(dfuSuspend));
  dfu
    .command('resume')
    .description('go on with the unfinished update in --state')
    .addHelpText('after', example('resume'))
    .action(runner.of(dfuResume));
  dfu
    .command('apply')
    .description('let targets apply what "dfu run --policy verify" sent them')
    .addHelpText('after', example('apply'))
    .action(runner.of(dfuApply));
  dfu
    .command('cancel')
    .description(
      'give the unfinished update in --state up, at the targets or the Distributor too, and take back its preparation',
    )
    .addOption(
      new Option('--only-here', 'do not tell the Distributor or the targets: they are gone').conflicts('targets'),
    )
    .addOption(
      new Option('--targets <A,B>', 'instead end whatever update these targets are in, whoever began it').argParser(
        addressList,
      ),
    )
    .addHelpText('after', example('cancel'))
    .action(runner.of<CancelFlags>(dfuCancel));
  dfu
    .command('retry')
    .description('once more for the targets that failed in the last update in --state')
    .addHelpText('after', example('retry'))
    .action(runner.of(dfuRetry));
}

const RUN_EXAMPLES = `
Examples:
  meshferry dfu run dfu_application.zip --bearer sim:targets=10,loss=0.1
  meshferry dfu run app.signed.bin --bearer sim:targets=10 --targets 0x0100,0x0103 --state ./state
  meshferry dfu run dfu_application.zip --bearer sim:targets=10,distributor=1 --distributor 0x0002
  meshferry dfu run dfu_application.zip --bearer sim:targets=10,distributor=1,smp=1 --distributor 0x0002 --via smp
  meshferry dfu run dfu_application.zip --bearer hci:serial:/dev/ttyACM0,1000000 --distributor 0x0012 --via smp --smp serial:/dev/ttyACM1,115200
  meshferry dfu run dfu_application.zip --bearer sim:targets=10,distributor=1 --distributor 0x0002 --oob-uri https://example.com/fw
  meshferry dfu run dfu_application.zip --bearer sim:targets=4,lowpower=2,friends=1 --group none
`;

function example(name: string): string {
  return `\nExample:\n  meshferry dfu ${name} --bearer sim:targets=10 --state ./state\n`;
}

function addTargetOptions(command: Command): Command {
  return command.option('--targets <A,B>', 'addresses such as 0x0100,0x0101 (default: all)', addressList);
}

/** `FILE` and what is sent of it. */
function addImageOptions(command: Command): Command {
  return command
    .argument('<FILE>', 'update package (.zip), MCUboot image (.bin) or Intel HEX')
    .option(
      '--group [ADDR]',
      'send to this group, or to a Label UUID; targets that lack it are subscribed for the time of the update; ' +
        '"none" sends to each target alone (default: 0xc000 for several)',
    )
    .addOption(
      new Option('--settings <NAME>', 'auto adapts to the radio, stock does as other stacks').choices([
        'auto',
        'stock',
      ]),
    )
    .addOption(
      new Option('--mode <MODE>', 'pull: targets ask for chunks (default: where needed)').choices(['push', 'pull']),
    )
    .option(
      '--airtime <SHARE>',
      'at most so much of the air in any 10 s, such as 30%, with relays and answers (default: what other traffic leaves)',
      airtimeShare,
    )
    .option('--image <NUMBER>', 'which image of a package with several', imageIndex)
    .option('--target-image <INDEX>', 'which image of targets with several (default: 0)', imageIndex)
    .option('--company <ID>', 'company identifier of the firmware id (default: of the package or network)', companyId)
    .option(
      '--metadata <HEX>',
      'firmware metadata (default: of the package, or built from the image header)',
      metadataHex,
    )
    .option('--no-probe', 'do not measure the loss of the radio first: the time is guessed')
    .option('--any-company', 'take targets that run firmware of another company than the image')
    .option('--allow-inconsistent', 'send a package that contradicts itself');
}

function addRunOptions(command: Command): Command {
  return command
    .option('--distributor <NODE>', 'self, or the address of a Distributor that this process uploads to', distributor)
    .addOption(new Option('--policy <POLICY>', 'verify stops before applying').choices(['verify', 'apply']))
    .option(
      '--oob-uri <URI>',
      'the Distributor fetches the image itself, from a firmware archive at this URI',
      archiveUri,
    )
    .option('--retries <TIMES>', 'take up targets that were lost and answer again so often (default: 1)', times)
    .option(
      '--no-tune',
      'leave how targets acknowledge segments (SAR Configuration) as it is, also where that takes longer',
    )
    .option('--skip-current', 'leave targets out that run this firmware already')
    .option('--reprovision', 'provision nodes again that leave the network because of the image')
    .addOption(
      new Option(
        '--via <WAY>',
        'how the image comes to --distributor: over the mesh (default), or by SMP into a slot of it, many times faster',
      ).choices(['mesh', 'smp']),
    )
    .option(
      '--smp <URI>',
      'how --distributor is reached by SMP: serial:PATH,BAUD, udp:HOST:PORT, noble:ADDR; ble:ADDR by the radio of --bearer ' +
        '(not for a simulated one)',
    )
    .option('--capture <FILE>', 'record what is on the air: .pcap for Wireshark, .jsonl or .jsonl.gz for "decode"')
    .option('--resume', 'go on with the unfinished update in --state');
}
