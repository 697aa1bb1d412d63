import { type Command, Option } from 'commander';
import { simulatedDeviceKeys } from '../bearers/sim.ts';
import { secondsOption, uint32 } from '../shell/options.ts';
import type { Runner } from '../shell/run.ts';
import { smpExplain } from '../smp/explain.ts';
import {
  type ResetFlags,
  smpConfirm,
  smpErase,
  smpReset,
  smpTest,
  smpUpload,
  type UploadFlags,
} from '../smp/images.ts';
import { smpInfo, smpList } from '../smp/look.ts';
import { type ScanFlags, smpScan } from '../smp/scan.ts';
import { type ServeFlags, smpServe } from '../smp/serve.ts';
import { smpEcho, smpShell } from '../smp/talk.ts';
import { smpDateTime, smpStatistics, smpTasks } from '../smp/values.ts';
import { addSmpFileCommands, addSmpSettingsCommands } from './smp-files.ts';
import { addSmpUpdateCommands, addUploadOptions, slotIndex } from './smp-update.ts';

const SCAN_SECONDS = 5;

export function addSmpCommands(program: Command, runner: Runner): void {
  const smp = program.command('smp').description('devices with MCUmgr (SMP): update, look, control');
  addSmpUpdateCommands(smp, runner);
  command(smp, 'scan', 'devices in range that can be connected to', 'scan', 'noble:')
    .option('--seconds <N>', 'how long to listen', secondsOption, SCAN_SECONDS)
    .option('--all', 'also those that show neither a name nor SMP')
    .action(runner.of<ScanFlags>(smpScan));
  command(smp, 'info', 'what the device tells of itself: system, bootloader, buffers, slots').action(
    runner.of(smpInfo),
  );
  command(smp, 'list', 'what the slots hold, and what boots next').action(runner.of(smpList));
  addUploadOptions(
    command(smp, 'upload', 'bring images into their free slots, and nothing else', 'upload app_update.bin'),
  )
    .argument('<FILE>', 'update package (.zip), MCUboot image (.bin) or Intel HEX')
    .action(runner.of<UploadFlags>(smpUpload));
  command(smp, 'test', 'boot an image once at the next reset', 'test app_update.bin')
    .argument('<IMAGE>', 'its file, or its hash as "smp list --json" shows it')
    .option('--slot <N>', 'of a package with a build for each slot', slotIndex)
    .action(runner.of<UploadFlags>(smpTest));
  command(smp, 'confirm', 'keep an image for good: what runs, or another from the next reset on')
    .argument('[IMAGE]', 'its file or hash (default: what runs)')
    .option('--slot <N>', 'of a package with a build for each slot', slotIndex)
    .action(runner.of<UploadFlags>(smpConfirm));
  command(smp, 'erase', 'erase the slot that is not in use')
    .option('--slot <N>', 'another one: 2 × image + slot', uint32)
    .action(runner.of<{ slot?: number }>(smpErase));
  command(smp, 'reset', 'reset the device')
    .option('--force', 'even if its application objects')
    .addOption(new Option('--boot-mode <MODE>', 'where to').choices(['normal', 'bootloader']))
    .action(runner.of<ResetFlags>(smpReset));
  command(smp, 'echo', 'have a text sent back', 'echo hello').argument('<TEXT>').action(runner.of(smpEcho));
  command(smp, 'shell', 'have a command executed by the shell of the device', 'shell kernel uptime')
    .argument('<COMMAND...>', 'with "--" before it if it has options of its own: -- device list -v')
    .action(runner.of((shell, [words]) => smpShell(shell, ([] as string[]).concat(words ?? []))));
  command(smp, 'stat', 'statistics: the groups of them, or one', 'stat smp_svr_stats')
    .argument('[GROUP]')
    .action(runner.of(smpStatistics));
  command(smp, 'tasks', 'threads and their stacks').action(runner.of(smpTasks));
  command(smp, 'datetime', 'date and time of the device', 'datetime now')
    .argument('[TIME]', 'set it first: "now", or such as 2026-11-22T12:00:00 (UTC)')
    .action(runner.of(smpDateTime));
  addSmpFileCommands(smp, runner);
  addSmpSettingsCommands(smp, runner);
  smp
    .command('serve')
    .description('a simulated device for clients of others, in real time, until Ctrl-C')
    .option(
      '--at <URI>',
      'where: udp:HOST:PORT, serial:PATH, or hci:… to be found by Bluetooth; repeatable',
      (uri: string, before: string[]) => [...before, uri],
      [] as string[],
    )
    .addHelpText(
      'after',
      () =>
        `\nExample:\n  meshferry smp serve --at udp:127.0.0.1:1337 --bearer sim:smp --state ./device\n${simulatedDeviceKeys()}`,
    )
    .action(runner.of<ServeFlags>(smpServe));
  smp
    .command('explain')
    .description('octets of a packet as a device reads them, and what is wrong with them')
    .argument('<HEX...>')
    .addHelpText('after', '\nExample:\n  meshferry smp explain 00 00 00 01 2d 01 00 00\n')
    .action(runner.of((shell, [words]) => smpExplain(shell, ([] as string[]).concat(words ?? []))));
}

/** A command for one device, with an example. */
function command(smp: Command, name: string, what: string, typed = name, bearer = 'serial:/dev/ttyACM0'): Command {
  return smp
    .command(name)
    .description(what)
    .addHelpText('after', `\nExample:\n  meshferry smp ${typed} --bearer ${bearer}\n`);
}
