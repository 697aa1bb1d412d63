import { basename, resolve } from 'node:path';
import { toHex } from '@meshferry/core';
import { downloadFile, FileHash, FileStatus, startFileUpload, type TransferProgress } from '@meshferry/smp';
import { badInput, ExitCode } from '../shell/exit.ts';
import { readInputFile } from '../shell/files.ts';
import { formatSize, printable } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { writeWholeFile } from '../shell/write-file.ts';
import { ask, withClient } from './client.ts';
import { openTransferView } from './transfer-view.ts';

/** `smp fs get PATH [FILE]` */
export async function fsGet(shell: Shell, [name = '', to]: readonly string[]): Promise<ExitCode> {
  const file = to ?? basename(name);
  const content = await transfer(shell, `downloading ${name}`, (client, onProgress) =>
    downloadFile(client, name, { onProgress }),
  );
  try {
    writeWholeFile(resolve(shell.io.cwd, file), content);
  } catch (thrown) {
    throw badInput('file-unwritable', `${file} cannot be written: ${(thrown as Error).message}`, 'Name another file.');
  }
  shell.result({ name, file, size: content.length });
  shell.say(`${formatSize(content.length)} written to ${printable(file)}`);
  return ExitCode.done;
}

/** `smp fs put FILE PATH` */
export async function fsPut(shell: Shell, [file = '', name = '']: readonly string[]): Promise<ExitCode> {
  const content = readInputFile(shell.io, file, 'input');
  const { match } = await transfer(
    shell,
    `uploading to ${name}`,
    (client, onProgress) => startFileUpload(client, name, content, { onProgress, resume: true }).finished,
  );
  shell.result({ name, size: content.length, verified: match === true });
  const check = match === true ? ', its hash is right' : '; the device has no hash of it to compare';
  shell.say(`${formatSize(content.length)} are in ${printable(name)}${check}`);
  return ExitCode.done;
}

/** `smp fs status PATH` */
export async function fsStatus(shell: Shell, [name = '']: readonly string[]): Promise<ExitCode> {
  const { len } = await ask(shell, FileStatus, { name });
  shell.result({ name, size: len });
  shell.say(formatSize(len));
  return ExitCode.done;
}

/** `smp fs hash PATH` */
export async function fsHash(
  shell: Shell,
  [name = '']: readonly string[],
  { type }: { readonly type?: string },
): Promise<ExitCode> {
  const hash = await ask(shell, FileHash, { name, ...(type !== undefined && { type }) });
  const output = typeof hash.output === 'number' ? hash.output.toString(16).padStart(8, '0') : toHex(hash.output);
  shell.result({ name, hashType: hash.type, size: hash.len, hash: output });
  shell.say(`${printable(hash.type)} ${output}`);
  return ExitCode.done;
}

/** Connects, and shows how `work` gets on. */
async function transfer<T>(
  shell: Shell,
  doing: string,
  work: (client: Parameters<typeof downloadFile>[0], onProgress: (progress: TransferProgress) => void) => Promise<T>,
): Promise<T> {
  const view = openTransferView(shell);
  try {
    return await withClient(shell, doing, (client, { clock }) => {
      const begun = clock.now;
      return work(client, (progress) => {
        const { offset, total, bytesPerSecond = null, secondsLeft = null } = progress;
        const percent = total === 0 ? 100 : (100 * offset) / total;
        const elapsedSeconds = (clock.now - begun) / 1000;
        view.show({ doing: printable(doing), percent, bytesPerSecond, secondsLeft, elapsedSeconds });
      });
    });
  } finally {
    view.close();
  }
}
