import { fromHex, toHex, utf8 } from '@meshferry/core';
import {
  DateTimeRead,
  DateTimeWrite,
  EraseStorage,
  SettingsCommit,
  SettingsDelete,
  SettingsLoad,
  SettingsRead,
  SettingsSave,
  SettingsWrite,
  StatisticsList,
  StatisticsRead,
  TaskStatistics,
} from '@meshferry/smp';
import { badInput, ExitCode } from '../shell/exit.ts';
import { printable } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';
import { ask } from './client.ts';

/** `smp stat [GROUP]` */
export async function smpStatistics(shell: Shell, [name]: readonly string[]): Promise<ExitCode> {
  if (name === undefined) {
    const { statList: names } = await ask(shell, StatisticsList, {});
    shell.result({ names });
    for (const each of names) shell.say(printable(each));
    return ExitCode.done;
  }
  const { fields } = await ask(shell, StatisticsRead, { name });
  shell.result({ name, fields: Object.fromEntries([...fields].map(([key, value]) => [key, Number(value)])) });
  for (const line of alignColumns([...fields].map(([key, value]) => [printable(key), String(value)]))) shell.say(line);
  return ExitCode.done;
}

/** `smp tasks`: threads with their stacks, in octets. */
export async function smpTasks(shell: Shell): Promise<ExitCode> {
  const { tasks } = await ask(shell, TaskStatistics, {});
  const found = [...tasks].map(([name, { prio, state, stkuse, stksiz }]) => ({
    name,
    prio,
    state,
    stackUsed: stkuse * WORD,
    stackSize: stksiz * WORD,
  }));
  shell.result({ tasks: found });
  const rows = found.map(({ name, prio, stackUsed, stackSize }) => [
    printable(name),
    `priority ${prio}`,
    // Some do not tell.
    stackSize > 0 ? `stack ${stackUsed} of ${stackSize} octets` : '',
  ]);
  for (const line of alignColumns(rows)) shell.say(line);
  return ExitCode.done;
}

/** Stacks are told in words. */
const WORD = 4;

/** `smp datetime [TIME]` */
export async function smpDateTime(shell: Shell, [time]: readonly string[]): Promise<ExitCode> {
  if (time !== undefined) await ask(shell, DateTimeWrite, { datetime: dateTimeOf(time) });
  const { datetime } = await ask(shell, DateTimeRead, {});
  shell.result({ datetime });
  shell.say(printable(datetime));
  return ExitCode.done;
}

/** `now` or `2026-11-22T12:00:00`: as devices take it, UTC. */
function dateTimeOf(text: string): string {
  const date = text === 'now' ? new Date() : new Date(/Z|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`);
  if (!Number.isNaN(date.getTime())) return date.toISOString().slice(0, 'yyyy-mm-ddThh:mm:ss'.length);
  throw badInput('bad-time', `not a time: "${text}"`, 'Give one such as 2026-11-22T12:00:00 (UTC), or "now".');
}

/** `smp settings get NAME` */
export async function settingsGet(shell: Shell, [name = '']: readonly string[]): Promise<ExitCode> {
  const { val } = await ask(shell, SettingsRead, { name });
  shell.result({ name, value: toHex(val) });
  shell.say(toHex(val));
  return ExitCode.done;
}

/** `smp settings set NAME VALUE` */
export async function settingsSet(
  shell: Shell,
  [name = '', value = '']: readonly string[],
  { text }: { readonly text?: boolean },
): Promise<ExitCode> {
  await ask(shell, SettingsWrite, { name, val: text === true ? utf8(value) : octetsOf(value) });
  return done(shell, 'set; "smp settings save" keeps it');
}

/** `smp settings delete NAME` */
export async function settingsDelete(shell: Shell, [name = '']: readonly string[]): Promise<ExitCode> {
  await ask(shell, SettingsDelete, { name });
  return done(shell, 'deleted');
}

/** `smp settings commit` */
export async function settingsCommit(shell: Shell): Promise<ExitCode> {
  await ask(shell, SettingsCommit, {});
  return done(shell, 'what was written takes effect');
}

/** `smp settings load` */
export async function settingsLoad(shell: Shell): Promise<ExitCode> {
  await ask(shell, SettingsLoad, {});
  return done(shell, 'loaded from the storage');
}

/** `smp settings save` */
export async function settingsSave(shell: Shell): Promise<ExitCode> {
  await ask(shell, SettingsSave, {});
  return done(shell, 'kept in the storage');
}

/** `smp settings erase`: the whole storage. */
export async function settingsErase(shell: Shell): Promise<ExitCode> {
  await ask(shell, EraseStorage, {});
  return done(shell, 'the storage of the settings was erased');
}

function octetsOf(hex: string): Uint8Array {
  if (/^([0-9a-f]{2})*$/i.test(hex)) return fromHex(hex.toLowerCase());
  throw badInput('bad-hex', `not octets in hex: "${hex}"`, 'Give an even number of hex digits, or a text with --text.');
}

function done(shell: Shell, text: string): ExitCode {
  shell.result({});
  shell.say(text);
  return ExitCode.done;
}
