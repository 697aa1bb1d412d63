import { MeshError, toHex } from '@meshferry/core';
import { checkFirmware, checkFirmwareChain, type FirmwareOffer } from '@meshferry/firmware';
import { type AccessFlags, accessFailed, withAccess } from '../archive/access.ts';
import { ExitCode } from '../shell/exit.ts';
import { formatFirmwareId, formatSize } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';

export interface CheckFlags extends AccessFlags {
  readonly chain?: boolean;
}

/** `fw check URI --fwid HEX` */
export async function fwCheck(shell: Shell, [uri = '']: readonly string[], flags: CheckFlags): Promise<ExitCode> {
  if (flags.chain) return followChain(shell, uri, flags);
  const checked = await withAccess(shell, flags, (access) => checkFirmware(uri, flags.fwid, access));
  if (!checked.ok) throw accessFailed(checked.error);
  const offer = checked.value;
  shell.result({ uri, current: toHex(flags.fwid), newer: offer && describeOffer(offer) });
  if (offer === null) shell.say(nothingText(flags.fwid));
  else for (const line of offerLines(offer, flags.fwid)) shell.say(line);
  return ExitCode.done;
}

/** `--chain`: every update to the newest, in the order in which they are to be applied. */
async function followChain(shell: Shell, uri: string, flags: CheckFlags): Promise<ExitCode> {
  const checked = await withAccess(shell, flags, (access) => checkFirmwareChain(uri, flags.fwid, access));
  if (!checked.ok) throw accessFailed(checked.error);
  const chain = checked.value;
  const [newer] = chain;
  shell.result({
    uri,
    current: toHex(flags.fwid),
    newer: newer === undefined ? null : describeOffer(newer),
    chain: chain.map(describeOffer),
  });
  if (newer === undefined) shell.say(nothingText(flags.fwid));
  const rows = chain.map(({ firmwareId, imageSize }, i) => [
    String(i + 1),
    formatFirmwareId(firmwareId),
    toHex(firmwareId),
    formatSize(imageSize),
  ]);
  for (const line of alignColumns(rows)) shell.say(line);
  return ExitCode.done;
}

function nothingText(current: Uint8Array): string {
  return `nothing newer than ${formatFirmwareId(current)} (${toHex(current)})`;
}

/** An offer as JSON. */
export function describeOffer({ firmwareId, imageSize, chainSize }: FirmwareOffer): Record<string, unknown> {
  return { firmwareId: toHex(firmwareId), imageSize, chainSize };
}

/** An offer for people. */
export function offerLines({ firmwareId, imageSize, chainSize }: FirmwareOffer, current: Uint8Array): string[] {
  const rows = [
    ['current', formatFirmwareId(current), toHex(current)],
    ['newer', formatFirmwareId(firmwareId), toHex(firmwareId)],
    ['image', formatSize(imageSize)],
  ];
  if (chainSize > 1) rows.push(['updates', `${chainSize} to the newest: when this one is applied, check again`]);
  return alignColumns(rows);
}

/** For a fetch that finds nothing to fetch. */
export function nothingNewer(uri: string, current: Uint8Array): MeshError {
  return new MeshError('no-newer-firmware', `${uri} has nothing newer than ${toHex(current)}`, {
    hint: 'The device is up to date, or the server does not know its Firmware ID.',
  });
}
