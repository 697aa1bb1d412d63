import { requireNode } from '@meshferry/cdb';
import { formatAddress, MeshError } from '@meshferry/core';
import { again, withNetwork } from '../network/open.ts';
import { asInput, ExitCode } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';

/** `node reset ADDR` */
export function nodeReset(shell: Shell, address: number): Promise<ExitCode> {
  return withNetwork(shell, async (network, session) => {
    asInput(() => requireNode(network.document, address));
    try {
      await session.run(
        network.reset(address),
        () => new MeshError('interrupted', 'interrupted while the node was told to leave', { hint: 'Do it again.' }),
      );
    } catch (thrown) {
      throw thrown instanceof MeshError && thrown.code === 'no-response' ? silent(shell, address, thrown) : thrown;
    }
    shell.result({ address: formatAddress(address), reset: true });
    shell.say(`${formatAddress(address)} has forgotten the network; its address is set aside.`);
    return ExitCode.done;
  });
}

/** `node remove ADDR` */
export function nodeRemove(shell: Shell, address: number): Promise<ExitCode> {
  return withNetwork(shell, (network) => {
    asInput(() => network.remove(address));
    shell.result({ address: formatAddress(address), removed: true });
    shell.say(`${formatAddress(address)} is removed; its address is set aside.`);
    shell.say(shell.style.yellow('It has the keys of the network as long as it was not reset:'));
    shell.say(`  make them worthless: ${again(shell, 'keys refresh')}`);
    return ExitCode.done;
  });
}

/** Some nodes leave without a word, and some are simply out of reach: only the user can tell. */
function silent(shell: Shell, address: number, { message }: MeshError): MeshError {
  const at = formatAddress(address);
  return new MeshError('no-response', message, {
    hint:
      `Nothing was removed. Bring ${at} into reach and do it again; if it is gone, or "scan" shows its UUID ` +
      `(it left, and its answer was lost): ${again(shell, `node remove ${at}`)}`,
  });
}
