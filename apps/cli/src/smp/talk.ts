import { MeshError } from '@meshferry/core';
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
  const error = ret === 0 ? undefined : commandFailed(ret);
  shell.result({ output: o, ret, ...(error && { error }) }, error === undefined);
  // Control characters are gone from it already; shells begin with a new line.
  const printed = o.replace(/^[\r\n]+/, '').trimEnd();
  if (printed !== '') shell.say(printed);
  if (error === undefined) return ExitCode.done;
  shell.warn(error.message);
  return ExitCode.failed;
}

function commandFailed(ret: number): MeshError {
  return new MeshError('smp-command-failed', `the command gave ${ret}`, {
    hint: 'Its output says why; "smp shell help" lists the commands of most devices.',
  });
}
