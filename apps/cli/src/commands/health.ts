import { requireNode } from '@meshferry/cdb';
import { formatAddress, MeshError } from '@meshferry/core';
import { nodeHealth } from '@meshferry/node';
import type { Command } from 'commander';
import { withNetwork } from '../network/open.ts';
import { asInput, ExitCode } from '../shell/exit.ts';
import { plural } from '../shell/format.ts';
import { companyId, octet, unicastAddress } from '../shell/options.ts';
import type { Runner } from '../shell/run.ts';
import type { Shell } from '../shell/shell.ts';

export function addHealthCommand(program: Command, runner: Runner): void {
  program
    .command('health')
    .description('how a node is: faults, attention')
    .argument('<ADDR>', 'of its primary element, such as 0x0100', unicastAddress)
    .option('--clear', 'forget the faults seen so far')
    .option('--test <ID>', 'run this test of the node first', octet)
    .option('--company <ID>', 'whose faults (default: of the company that made the node)', companyId)
    .option('--attention <SECONDS>', 'make it draw attention to itself; 0 ends that', octet)
    .addHelpText('after', EXAMPLE)
    .action(runner.of<HealthFlags>((shell, [address], flags) => health(shell, Number(address), flags)));
}

interface HealthFlags {
  readonly clear?: boolean;
  readonly test?: number;
  readonly company?: number;
  readonly attention?: number;
}

const EXAMPLE = `
Example:
  meshferry health 0x0002 --attention 10 --bearer sim:targets=0,unprovisioned=3 --state ./state

The Health Server of the node (model 0x0002) has to be bound to an AppKey: see "node config --help".
`;

/** `health ADDR` */
function health(shell: Shell, address: number, flags: HealthFlags): Promise<ExitCode> {
  return withNetwork(shell, async (network, session) => {
    asInput(() => requireNode(network.document, address));
    const asked = nodeHealth(network, address, {
      ...(flags.clear === true && { clear: true }),
      ...(flags.test !== undefined && { test: flags.test }),
      ...(flags.company !== undefined && { companyId: flags.company }),
      ...(flags.attention !== undefined && { attentionSeconds: flags.attention }),
    });
    const found = await session.run(asked, () => new MeshError('interrupted', 'interrupted while asking the node'));
    const { faults, attentionSeconds, fastPeriodDivisor, testId, companyId: company } = found;
    const companyText = `0x${company.toString(16).padStart(4, '0')}`;
    shell.result({
      address: formatAddress(address),
      company: companyText,
      testId,
      faults,
      attentionSeconds,
      fastPeriodDivisor,
    });
    const { green, red } = shell.style;
    const list = faults.map((fault) => `0x${fault.toString(16).padStart(2, '0')}`).join(', ');
    shell.say(
      faults.length === 0
        ? `${formatAddress(address)}: ${green('no faults')}`
        : `${formatAddress(address)}: ${red(plural(faults.length, 'fault'))} of company ${companyText}: ${list}`,
    );
    if (attentionSeconds > 0) shell.say(`It draws attention to itself for ${attentionSeconds} s.`);
    return ExitCode.done;
  });
}
