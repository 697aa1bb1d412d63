import { resolve } from 'node:path';
import { toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import {
  type ArchiveAccess,
  checkFirmware,
  type FetchedFirmware,
  type FirmwareOffer,
  fetchFirmware,
} from '@meshferry/firmware';
import { type AccessFlags, accessFailed, withAccess } from '../archive/access.ts';
import { badInput, ExitCode } from '../shell/exit.ts';
import { formatSize } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';
import { writeWholeFile } from '../shell/write-file.ts';
import { describeOffer, nothingNewer, offerLines } from './fw-check.ts';

export interface FetchFlags extends AccessFlags {
  readonly out: string;
}

/** `fw fetch URI --fwid HEX --out F` */
export async function fwFetch(shell: Shell, [uri = '']: readonly string[], flags: FetchFlags): Promise<ExitCode> {
  const { offer, fetched } = await withAccess(shell, flags, (access) => checkAndFetch(shell, uri, flags.fwid, access));
  try {
    writeWholeFile(resolve(shell.io.cwd, flags.out), fetched.bytes);
  } catch (thrown) {
    const message = `cannot write ${flags.out}: ${(thrown as Error).message}`;
    throw badInput('cannot-write', message, 'Check the folder and the rights.');
  }
  const metadata = toHex(fetched.metadata);
  const sha256 = toHex(portableCrypto.sha256(fetched.image));
  const { kind, url, bytes } = fetched;
  const newer = describeOffer(offer);
  shell.result({
    file: flags.out,
    size: bytes.length,
    kind,
    url,
    uri,
    current: toHex(flags.fwid),
    newer,
    metadata,
    sha256,
  });
  const rows = [
    ['wrote', `${flags.out}, ${formatSize(bytes.length)}`],
    ['metadata', metadata === '' ? 'none' : metadata],
    ['sha256', `${sha256} (of the image)`],
  ];
  for (const line of alignColumns(rows)) shell.say(line);
  shell.say(`send it: meshferry dfu run ${flags.out} --bearer …`);
  return ExitCode.done;
}

async function checkAndFetch(
  shell: Shell,
  uri: string,
  current: Uint8Array,
  access: ArchiveAccess,
): Promise<{ offer: FirmwareOffer; fetched: FetchedFirmware }> {
  const checked = await checkFirmware(uri, current, access);
  if (!checked.ok) throw accessFailed(checked.error);
  const offer = checked.value;
  if (offer === null) throw nothingNewer(uri, current);
  shell.event({ type: 'progress', step: 'offered', ...describeOffer(offer) });
  for (const line of offerLines(offer, current)) shell.say(line);
  const fetched = await fetchFirmware(uri, current, offer, access, portableCrypto);
  if (!fetched.ok) throw accessFailed(fetched.error);
  return { offer, fetched: fetched.value };
}
