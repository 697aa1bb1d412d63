import { toHex } from '@meshferry/core';
import { readFirmwareFile, readPublicKeyFile } from '../firmware/read-file.ts';
import { ExitCode, Stop } from '../shell/exit.ts';
import { printable } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';

export interface VerifyFlags {
  readonly key: readonly string[];
  readonly hexAddress?: number;
}

/** The file could be read; what it holds is not what the key signed. */
const FAILED = ['hash-mismatch', 'corrupt-image', 'signature-invalid', 'key-unknown'];

/** `fw verify FILE --key PEM` */
export async function fwVerify(shell: Shell, [path = '']: readonly string[], flags: VerifyFlags): Promise<ExitCode> {
  const publicKeys = flags.key.map((file) => readPublicKeyFile(shell.io, file));
  const { hexAddress } = flags;
  const { images } = await readFirmwareFile(shell.io, path, {
    publicKeys,
    requireSignature: true,
    ...(hexAddress === undefined ? {} : { hexAddress }),
  }).catch(failed);
  shell.result({
    images: images.map(({ file, target, sha256, hashVerified, signature }) => ({
      file,
      image: target.image,
      slot: target.slot,
      sha256: toHex(sha256),
      hashVerified,
      signature: signature.state,
      key: signature.key?.name ?? null,
      checked: signature.checked,
    })),
  });
  const { green } = shell.style;
  const rows = images.map(({ file, target, signature }) => [
    green('ok'),
    `image ${target.image}`,
    printable(file ?? path),
    `hash ok, ${signature.checked.join(', ')}`,
  ]);
  for (const line of alignColumns(rows)) shell.say(line);
  return ExitCode.done;
}

function failed(thrown: unknown): never {
  if (thrown instanceof Stop && FAILED.includes(thrown.error.code)) throw new Stop(ExitCode.failed, thrown.error);
  throw thrown;
}
