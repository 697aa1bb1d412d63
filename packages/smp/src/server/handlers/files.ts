import { crc32, digest } from '@meshferry/firmware';
import { SmpGroup } from '../../groups.ts';
import {
  FileClose,
  FileDownload,
  type FileDownloadAnswer,
  FileHash,
  type FileHashAnswer,
  FileHashTypes,
  FileStatus,
  FileUpload,
  type FileUploadAnswer,
} from '../../messages/file-system.ts';
import type { ServerFiles } from '../files.ts';
import { answer, groupError, type Handler, handle, layerError, type Reply, type Work } from '../reply.ts';
import type { GroupGround } from './ground.ts';

const group = SmpGroup.fileSystem;
const INVALID_VALUE = 3;
const Code = {
  unknown: 1,
  badName: 2,
  notFound: 3,
  directory: 4,
  write: 10,
  wrongOffset: 11,
  beyondFile: 12,
  noHashType: 13,
} as const;

/** CONFIG_MCUMGR_GRP_FS_PATH_LEN. */
const PATH_OCTETS = 64;
/** What Zephyr leaves in a buffer for everything but the data: header, keys, offsets of files up to 64 KiB. */
const DOWNLOAD_OVERHEAD = 44;
const HASH_NAME_OCTETS = 8;
/** A file is there as soon as it is opened to be written. */
const EMPTY: Uint8Array = new Uint8Array();
const HASHES = new Map([
  ['crc32', { format: 0, size: 4 }],
  ['sha256', { format: 1, size: 32 }],
]);

/** An open file is closed after so long without another request for it, ms: CONFIG_MCUMGR_GRP_FS_FILE_AUTOMATIC_IDLE_CLOSE_TIME. */
const IDLE_CLOSE_MS = 1000;

/** The file that an up- or download left open; there is one for all links. */
interface OpenFile {
  readonly name: string;
  readonly link: object;
  /** What was written: others see it, and the power can go, once the file is closed. Undefined for a download. */
  written: Uint8Array | undefined;
  off: number;
  len: number;
  usedAt: number;
}

/** The file system group [spec: smp section 4.7]. */
export class FileGroup {
  readonly #files: ServerFiles;
  readonly #ground: GroupGround;
  #open: OpenFile | undefined;

  constructor(files: ServerFiles, ground: GroupGround) {
    this.#files = files;
    this.#ground = ground;
  }

