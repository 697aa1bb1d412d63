import { resolve } from 'node:path';
import { toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import {
  type ArchiveAccess,
  checkFirmware,
  type FetchedFirmware,
  type FetchProgress,
  type FetchTrust,
  type FirmwareOffer,
  fetchFirmware,
} from '@meshferry/firmware';
import { type AccessFlags, accessFailed, withAccess } from '../archive/access.ts';
import { readPublicKeyFile } from '../firmware/read-file.ts';
import { badInput, ExitCode } from '../shell/exit.ts';
import { formatSize } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';
import { writeWholeFile } from '../shell/write-file.ts';
import { describeOffer, nothingNewer, offerLines } from './fw-check.ts';

export interface FetchFlags extends AccessFlags {
  readonly out: string;
  /** Public keys that the image must be signed for. */
  readonly key?: readonly string[];
}

/** `fw fetch URI --fwid HEX --out F` */
export async function fwFetch(shell: Shell, [uri = '']: readonly string[], flags: FetchFlags): Promise<ExitCode> {
  const trust =
    flags.key === undefined ? {} : { publicKeys: flags.key.map((file) => readPublicKeyFile(shell.io, file)) };
  const { offer, fetched } = await withAccess(shell, flags, (access) =>
    checkAndFetch(shell, uri, flags.fwid, { ...access, progress: progressEvents(shell) }, trust),
  );
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
    warnings: fetched.warnings,
  });
  const rows = [
    ['wrote', `${flags.out}, ${formatSize(bytes.length)}`],
    ['metadata', metadata === '' ? 'none' : metadata],
    ['sha256', `${sha256} (of the image)`],
  ];
  for (const line of alignColumns(rows)) shell.say(line);
  for (const warning of fetched.warnings) shell.say(`note: ${warning}`);
  shell.say(`send it: meshferry dfu run ${flags.out} --bearer …`);
  return ExitCode.done;
}

/** An event for each tenth of the archive that has come. */
function progressEvents(shell: Shell): (progress: FetchProgress) => void {
  let told = -1;
  return ({ received, total }) => {
    const tenth = total === null || total === 0 ? 0 : Math.floor((10 * received) / total);
    if (tenth <= told) return;
    told = tenth;
    shell.event({ type: 'progress', step: 'fetching', received, total });
  };
}

async function checkAndFetch(
  shell: Shell,
  uri: string,
  current: Uint8Array,
  access: ArchiveAccess,
  trust: FetchTrust,
): Promise<{ offer: FirmwareOffer; fetched: FetchedFirmware }> {
  const checked = await checkFirmware(uri, current, access);
  if (!checked.ok) throw accessFailed(checked.error);
  const offer = checked.value;
  if (offer === null) throw nothingNewer(uri, current);
  shell.event({ type: 'progress', step: 'offered', ...describeOffer(offer) });
  for (const line of offerLines(offer, current)) shell.say(line);
  const fetched = await fetchFirmware(uri, current, offer, access, portableCrypto, trust);
  if (!fetched.ok) throw accessFailed(fetched.error);
  return { offer, fetched: fetched.value };
}
