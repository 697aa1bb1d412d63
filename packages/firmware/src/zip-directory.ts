import { fail, MeshError, ok, type Result } from '@meshferry/core';
import { printable } from './printable.ts';

/** One entry of a ZIP archive as the central directory tells it. */
export interface ZipEntry {
  readonly name: string;
  /** Octets unpacked and packed. */
  readonly size: number;
  readonly compressedSize: number;
  readonly crc32: number;
  /** `stored`, `deflate`, or `method N` for one that is not supported. */
  readonly method: string;
  readonly localHeaderOffset: number;
}

/** Limits that hold before anything is unpacked [spec: firmware-packages section 3]. */
export const ZIP_LIMITS: { readonly entries: number; readonly entrySize: number; readonly totalSize: number } = {
  entries: 64,
  entrySize: 16 * 1024 * 1024,
  totalSize: 64 * 1024 * 1024,
};

const END_SIGNATURE = 0x06054b50;
const END_LENGTH = 22;
const MAX_COMMENT = 0xffff;
const ENTRY_SIGNATURE = 0x02014b50;
const ENTRY_LENGTH = 46;
const SYMBOLIC_LINK = 0o120000;

/**
 * Reads and checks the central directory; `start` is where it begins. Fails with `truncated`, `zip-damaged`,
 * `too-many-entries`, `zip-too-large`, `zip64`, `zip-encrypted`, `zip-symlink`, `duplicate-entry`, `absolute-path` or
 * `path-traversal`.
 */
export function readZipDirectory(bytes: Uint8Array): Result<{ entries: ZipEntry[]; start: number }, MeshError> {
  try {
    return ok(readDirectory(bytes));
  } catch (thrown) {
    if (thrown instanceof MeshError) return fail(thrown);
    throw thrown;
  }
}

function readDirectory(bytes: Uint8Array): { entries: ZipEntry[]; start: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = findEnd(view);
  const count = view.getUint16(end + 10, true);
  const size = view.getUint32(end + 12, true);
  const start = view.getUint32(end + 16, true);
  if (count === 0xffff || start === 0xffff_ffff) throw zip64();
  if (view.getUint16(end + 4, true) !== 0 || view.getUint16(end + 8, true) !== count) {
    throw damaged('it is one part of an archive on several disks');
  }
  if (count > ZIP_LIMITS.entries) {
    throw refuse('too-many-entries', `the ZIP has ${count} entries, at most ${ZIP_LIMITS.entries} are read`);
  }
  if (start + size > end) throw damaged('its central directory runs into the end record');
  const entries: ZipEntry[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    const { entry, length } = readEntry(bytes, view, at, start + size);
    entries.push(entry);
    at += length;
  }
  checkTogether(entries);
  return { entries, start };
}

/** The last end record whose comment ends with the file. */
function findEnd(view: DataView): number {
  const last = view.byteLength - END_LENGTH;
  for (let at = last; at >= 0 && at >= last - MAX_COMMENT; at--) {
    if (view.getUint32(at, true) !== END_SIGNATURE) continue;
    if (at + END_LENGTH + view.getUint16(at + 20, true) === view.byteLength) return at;
  }
  throw new MeshError('truncated', 'the end of the central directory is missing from the ZIP file', {
    hint: 'The download was probably cut off: fetch the file again.',
  });
}

function readEntry(bytes: Uint8Array, view: DataView, at: number, end: number): { entry: ZipEntry; length: number } {
  if (at + ENTRY_LENGTH > end || view.getUint32(at, true) !== ENTRY_SIGNATURE) {
    throw damaged('its central directory is broken');
  }
  const nameLength = view.getUint16(at + 28, true);
  const extraLength = view.getUint16(at + 30, true);
  const length = ENTRY_LENGTH + nameLength + extraLength + view.getUint16(at + 32, true);
  if (at + length > end) throw damaged('its central directory is broken');
  const nameAt = at + ENTRY_LENGTH;
  const method = view.getUint16(at + 10, true);
  const entry: ZipEntry = {
    name: decodeName(bytes.subarray(nameAt, nameAt + nameLength)),
    size: view.getUint32(at + 24, true),
    compressedSize: view.getUint32(at + 20, true),
    crc32: view.getUint32(at + 16, true),
    method: method === 0 ? 'stored' : method === 8 ? 'deflate' : `method ${method}`,
    localHeaderOffset: view.getUint32(at + 42, true),
  };
  checkName(entry.name);
  if ((view.getUint16(at + 8, true) & 1) !== 0) {
    throw refuse(
      'zip-encrypted',
      `entry "${printable(entry.name)}" is encrypted`,
      'Give the package without a password.',
    );
  }
  const madeByUnix = view.getUint8(at + 5) === 3;
  if (madeByUnix && (view.getUint16(at + 40, true) & 0o170000) === SYMBOLIC_LINK) {
    throw refuse('zip-symlink', `entry "${printable(entry.name)}" is a symbolic link`, 'Pack the file itself.');
  }
  const declared = declaredSize(view, entry, nameAt + nameLength, extraLength);
  if (declared > ZIP_LIMITS.entrySize) {
    throw tooLarge(
      `entry "${printable(entry.name)}" unpacks to ${declared} octets, at most ${ZIP_LIMITS.entrySize} are read`,
    );
  }
  if ([entry.size, entry.compressedSize, entry.localHeaderOffset].includes(0xffff_ffff)) throw zip64();
  return { entry, length };
}

/** The unpacked size; that of a ZIP64 entry stands first in the extra field 0x0001 (and is only told, not read). */
function declaredSize(view: DataView, entry: ZipEntry, extraAt: number, extraLength: number): number {
  const isZip64 = entry.size === 0xffff_ffff && extraLength >= 12 && view.getUint16(extraAt, true) === 1;
  return isZip64 ? Number(view.getBigUint64(extraAt + 4, true)) : entry.size;
}

function checkTogether(entries: readonly ZipEntry[]): void {
  const names = new Set<string>();
  let total = 0;
  for (const { name, size } of entries) {
    if (names.has(name)) throw refuse('duplicate-entry', `the ZIP has two entries "${printable(name)}"`);
    names.add(name);
    total += size;
  }
  if (total > ZIP_LIMITS.totalSize) {
    throw tooLarge(`the ZIP unpacks to ${total} octets, at most ${ZIP_LIMITS.totalSize} are read`);
  }
}

/** Names are UTF-8 or CP437, ours ASCII, which is the same in both; other CP437 letters show as replacement characters. */
function decodeName(octets: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(octets);
}

function checkName(name: string): void {
  const hint = 'Somebody tampered with this archive: do not use it.';
  if (/^[/\\]|^[A-Za-z]:/.test(name))
    throw refuse('absolute-path', `the entry name "${printable(name)}" is absolute`, hint);
  if (name.split(/[/\\]/).includes('..') || name.includes('\\') || name.includes('\0')) {
    throw refuse('path-traversal', `the entry name "${printable(name)}" leaves the archive`, hint);
  }
  if (name === '') throw damaged('an entry has no name');
}

function refuse(
  code: string,
  message: string,
  hint = 'Make the package again, with the build system that made it.',
): MeshError {
  return new MeshError(code, message, { hint });
}

function tooLarge(message: string): MeshError {
  return refuse('zip-too-large', message, 'This is no firmware package.');
}

function damaged(what: string): MeshError {
  return refuse('zip-damaged', `the ZIP file is damaged: ${what}`, 'Fetch the file again.');
}

function zip64(): MeshError {
  return refuse('zip64', 'the ZIP file uses ZIP64, which no firmware package needs');
}
