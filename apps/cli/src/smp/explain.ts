import { fromHex } from '@meshferry/core';
import { explainPacket } from '@meshferry/smp';
import { badInput, ExitCode } from '../shell/exit.ts';
import { printable } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';

/** `smp explain HEX…`: octets as a device reads them. */
export async function smpExplain(shell: Shell, words: readonly string[]): Promise<ExitCode> {
  const digits = words.join('').replaceAll(/[\s:,]|0x/gi, '');
  if (!/^([0-9a-f]{2})+$/i.test(digits)) {
    throw badInput(
      'bad-hex',
      'that is no even number of hex digits',
      'Give the octets of a packet, such as 08 00 00 01 00 01 00 00 a0.',
    );
  }
  const explanation = explainPacket(fromHex(digits.toLowerCase()));
  shell.result({ ...explanation }, explanation.faults.length === 0);
  for (const line of explanation.text.split('\n')) shell.say(printable(line));
  return explanation.faults.length === 0 ? ExitCode.done : ExitCode.failed;
}
