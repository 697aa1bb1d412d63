import { concat, fail, MeshError, ok, type Result, utf8 } from '@meshferry/core';
import { printable } from './printable.ts';

/** A plain file of a tar archive. */
export interface TarFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const BLOCK = 512;
const MAX_ENTRIES = 16;
/** Where the checksum stands in a header; it counts as eight spaces in the sum. */
const CHECKSUM = { at: 148, length: 8 };

/**
 * The files of a tar (ustar) in memory: plain files in the root, at most 16 [spec: firmware-check-https section 4]. Fails
 * with `archive-damaged`, `archive-entry` (a path, a link, a folder, a second file of the name) or `too-many-entries`.
 */
export function readTar(bytes: Uint8Array): Result<TarFile[], MeshError> {
  const files: TarFile[] = [];
  for (let at = 0; at + BLOCK <= bytes.length; ) {
    const header = bytes.subarray(at, at + BLOCK);
    if (header.every((octet) => octet === 0)) return ok(files);
    if (octal(header, CHECKSUM.at, CHECKSUM.length) !== checksum(header)) return fail(damaged('a checksum is wrong'));
    const name = text(header, 0, 100);
    const size = octal(header, 124, 12);
    const type = header[156]!;
    if (size === undefined) return fail(damaged(`"${printable(name)}" has no size`));
    const start = at + BLOCK;
    if (start + size > bytes.length) return fail(damaged(`"${printable(name)}" runs over the end`));
    at = start + Math.ceil(size / BLOCK) * BLOCK;
    // What tools note about the next entry or the whole archive (pax) holds nothing that is needed.
    if (type === 0x78 || type === 0x67) continue;
    const plain = name.replace(/^\.\//, '');
    if ((type !== 0 && type !== 0x30) || text(header, 345, 155) !== '' || !isPlainName(plain)) {
      return fail(refuse('archive-entry', `entry "${printable(name)}" is no plain file in the root of the archive`));
    }
    if (files.some((file) => file.name === plain)) {
      return fail(refuse('archive-entry', `the archive holds "${printable(plain)}" twice`));
    }
    if (files.length === MAX_ENTRIES) {
      return fail(refuse('too-many-entries', `the archive holds more than ${MAX_ENTRIES} files`));
    }
    files.push({ name: plain, bytes: bytes.subarray(start, start + size) });
  }
  return fail(damaged('its end is missing'));
}

/** A tar of plain files; names of at most 100 octets. The same input gives the same octets. */
export function writeTar(files: readonly TarFile[], time = 0): Uint8Array {
  const parts = files.flatMap(({ name, bytes }) => [
    header(name, bytes.length, time),
    bytes,
    new Uint8Array(-bytes.length & (BLOCK - 1)),
  ]);
  return concat(...parts, new Uint8Array(2 * BLOCK));
}

/** Whether an entry of that name lies in the root of an archive. */
export function isPlainName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\\\0]/.test(name) && !/^[A-Za-z]:/.test(name);
}

function header(name: string, size: number, time: number): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const put = (at: number, value: string): void => block.set(utf8(value), at);
  put(0, name);
  put(100, '0000644\0');
  put(108, '0000000\0');
  put(116, '0000000\0');
  put(124, `${size.toString(8).padStart(11, '0')}\0`);
  put(136, `${time.toString(8).padStart(11, '0')}\0`);
  put(156, '0');
  put(257, 'ustar\x0000');
  put(CHECKSUM.at, `${checksum(block).toString(8).padStart(6, '0')}\0 `);
  return block;
}

function checksum(block: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) {
    const own = i >= CHECKSUM.at && i < CHECKSUM.at + CHECKSUM.length;
    sum += own ? 0x20 : block[i]!;
  }
  return sum;
}

function octal(block: Uint8Array, at: number, length: number): number | undefined {
  const digits = text(block, at, length).trim();
  return /^[0-7]{1,11}$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
}

function text(block: Uint8Array, at: number, length: number): string {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

function damaged(what: string): MeshError {
  return refuse('archive-damaged', `the firmware archive is damaged: ${what}`, 'Fetch it again.');
}

function refuse(
  code: string,
  message: string,
  hint = 'Make the archive again: a manifest, metadata and an image.',
): MeshError {
  return new MeshError(code, message, { hint });
}
