import { resolve } from 'node:path';
import { utf8 } from '@meshferry/core';
import { badInput } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';
import { PRIVATELY, writeWholeFile } from '../shell/write-file.ts';

/** Writes a text that holds keys: a file that only its owner can read, all of it or nothing. Gives its whole path. */
export function writePrivately(shell: Shell, path: string, text: string): string {
  const file = resolve(shell.io.cwd, path);
  try {
    writeWholeFile(file, utf8(text), PRIVATELY);
    return file;
  } catch (thrown) {
    const reason = (thrown as Error).message;
    throw badInput('file-unwritable', `${path} cannot be written: ${reason}`, 'Name another file, or free the disk.');
  }
}
