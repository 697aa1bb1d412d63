import { fromHex } from '@meshferry/core';
import { decodePackets, describePacket, explainPacket, SmpOp } from '@meshferry/smp';
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
  const octets = fromHex(digits.toLowerCase());
  const explanation = explainPacket(octets);
  const answer = answerIn(octets);
  const isFine = answer !== undefined || explanation.faults.length === 0;
  shell.result({ ...explanation, ...(answer !== undefined && { asAnswer: answer }) }, isFine);
  if (answer !== undefined) shell.say(`From a device: ${printable(answer)}.`);
  for (const line of explanation.text.split('\n')) shell.say(printable(line));
  return isFine ? ExitCode.done : ExitCode.failed;
}

/** What a device says by these octets; undefined when they are no whole answer. Both ends are looked at by who wonders. */
function answerIn(octets: Uint8Array): string | undefined {
  const { packets, error } = decodePackets(octets);
  const [packet, ...more] = packets;
  const isAnswer = packet?.header.op === SmpOp.readResponse || packet?.header.op === SmpOp.writeResponse;
  return isAnswer && more.length === 0 && error === undefined ? describePacket(packet) : undefined;
}
