import { Echo, ShellExecute } from '@meshferry/smp';
import { ExitCode } from '../shell/exit.ts';
import { printable } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { ask } from './client.ts';

/** `smp echo TEXT` */
export async function smpEcho(shell: Shell, [text = '']: readonly string[]): Promise<ExitCode> {
  const { r } = await ask(shell, Echo, { d: text });
  shell.result({ r });
  shell.say(printable(r));
  return ExitCode.done;
}

/** `smp shell COMMAND…`: in the shell of the device; its failure is ours. */
export async function smpShell(shell: Shell, argv: readonly string[]): Promise<ExitCode> {
  const { o, ret } = await ask(shell, ShellExecute, { argv });
  shell.result({ output: o, ret }, ret === 0);
  // Control characters are gone from it already; shells begin with a new line.
  const printed = o.replace(/^[\r\n]+/, '').trimEnd();
  if (printed !== '') shell.say(printed);
  if (ret !== 0) shell.warn(`the command gave ${ret}`);
  return ret === 0 ? ExitCode.done : ExitCode.failed;
}
