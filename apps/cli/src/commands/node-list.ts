import { type NetworkDocument, nodeRange } from '@meshferry/cdb';
import { formatAddress } from '@meshferry/core';
import type { OwnIdentity } from '@meshferry/node';
import { describeNode, describePending } from '../network/describe.ts';
import { withState } from '../network/open.ts';
import { sayPending } from '../network/pending-text.ts';
import { ExitCode } from '../shell/exit.ts';
import { plural, printable } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';

/** `node list` */
export function nodeList(shell: Shell): Promise<ExitCode> {
  return withState(shell, ({ document, own, pending }) => {
    const { uncertain } = pending;
    shell.result({
      nodes: document.nodes.map((node) => describeNode(shell, node)),
      pending: uncertain.map(describePending),
    });
    const head = ['node', 'elements', 'name', ''].map(shell.style.dim);
    for (const line of alignColumns([head, ...nodeRows(shell, document, own)])) shell.say(line);
    sayPending(shell, uncertain);
    shell.say(plural(document.nodes.length, 'node'));
    return ExitCode.done;
  });
}

/** Address, elements, name and what else there is to say of each node. */
export function nodeRows(shell: Shell, { nodes }: NetworkDocument, own: OwnIdentity | undefined): string[][] {
  const { yellow, dim } = shell.style;
  return nodes.map((node) => {
    const { address, count } = nodeRange(node);
    const notes = [
      ...(node.UUID === own?.uuid ? [dim('this process')] : []),
      ...(node.configComplete ? [] : [yellow('not configured')]),
      ...(node.excluded ? [yellow('left out of key refresh')] : []),
      ...(node.deviceKey === undefined ? [yellow('its device key is not known')] : []),
    ];
    return [formatAddress(address), String(count), printable(node.name ?? ''), notes.join(', ')];
  });
}
