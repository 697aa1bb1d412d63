import type { NetworkState } from '@meshferry/node';
import { addressText, describeNetwork } from '../network/describe.ts';
import { again, withState } from '../network/open.ts';
import { sayPending } from '../network/pending-text.ts';
import { ExitCode } from '../shell/exit.ts';
import { plural, printable } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';
import { keyRows } from './keys-list.ts';
import { nodeRows } from './node-list.ts';

/** `net show` */
export function netShow(shell: Shell): Promise<ExitCode> {
  return withState(shell, (state) => {
    shell.result({ network: describeNetwork(shell, state) });
    if (!shell.json) say(shell, state);
    return ExitCode.done;
  });
}

function say(shell: Shell, state: NetworkState): void {
  const { bold, dim, yellow } = shell.style;
  const { document, own } = state;
  shell.say(`${bold(printable(document.meshName))} ${dim(document.meshUUID)}`);
  if (own === undefined) shell.say(yellow(`This process has no node in it: ${again(shell, 'net adopt')}`));
  shell.say();
  const provisioners = document.provisioners.map(({ provisionerName, UUID, allocatedUnicastRange }) => {
    const node = document.nodes.find((one) => one.UUID === UUID);
    return [
      printable(provisionerName),
      node === undefined ? 'without a node' : addressText(node.unicastAddress),
      allocatedUnicastRange.map(rangeText).join(', ') || 'no addresses to give',
      UUID === own?.uuid ? 'this process' : '',
    ];
  });
  sayTable(shell, ['provisioner', 'node', 'gives addresses', ''], provisioners);
  sayTable(shell, ['key', 'index', 'name', ''], keyRows(shell, document));
  sayTable(shell, ['node', 'elements', 'name', ''], nodeRows(shell, document, own));
  sayPending(shell, state.pending.uncertain);
  const excluded = (document.networkExclusions ?? []).reduce((sum, { addresses }) => sum + addresses.length, 0);
  if (excluded > 0) shell.say(dim(`unicast addresses set aside, of removed nodes: ${excluded}`));
  shell.say(plural(document.nodes.length, 'node'));
}

function sayTable(shell: Shell, head: readonly string[], rows: readonly (readonly string[])[]): void {
  for (const line of alignColumns([head.map(shell.style.dim), ...rows])) shell.say(line);
  shell.say();
}

function rangeText({ lowAddress, highAddress }: { readonly lowAddress: string; readonly highAddress: string }): string {
  return `${addressText(lowAddress)} to ${addressText(highAddress)}`;
}
