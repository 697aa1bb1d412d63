import { concat, MeshError, utf8 } from '@meshferry/core';
import { crc32 } from './crc32.ts';

/** A file to put into an archive. */
export interface ZipFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const VERSION = 20;
const UTF8_NAMES = 0x0800;

/**
 * A ZIP archive with the files stored (not compressed) in the given order, the same octets for the same input
 * [spec: firmware-packages section 6]. `time`: Unix seconds, UTC, written as DOS time (1980 at the earliest). Throws
 * `zip-too-large` beyond 65 535 files or 4 GB.
 */
export function writeZip(files: readonly ZipFile[], time: number): Uint8Array {
  const total = files.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (files.length > 0xfffe || total > 0xf000_0000) {
    throw new MeshError('zip-too-large', `${files.length} files of ${total} octets do not fit a ZIP without ZIP64`);
  }
  const stamp = dosTime(time);
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const { name, bytes } of files) {
    const nameOctets = utf8(name);
    const common = describeEntry(bytes, nameOctets.length, stamp);
    const local = concat(u32(0x04034b50), common, u16(0), nameOctets, bytes);
    // Made by 0 (FAT), no comment, disk 0, no attributes, where the local header is.
    directory.push(concat(u32(0x02014b50), u16(VERSION), common, u16(0, 0, 0, 0), u32(0, offset), nameOctets));
    parts.push(local);
    offset += local.length;
  }
  const central = concat(...directory);
  const end = concat(u32(0x06054b50), u16(0, 0, files.length, files.length), u32(central.length, offset), u16(0));
  return concat(...parts, central, end);
}

/** What local header and directory have in common, from the version needed to the length of the name. */
function describeEntry(bytes: Uint8Array, nameLength: number, stamp: { time: number; date: number }): Uint8Array {
  return concat(
    u16(VERSION, UTF8_NAMES, 0, stamp.time, stamp.date),
    u32(crc32(bytes), bytes.length, bytes.length),
    u16(nameLength),
  );
}

function dosTime(seconds: number): { time: number; date: number } {
  const date = new Date(Math.max(seconds, 315_532_800) * 1000);
  return {
    time: (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1),
    date: ((date.getUTCFullYear() - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate(),
  };
}

function u16(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [value & 0xff, (value >>> 8) & 0xff]));
}

function u32(...values: readonly number[]): Uint8Array {
  return concat(...values.map((value) => u16(value & 0xffff, value >>> 16)));
}
