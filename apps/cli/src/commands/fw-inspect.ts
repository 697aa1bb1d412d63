import { basename } from 'node:path';
import { describePackage } from '@meshferry/firmware';
import { inspectText } from '../firmware/inspect-text.ts';
import { readFirmwareFile } from '../firmware/read-file.ts';
import { ExitCode } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';

export interface InspectFlags {
  readonly metadataFile?: string;
  readonly hexAddress?: number;
}

/** `fw inspect FILE` */
export async function fwInspect(shell: Shell, [path = '']: readonly string[], flags: InspectFlags): Promise<ExitCode> {
  const { metadataFile, hexAddress } = flags;
  const pkg = await readFirmwareFile(shell.io, path, {
    acceptUnsigned: true,
    ...(metadataFile === undefined ? {} : { metadataFile }),
    ...(hexAddress === undefined ? {} : { hexAddress }),
  });
  if (shell.json) shell.result(describePackage(pkg));
  else for (const line of inspectText(basename(path), pkg, shell.style)) shell.say(line);
  return ExitCode.done;
}
