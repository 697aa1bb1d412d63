import { MeshError } from '@meshferry/core';
import { holderOf } from './holder.ts';

/** SQLite result codes (https://sqlite.org/rescode.html). */
const busy = 5;
const locked = 6;
const readOnly = 8;
const corrupt = 11;
const full = 13;
const cannotOpen = 14;
const notADatabase = 26;

const hints: Readonly<Record<number, string>> = {
  [readOnly]: 'Make the file and its folder writable for this user.',
  [full]: 'Free some space on the disk, then try again: nothing was written.',
  [cannotOpen]: 'Check that the folder exists and may be written by this user.',
};

/** What an engine threw while it did `action` on `file`, as `store-locked`, `store-corrupt` or `store-failed`. */
export function storeError(thrown: unknown, action: string, file: string): MeshError {
  if (thrown instanceof MeshError) return thrown;
  const code = resultCode(thrown);
  if (code === busy || code === locked) return lockedError(file, thrown);
  if (code === corrupt || code === notADatabase) return corruptError(file, messageOf(thrown), thrown);
  return new MeshError('store-failed', `Cannot ${action} store ${file}: ${messageOf(thrown)}`, {
    hint: hints[code] ?? 'Check the disk and the rights of the file and its folder.',
    cause: thrown,
  });
}

/** The file is not, or not any more, a store of Meshferry. */
export function corruptError(file: string, reason: string, cause?: unknown): MeshError {
  return new MeshError('store-corrupt', `Store ${file} cannot be used: ${reason}`, {
    hint: 'Name another file, or restore this one from a backup.',
    cause,
  });
}

/** A later version of Meshferry wrote the file. */
export function newerError(file: string, found: number, known: number): MeshError {
  return new MeshError('store-newer', `Store ${file} has layout ${found}, this version knows up to ${known}`, {
    hint: 'Use the version of Meshferry that wrote it, or a later one; the file was left as it is.',
  });
}

function lockedError(file: string, cause: unknown): MeshError {
  const pid = holderOf(file);
  const who = pid === undefined ? 'another process' : `process ${pid}`;
  return new MeshError('store-locked', `Store ${file} is in use by ${who}`, {
    hint: 'End the other meshferry that uses it, or name another state folder.',
    cause,
  });
}

/** The primary result code: `errcode` of node:sqlite, `rawCode` of libsql, whose open failures only name it in their text. */
function resultCode(thrown: unknown): number {
  const { errcode, rawCode } = thrown as { errcode?: number; rawCode?: number };
  const code = errcode ?? rawCode ?? Number(/: (\d+)"\)$/.exec(messageOf(thrown))?.[1] ?? 0);
  return code & 0xff;
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
