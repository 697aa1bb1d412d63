import { bytes, either, optional, record, text, uint } from '../fields.ts';
import { SmpGroup } from '../groups.ts';
import { command, type Empty, type SmpCommand } from '../message.ts';
import { struct } from '../struct.ts';

const group = SmpGroup.fileSystem;
const source = 'smp section 4.7';

/** Parameters of {@link FileDownload}. */
export interface FileDownload {
  readonly off: number;
  /** The whole path, such as "/lfs1/f.bin". */
  readonly name: string;
}

/** Answer to {@link FileDownload}. */
export interface FileDownloadAnswer {
  readonly off: number;
  /** Empty past the end. */
  readonly data: Uint8Array;
  /** Octets of the file, for `off` 0. */
  readonly len?: number | undefined;
}

/** Asks for octets of a file. */
export const FileDownload: SmpCommand<FileDownload, FileDownloadAnswer> = command({
  name: 'file download',
  group,
  command: 0,
  op: 'read',
  source,
  request: { off: uint(), name: text() },
  response: { off: uint(), data: bytes(), len: optional(uint()) },
});

/** Parameters of {@link FileUpload}. */
export interface FileUpload {
  readonly off: number;
  readonly data: Uint8Array;
  readonly name: string;
  /** Octets of the whole file, with `off` 0. */
  readonly len?: number | undefined;
}

/** Answer to {@link FileUpload}. */
export interface FileUploadAnswer {
  /** Where to go on. */
  readonly off: number;
}

/** Sends octets of a file. At a wrong `off` the refusal has `len`: octets that the device has. */
export const FileUpload: SmpCommand<FileUpload, FileUploadAnswer> = command({
  name: 'file upload',
  group,
  command: 0,
  op: 'write',
  source,
  request: { off: uint(), data: bytes(), name: text(), len: optional(uint()) },
  response: { off: uint() },
});

/** Asks for the size of a file, in octets. */
export const FileStatus: SmpCommand<{ readonly name: string }, { readonly len: number }> = command({
  name: 'file status',
  group,
  command: 1,
  op: 'read',
  source,
  request: { name: text() },
  response: { len: uint() },
});

/** Parameters of {@link FileHash}. */
export interface FileHash {
  readonly name: string;
  /** One of {@link FileHashTypes}; left out: crc32. */
  readonly type?: string | undefined;
  /** Where to begin; left out: 0. */
  readonly off?: number | undefined;
  /** Octets to hash; left out: to the end. */
  readonly len?: number | undefined;
}

/** Answer to {@link FileHash}. */
export interface FileHashAnswer {
  readonly type: string;
  /** When it is not 0. */
  readonly off?: number | undefined;
  readonly len: number;
  /** A number for a checksum such as crc32, octets for a hash. */
  readonly output: number | Uint8Array;
}

/** Asks for the hash or checksum of a file. */
export const FileHash: SmpCommand<FileHash, FileHashAnswer> = command({
  name: 'file hash',
  group,
  command: 2,
  op: 'read',
  source,
  request: { name: text(), type: optional(text()), off: optional(uint()), len: optional(uint()) },
  response: {
    type: text(),
    off: optional(uint()),
    len: uint(),
    output: either(uint(), bytes(), (value) => typeof value === 'number'),
  },
});

/** A type of {@link FileHashTypes}. */
export interface FileHashType {
  /** 0: a number, 1: octets. */
  readonly format: number;
  /** Octets. */
  readonly size: number;
}

/** Asks which hashes and checksums there are, by name. */
export const FileHashTypes: SmpCommand<Empty, { readonly types: ReadonlyMap<string, FileHashType> }> = command({
  name: 'file hash types',
  group,
  command: 3,
  op: 'read',
  source,
  response: { types: record(struct({ format: uint(), size: uint() })) },
});

/** Closes the file that an up- or download has left open. */
export const FileClose: SmpCommand<Empty, Empty> = command({
  name: 'file close',
  group,
  command: 4,
  op: 'write',
  source,
});
