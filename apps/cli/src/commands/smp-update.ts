import { type Command, Option } from 'commander';
import { simulatedDeviceKeys } from '../bearers/sim.ts';
import { badInput } from '../shell/exit.ts';
import { imageIndex, secondsOption, uint32 } from '../shell/options.ts';
import type { Runner } from '../shell/run.ts';
import { smpCancel } from '../smp/cancel.ts';
import { smpUpdate, type UpdateFlags } from '../smp/update.ts';

const MODES = ['test-and-confirm', 'confirm-only', 'test-only', 'upload-only'];
const MODE_DEFAULT = 'default: test-and-confirm; for several images at once confirm-only';
const ALIGNMENTS = [1, 2, 4, 8, 16];
/** More requests in flight than any device has buffers for. */
const MOST_IN_FLIGHT = 64;

/** `smp update` and what belongs to an update that was not finished. */
export function addSmpUpdateCommands(smp: Command, runner: Runner): void {
  addUploadOptions(smp.command('update'))
    .description('the whole update: upload, test, reset, look what runs, confirm; typed again it goes on where it was')
    .argument('<FILE>', 'update package (.zip), MCUboot image (.bin) or Intel HEX')
    // No default: which one it is follows from the device, and an unfinished update goes on in its own.
    .addOption(new Option('--mode <MODE>', `what follows the upload (${MODE_DEFAULT})`).choices(MODES))
    .option('--plan', 'say what would be done, and do nothing')
    .option(
      '--key <PEM>',
      'a key that the images must be signed with; repeatable',
      (path: string, before: string[]) => [...before, path],
      [] as string[],
    )
    .option('--hex-address <ADDR>', 'which image of an Intel HEX with several', uint32)
    .option('--ignore-dependencies', 'send although an image that it needs is missing')
    .option('--erase-settings', 'erase the settings of the device after the upload')
    .option('--force-reset', 'reset even if its application objects')
    .option('--swap-time <SECONDS>', 'how long to leave the bootloader alone after the reset', secondsOption)
    .addHelpText('after', () => `${UPDATE_EXAMPLES}${simulatedDeviceKeys()}`)
    .action(runner.of<UpdateFlags>(smpUpdate));
  smp
    .command('cancel')
    .description('forget the unfinished update of this device; what it holds stays there')
    .addHelpText('after', '\nExample:\n  meshferry smp cancel --bearer serial:/dev/ttyACM0,115200\n')
    .action(runner.of(smpCancel));
}

/** How images are sent. */
export function addUploadOptions(command: Command): Command {
  return command
    .option('--image <N>', 'of a bare image: which core it is for (default: 0)', imageIndex)
    .option('--slot <N>', 'the slot that it is linked for (direct-XIP)', slotIndex)
    .option('--upgrade-only', 'have refused what is not newer than what runs')
    .option('--window <N>', 'requests in flight at most (default: as the device has buffers)', requests)
    .option('--align <OCTETS>', 'make every chunk a multiple of 1, 2, 4, 8 or 16', alignment)
    .option('--buffer-size <OCTETS>', 'of the device, where it does not tell it or tells it wrong', uint32);
}

const UPDATE_EXAMPLES = `
Examples:
  meshferry smp update app_update.bin --bearer noble:C0:FF:EE:00:00:01
  meshferry smp update dfu_application.zip --bearer serial:/dev/ttyACM0,115200
  meshferry smp update zephyr.signed.bin --bearer udp:192.0.2.1:1337 --mode confirm-only
  meshferry smp update app_update.bin --bearer sim:smp

Interrupted, typed again it goes on where it was. Why an update fails, and what to do: docs/smp-update.md.
`;

/** The slot of an image. */
export function slotIndex(text: string): number {
  if (text === '0' || text === '1') return Number(text);
  throw badInput('bad-slot', `not a slot of an image: "${text}"`, 'Give 0 or 1: they are counted for each image.');
}

function requests(text: string): number {
  const value = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= MOST_IN_FLIGHT) return value;
  throw badInput('bad-number', `not a number of requests: "${text}"`, `Give 1 to ${MOST_IN_FLIGHT}.`);
}

function alignment(text: string): number {
  const value = Number(text);
  if (ALIGNMENTS.includes(value)) return value;
  throw badInput('bad-alignment', `not an alignment: "${text}"`, `Give one of ${ALIGNMENTS.join(', ')}.`);
}
