import { closeSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { concat } from '@meshferry/core';
import { badInput } from './exit.ts';
import type { Io } from './io.ts';

/** No firmware is larger; what is was named by mistake. */
const LARGEST = 128 * 1024 * 1024;

/** The octets of a file that a person named; `what` it is, for the message: `firmware`, `key`. */
export function readInputFile(io: Io, path: string, what: string): Uint8Array {
  const file = resolve(io.cwd, path);
  try {
    const octets = readAtMost(file, LARGEST + 1);
    if (octets.length <= LARGEST) return octets;
    throw badInput(
      'file-too-large',
      `${what} file ${path} has more than ${LARGEST} octets`,
      'Is it the right file? The limit is 128 MiB.',
    );
  } catch (thrown) {
    throw fileError(thrown, path, what);
  }
}

/** A text file, UTF-8. */
export function readInputText(io: Io, path: string, what: string): string {
  return new TextDecoder().decode(readInputFile(io, path, what));
}

/** A pipe has no size and a device may have no end: read until there is enough. */
function readAtMost(file: string, limit: number): Uint8Array {
  const chunks: Uint8Array[] = [];
  const descriptor = openSync(file, 'r');
  try {
    for (let left = limit; left > 0; ) {
      const chunk = new Uint8Array(Math.min(left, CHUNK));
      const count = readSync(descriptor, chunk);
      if (count === 0) break;
      chunks.push(chunk.subarray(0, count));
      left -= count;
    }
  } finally {
    closeSync(descriptor);
  }
  return concat(...chunks);
}

const CHUNK = 1024 * 1024;

function fileError(thrown: unknown, path: string, what: string): unknown {
  switch ((thrown as NodeJS.ErrnoException).code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return badInput(
        'file-not-found',
        `there is no ${what} file ${path}`,
        'Check the path; it counts from the current folder.',
      );
    case 'EISDIR':
      return badInput('not-a-file', `${path} is a folder, not a ${what} file`, 'Name the file in it.');
    case 'EACCES':
    case 'EPERM':
      return badInput(
        'file-unreadable',
        `${what} file ${path} may not be read`,
        'Give this user the right to read it.',
      );
    case undefined:
      return thrown;
    default:
      return badInput(
        'file-unreadable',
        `${what} file ${path}: ${(thrown as Error).message}`,
        'Check the disk and the path.',
      );
  }
}