  handlers(): Handler[] {
    return [
      handle(FileDownload, (request, work) => this.#download(request, work)),
      handle(FileUpload, (request, work) => this.#upload(request, work)),
      handle(FileStatus, ({ name }) => {
        if (!isPath(name)) return layerError(INVALID_VALUE);
        const file = this.#find(name);
        return typeof file === 'number' ? groupError(group, file) : answer({ len: file.length });
      }),
      handle(FileHash, (request) => this.#hash(request)),
      handle(FileHashTypes, () => answer({ types: HASHES })),
      handle(FileClose, () => {
        this.#close();
        return answer({});
      }),
    ];
  }

  #download({ name, off }: Partial<FileDownload>, { link }: Work): Reply<FileDownloadAnswer> {
    if (!isPath(name) || off === undefined) return layerError(INVALID_VALUE);
    if (!this.#isOpen(name, link, 'download')) this.#close();
    const file = this.#find(name);
    if (typeof file === 'number') return this.#closing(file);
    const size = Math.max(1, this.#ground.buffers.size - DOWNLOAD_OVERHEAD);
    const data = file.subarray(off, off + size);
    const usedAt = this.#now;
    this.#open = { name, link, written: undefined, off: off + data.length, len: file.length, usedAt };
    this.#finishCheck();
    return answer({ off, data, ...(off === 0 && { len: file.length }) });
  }

  #upload({ name, off, len, data = new Uint8Array() }: Partial<FileUpload>, { link }: Work): Reply<FileUploadAnswer> {
    if (!isPath(name) || off === undefined || (off === 0 && len === undefined)) return layerError(INVALID_VALUE);
    if (!this.#isOpen(name, link, 'upload')) this.#close();
    const before = this.#files.at(name);
    const code = this.#uploadCode(name, before);
    if (code !== 0) return this.#closing(code);
    const open = this.#openFor(name, link, before instanceof Uint8Array ? before : new Uint8Array());
    if (off === 0) {
      open.off = 0;
      open.len = len ?? 0;
    } else if (off !== open.off) {
      // The length is forgotten with it: what goes on here is closed only when nothing comes any more.
      this.#close();
      return groupError(group, Code.wrongOffset, { fields: new Map([['len', open.off]]) });
    }
    const written = new Uint8Array(open.off + data.length);
    written.set(open.written?.subarray(0, open.off) ?? []);
    written.set(data, open.off);
    if (!this.#files.hasRoom(name, written.length)) return this.#closing(Code.write);
    open.written = written;
    open.off = written.length;
    open.usedAt = this.#now;
    this.#finishCheck();
    return answer({ off: written.length });
  }

  get #now(): number {
    return this.#ground.options.clock.now;
  }

  #isOpen(name: string, link: object, mode: 'upload' | 'download'): boolean {
    this.#closeIdle();
    const open = this.#open;
    return open?.name === name && open.link === link && (open.written === undefined) === (mode === 'download');
  }

  /** The upload that goes on, or a new one that goes on where the file ends. */
  #openFor(name: string, link: object, file: Uint8Array): OpenFile {
    this.#open ??= { name, link, written: file, off: file.length, len: 0, usedAt: this.#now };
    return this.#open;
  }

  /** What was written is in the file now. */
  #close(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open?.written !== undefined) this.#files.write(open.name, open.written);
  }

  #closeIdle(): void {
    if (this.#open !== undefined && this.#now - this.#open.usedAt >= IDLE_CLOSE_MS) this.#close();
  }

  /** A file that is up to its length is closed. */
  #finishCheck(): void {
    const open = this.#open;
    if (open !== undefined && open.len > 0 && open.off >= open.len) this.#close();
  }

  #uploadCode(name: string, found: ReturnType<ServerFiles['at']>): number {
    if (found === 'bad-name') return Code.badName;
    // To Zephyr a directory that is missing is no other than a file system that is.
    if (!this.#files.hasDirectoryOf(name)) return this.#ground.personality.noMountPoint;
    // Opening a directory to write is an error that Zephyr has no number for.
    return found === 'damaged' || found === 'directory' ? Code.unknown : 0;
  }

  #hash({ name, type = 'crc32', off = 0, len }: Partial<FileHash>): Reply<FileHashAnswer> {
    if (!isPath(name) || type.length > HASH_NAME_OCTETS || len === 0) return layerError(INVALID_VALUE);
    const kind = type === '' ? 'crc32' : type;
    if (!HASHES.has(kind)) return groupError(group, Code.noHashType);
    const file = this.#find(name);
    if (typeof file === 'number') return groupError(group, file);
    if (file.length <= off)
      return groupError(group, file.length === 0 ? this.#ground.personality.emptyFile : Code.beyondFile);
    const octets = file.subarray(off, len === undefined ? file.length : off + len);
    const output = kind === 'crc32' ? crc32(octets) : digest('SHA256', octets);
    return answer({ type: kind, ...(off !== 0 && { off }), len: octets.length, output });
  }

  /** The octets of a file, or why there are none. */
  #find(name: string): Uint8Array | number {
    this.#closeIdle();
    if (this.#open?.written !== undefined && this.#open.name === name && this.#files.at(name) === 'nothing')
      return EMPTY;
    const found = this.#files.at(name);
    if (found instanceof Uint8Array) return found;
    switch (found) {
      case 'damaged':
        return Code.unknown;
      case 'bad-name':
        return Code.badName;
      case 'directory':
        return Code.directory;
      case 'nothing':
        return Code.notFound;
    }
  }

  #closing(code: number): Reply<never> {
    this.#close();
    return groupError(group, code);
  }
}

function isPath(name: string | undefined): name is string {
  return name !== undefined && name !== '' && new TextEncoder().encode(name).length <= PATH_OCTETS;
}
