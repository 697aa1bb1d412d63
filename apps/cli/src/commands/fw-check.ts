import { MeshError, toHex } from '@meshferry/core';
import { checkFirmware, type FirmwareOffer } from '@meshferry/firmware';
import { type AccessFlags, accessFailed, withAccess } from '../archive/access.ts';
import { ExitCode } from '../shell/exit.ts';
import { formatFirmwareId, formatSize } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';

/** `fw check URI --fwid HEX` */
export async function fwCheck(shell: Shell, [uri = '']: readonly string[], flags: AccessFlags): Promise<ExitCode> {
  const checked = await withAccess(shell, flags, (access) => checkFirmware(uri, flags.fwid, access));
  if (!checked.ok) throw accessFailed(checked.error);
  const offer = checked.value;
  shell.result({ uri, current: toHex(flags.fwid), newer: offer && describeOffer(offer) });
  if (offer === null) shell.say(`nothing newer than ${formatFirmwareId(flags.fwid)} (${toHex(flags.fwid)})`);
  else for (const line of offerLines(offer, flags.fwid)) shell.say(line);
  return ExitCode.done;
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
