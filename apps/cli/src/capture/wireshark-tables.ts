import { formatAddress } from '@meshferry/core';
import type { CaptureKeys } from './capture-keys.ts';

/**
 * The key tables of Wireshark's mesh dissector by file name, for a configuration folder (`WIRESHARK_CONFIG_DIR`)
 * [design/real-peers.md, 5]. It knows no IV Index but those in the table, so each one is listed with its predecessor.
 */
export function wiresharkTables(keys: CaptureKeys): Readonly<Record<string, string>> {
  const { netKeys, appKeys, devKeys, labelUUIDs = [] } = keys;
  const ivIndexes = new Set([keys.ivIndex, ...(keys.ivIndexesSeen ?? [])]);
  for (const ivIndex of [...ivIndexes]) if (ivIndex > 0) ivIndexes.add(ivIndex - 1);
  const networks = netKeys.flatMap((netKey) => {
    const bound = appKeys.filter(({ boundNetKey }) => boundNetKey === undefined || boundNetKey === netKey.index);
    // A row needs an AppKey; without one any will do.
    const values = bound.length === 0 ? [netKey.key] : bound.map(({ key }) => key);
    return values.flatMap((appKey) =>
      [...ivIndexes].map((ivIndex) => row(`0x${netKey.key}`, `0x${appKey}`, `0x${hex(ivIndex)}`)),
    );
  });
  const devices = devKeys.flatMap(({ addr, key }) => (addr === null ? [] : [row(`0x${key}`, formatAddress(addr))]));
  return {
    btmesh_nw_keys: networks.join(''),
    btmesh_dev_keys: devices.join(''),
    btmesh_label_uuids: labelUUIDs.map((label) => row(`0x${label}`)).join(''),
  };
}

function row(...cells: readonly string[]): string {
  return `${cells.map((cell) => `"${cell}"`).join(',')}\n`;
}

function hex(ivIndex: number): string {
  return ivIndex.toString(16).padStart(8, '0');
}
