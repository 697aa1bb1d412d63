import type { Command } from 'commander';
import type { Runner } from '../shell/run.ts';
import { fsGet, fsHash, fsPut, fsStatus } from '../smp/files.ts';
import {
  settingsCommit,
  settingsDelete,
  settingsErase,
  settingsGet,
  settingsLoad,
  settingsSave,
  settingsSet,
} from '../smp/values.ts';

/** `smp fs …`: files of the device. */
export function addSmpFileCommands(smp: Command, runner: Runner): void {
  const fs = smp.command('fs').description('files of the device');
  fs.command('get')
    .description('download a file')
    .argument('<PATH>', 'on the device, such as /lfs1/log.txt')
    .argument('[FILE]', 'where to (default: its name, here)')
    .addHelpText('after', '\nExample:\n  meshferry smp fs get /lfs1/log.txt --bearer serial:/dev/ttyACM0\n')
    .action(runner.of(fsGet));
  fs.command('put')
    .description('upload a file; what was under its name is lost')
    .argument('<FILE>', 'here')
    .argument('<PATH>', 'on the device, such as /lfs1/config.bin')
    .addHelpText(
      'after',
      '\nExample:\n  meshferry smp fs put config.bin /lfs1/config.bin --bearer serial:/dev/ttyACM0\n',
    )
    .action(runner.of(fsPut));
  fs.command('status')
    .description('how large a file is')
    .argument('<PATH>', 'on the device')
    .addHelpText('after', '\nExample:\n  meshferry smp fs status /lfs1/log.txt --bearer serial:/dev/ttyACM0\n')
    .action(runner.of(fsStatus));
  fs.command('hash')
    .description('hash or checksum of a file')
    .argument('<PATH>', 'on the device')
    .option('--type <NAME>', 'such as sha256 (default: crc32)')
    .addHelpText('after', '\nExample:\n  meshferry smp fs hash /lfs1/log.txt --bearer serial:/dev/ttyACM0\n')
    .action(runner.of<{ type?: string }>(fsHash));
}

/** `smp settings …` */
export function addSmpSettingsCommands(smp: Command, runner: Runner): void {
  const settings = smp.command('settings').description('settings of the device');
  const named = (name: string, what: string) =>
    settings.command(name).description(what).argument('<NAME>', 'such as app/val').addHelpText('after', example(name));
  named('get', 'the value of a setting, in hex').action(runner.of(settingsGet));
  named('set', 'give a setting a value')
    .argument('<VALUE>', 'octets in hex')
    .option('--text', 'VALUE is a text')
    .action(runner.of<{ text?: boolean }>(settingsSet));
  named('delete', 'delete a setting').action(runner.of(settingsDelete));
  const whole = (name: string, what: string) =>
    settings
      .command(name)
      .description(what)
      .addHelpText('after', `\nExample:\n  meshferry smp settings ${name} --bearer serial:/dev/ttyACM0\n`);
  whole('commit', 'let what was written take effect').action(runner.of(settingsCommit));
  whole('load', 'load all from the storage').action(runner.of(settingsLoad));
  whole('save', 'keep all in the storage').action(runner.of(settingsSave));
  whole('erase', 'erase the whole storage').action(runner.of(settingsErase));
}

function example(name: string): string {
  const value = name === 'set' ? ' 01ff' : '';
  return `\nExample:\n  meshferry smp settings ${name} app/val${value} --bearer serial:/dev/ttyACM0\n`;
}
