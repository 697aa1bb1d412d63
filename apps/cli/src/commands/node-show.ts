import { type NodeEntry, requireNode } from '@meshferry/cdb';
import { addressText, describeNode } from '../network/describe.ts';
import { withState } from '../network/open.ts';
import { asInput, ExitCode } from '../shell/exit.ts';
import { printable } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';

/** `node show ADDR` */
export function nodeShow(shell: Shell, address: number): Promise<ExitCode> {
  return withState(shell, ({ document }) => {
    const node = asInput(() => requireNode(document, address));
    shell.result({ node: describeNode(shell, node) });
    if (!shell.json) say(shell, node);
    return ExitCode.done;
  });
}

function say(shell: Shell, node: NodeEntry): void {
  const { bold, dim } = shell.style;
  shell.say(`${bold(addressText(node.unicastAddress))}  ${printable(node.name ?? '')}`);
  const features = Object.entries(node.features ?? {}).map(([name, state]) => `${name} ${FEATURE[state ?? 2]}`);
  const facts: [string, string | undefined][] = [
    ['UUID', node.UUID.toLowerCase()],
    [
      'company, product',
      node.cid && `0x${node.cid.toLowerCase()}, 0x${node.pid?.toLowerCase()} ${dim(`version ${node.vid}`)}`,
    ],
    ['features', features.join(', ')],
    ['Default TTL', node.defaultTTL === undefined ? undefined : String(node.defaultTTL)],
    ['NetKeys', node.netKeys.map(({ index }) => index).join(', ')],
    ['AppKeys', node.appKeys.map(({ index }) => index).join(', ')],
    ['device key', shell.showKeys ? node.deviceKey?.toLowerCase() : undefined],
    ['configured', node.configComplete ? 'yes' : 'no'],
    ['key refresh', node.excluded ? 'left out' : undefined],
  ];
  for (const line of alignColumns(facts.flatMap(([name, value]) => (value ? [[dim(name), value]] : []))))
    shell.say(line);
  for (const { index, models, name } of node.elements) {
    const address = addressText((Number.parseInt(node.unicastAddress, 16) + index).toString(16).padStart(4, '0'));
    shell.say();
    shell.say(`${bold(`element ${address}`)}  ${printable(name ?? '')}`);
    const rows = models.map(({ modelId, bind, subscribe, publish }) => [
      `  0x${modelId.toLowerCase()}`,
      bind.length === 0 ? '' : `AppKey ${bind.join(', ')}`,
      subscribe.length === 0 ? '' : `hears ${subscribe.map(addressText).join(', ')}`,
      publish === undefined ? '' : `publishes to ${addressText(publish.address)}`,
    ]);
    for (const line of alignColumns(rows)) shell.say(line);
  }
}

const FEATURE = ['off', 'on', 'not supported'];
