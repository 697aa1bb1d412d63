import { fail, MeshError, ok, type Result } from '@meshferry/core';
import { Inflate } from 'fflate';
import { crc32 } from './crc32.ts';
import { printable } from './printable.ts';
import { readZipDirectory, type ZipEntry } from './zip-directory.ts';

/** A ZIP archive in memory whose directory has passed all checks; entries are unpacked when asked for. */
export interface ZipArchive {
  /** In the order of the central directory. */
  readonly entries: readonly ZipEntry[];
  /** The contents of an entry, size and CRC-32 checked; fails with `truncated`, `bad-crc`, `zip-method` or `zip-damaged`. */
  read(entry: ZipEntry): Result<Uint8Array, MeshError>;
}

const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_LENGTH = 30;
/** Compressed octets inflated at a time: bounds what a bomb can unpack to (1032 times as much) before it is noticed. */
const INFLATE_STEP = 8192;

/** Opens an archive without unpacking anything [spec: firmware-packages section 3]; the errors of {@link readZipDirectory}. */
export function openZip(bytes: Uint8Array): Result<ZipArchive, MeshError> {
  const directory = readZipDirectory(bytes);
  if (!directory.ok) return directory;
  const { entries, start } = directory.value;
  return ok({ entries, read: (entry) => readEntry(bytes.subarray(0, start), entry) });
}

/** `files`: everything before the central directory. Sizes come from the directory, never from the local header. */
function readEntry(files: Uint8Array, entry: ZipEntry): Result<Uint8Array, MeshError> {
  const view = new DataView(files.buffer, files.byteOffset, files.length);
  const at = entry.localHeaderOffset;
  if (at + LOCAL_LENGTH > files.length) return fail(truncated(entry));
  if (view.getUint32(at, true) !== LOCAL_SIGNATURE)
    return fail(damaged(entry, 'its local header is not where it should be'));
  const start = at + LOCAL_LENGTH + view.getUint16(at + 26, true) + view.getUint16(at + 28, true);
  if (start + entry.compressedSize > files.length) return fail(truncated(entry));
  const unpacked = unpack(files.subarray(start, start + entry.compressedSize), entry);
  if (!unpacked.ok) return unpacked;
  const crc = crc32(unpacked.value);
  return crc === entry.crc32 ? unpacked : fail(badCrc(entry, crc));
}

function unpack(packed: Uint8Array, entry: ZipEntry): Result<Uint8Array, MeshError> {
  if (entry.method === 'stored') {
    return packed.length === entry.size ? ok(packed) : fail(damaged(entry, 'stored with two different sizes'));
  }
  if (entry.method === 'deflate') return inflate(packed, entry);
  return fail(
    new MeshError('zip-method', `entry "${printable(entry.name)}" is packed with ${entry.method}`, {
      hint: 'Pack the archive again with the methods "stored" or "deflate".',
    }),
  );
}

function inflate(packed: Uint8Array, entry: ZipEntry): Result<Uint8Array, MeshError> {
  const output = new Uint8Array(entry.size);
  let length = 0;
  const inflater = new Inflate((chunk) => {
    if (length + chunk.length > output.length) throw new RangeError('longer than declared');
    output.set(chunk, length);
    length += chunk.length;
  });
  try {
    for (let at = 0; at < packed.length; at += INFLATE_STEP) {
      inflater.push(packed.subarray(at, at + INFLATE_STEP), at + INFLATE_STEP >= packed.length);
    }
  } catch (thrown) {
    return fail(damaged(entry, `its compressed data are broken (${(thrown as Error).message})`));
  }
  return length === entry.size ? ok(output) : fail(damaged(entry, `${length} octets instead of ${entry.size}`));
}

function truncated(entry: ZipEntry): MeshError {
  return new MeshError('truncated', `entry "${printable(entry.name)}" runs over the end of the ZIP file`, {
    hint: 'The download was probably cut off: fetch the file again.',
  });
}

function badCrc(entry: ZipEntry, found: number): MeshError {
  const [want, have] = [entry.crc32, found].map((crc) => crc.toString(16).padStart(8, '0'));
  return new MeshError(
    'bad-crc',
    `entry "${printable(entry.name)}" has the CRC-32 ${have}, the directory says ${want}`,
    {
      hint: 'The file is damaged: fetch it again.',
    },
  );
}

function damaged(entry: ZipEntry, what: string): MeshError {
  return new MeshError('zip-damaged', `entry "${printable(entry.name)}": ${what}`, {
    hint: 'The file is damaged: fetch it again.',
  });
}
