import {
  type NetworkDocument,
  partialExport,
  requireAppKey,
  requireNetKey,
  writeNetworkDocument,
} from '@meshferry/cdb';
import { withState } from '../network/open.ts';
import { writePrivately } from '../network/write-privately.ts';
import { asInput, badInput, ExitCode } from '../shell/exit.ts';
import { plural } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';

export interface ExportFlags {
  readonly partial?: boolean;
  readonly netKeys?: readonly number[];
  readonly appKeys?: readonly number[];
  readonly deviceKeys?: boolean;
}

/** `net export FILE` */
export function netExport(shell: Shell, [path = '']: readonly string[], flags: ExportFlags): Promise<ExitCode> {
  return withState(shell, ({ document }) => {
    const exported = asInput(() => chosen(document, flags));
    const text = asInput(() => writeNetworkDocument(exported));
    const file = writePrivately(shell, path, text);
    const { nodes, netKeys, appKeys } = exported;
    shell.result({
      file,
      partial: exported.partial === true,
      nodes: nodes.length,
      netKeys: netKeys.length,
      appKeys: appKeys.length,
      deviceKeys: nodes.filter(({ deviceKey }) => deviceKey !== undefined).length,
    });
    shell.say(`${plural(nodes.length, 'node')} written to ${file}: keep it safe, it holds keys`);
    return ExitCode.done;
  });
}

function chosen(document: NetworkDocument, flags: ExportFlags): NetworkDocument {
  const { partial = false, netKeys, appKeys, deviceKeys = false } = flags;
  if (!partial) {
    if (netKeys === undefined && appKeys === undefined && !deviceKeys) return document;
    throw badInput(
      'not-partial',
      '--net-keys, --app-keys and --device-keys choose what a partial export holds',
      'Add --partial, or leave them out.',
    );
  }
  for (const index of netKeys ?? []) requireNetKey(document, index);
  for (const index of appKeys ?? []) requireAppKey(document, index);
  return partialExport(document, {
    netKeys: netKeys ?? document.netKeys.map(({ index }) => index),
    ...(appKeys && { appKeys }),
    deviceKeys: deviceKeys ? 'all' : 'none',
  });
}
