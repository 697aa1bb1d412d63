import type { Adoption } from '@meshferry/cdb';
import { formatAddress, MeshError } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { type HeardIvIndex, listenForIvIndex, type NetworkState, takeOver } from '@meshferry/node';
import { describeNetwork } from '../network/describe.ts';
import { again, withState } from '../network/open.ts';
import type { Kept, Session } from '../network/session.ts';
import { asInput, badInput, ExitCode } from '../shell/exit.ts';
import { realRandom } from '../shell/host.ts';
import type { Shell } from '../shell/shell.ts';

export interface AdoptFlags {
  readonly name?: string;
  readonly listen?: number;
  readonly ivIndex?: number;
  readonly address?: number;
}

/** `net adopt` */
export function netAdopt(shell: Shell, _: readonly string[], flags: AdoptFlags): Promise<ExitCode> {
  const adopt = async (state: NetworkState, kept: Kept): Promise<ExitCode> => {
    // Who is in the network already need not wait to be told so.
    const iv = state.own === undefined ? await ivIndexOf(kept, flags) : { ivIndex: 0, ivUpdate: false };
    const adoption = asInput(() =>
      takeOver(state, {
        name: flags.name ?? 'meshferry',
        iv,
        random: kept.session?.random ?? realRandom,
        wallTime: () => shell.io.wallTime(),
        ...(flags.address !== undefined && { address: flags.address }),
      }),
    );
    const { address, notices } = adoption;
    shell.result({
      address: formatAddress(address),
      ...iv,
      notices,
      network: describeNetwork(shell, state),
    });
    say(shell, adoption, iv);
    return ExitCode.done;
  };
  return withState(shell, adopt, { air: flags.ivIndex === undefined });
}

/** Heard, or as the user knows it. */
async function ivIndexOf({ session }: Kept, flags: AdoptFlags): Promise<HeardIvIndex> {
  if (flags.ivIndex !== undefined) return { ivIndex: flags.ivIndex, ivUpdate: false };
  if (session === undefined) {
    throw badInput(
      'no-bearer',
      'no bearer given: the IV Index of the network has to be heard',
      'Give the radio that reaches it with --bearer, or --iv-index if you know it for sure.',
    );
  }
  const heard = listen(session, flags.listen);
  return session.run(heard, () => new MeshError('interrupted', 'interrupted while listening: nothing was changed'));
}

function listen({ clock, advertising, central, state }: Session, seconds: number | undefined): Promise<HeardIvIndex> {
  if (state === undefined) throw new MeshError('no-network', 'there is no network yet');
  const ears = { ...(advertising && { advertising }), ...(central && { central }) };
  return new Promise((resolve, reject) => {
    const timeout = seconds === undefined ? {} : { timeoutMs: 1000 * seconds };
    listenForIvIndex(state.document, { clock, crypto: portableCrypto, ...ears, ...timeout }, (outcome) => {
      if (outcome instanceof MeshError) reject(outcome);
      else resolve(outcome);
    });
  });
}

function say(shell: Shell, { address, provisioner, notices }: Adoption, { ivIndex, ivUpdate }: HeardIvIndex): void {
  const update = ivUpdate ? ', being updated' : '';
  shell.say(
    `This process is "${provisioner.provisionerName}" at ${formatAddress(address)} now; IV Index ${ivIndex}${update}.`,
  );
  for (const { message, hint } of notices) {
    shell.say(shell.style.yellow(`  note: ${message}`));
    if (hint !== undefined) shell.say(`    ${hint}`);
  }
  shell.say(`  give the other tools the document that knows it: ${again(shell, 'net export FILE')}`);
}
