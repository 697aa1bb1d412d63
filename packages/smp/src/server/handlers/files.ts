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
  empty: 16,
} as const;

/** CONFIG_MCUMGR_GRP_FS_PATH_LEN. */
const PATH_OCTETS = 64;
/** What Zephyr leaves in a buffer for everything but the data: header, keys, offsets of files up to 64 KiB. */
const DOWNLOAD_OVERHEAD = 44;
const HASH_NAME_OCTETS = 8;
const HASHES = new Map([
  ['crc32', { format: 0, size: 4 }],
  ['sha256', { format: 1, size: 32 }],
]);

/** The file that an up- or download left open; there is one for all links. */
interface OpenFile {
  readonly name: string;
  readonly link: object;
  readonly mode: 'upload' | 'download';
  off: number;
  len: number;
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
        this.#open = undefined;
        return answer({});
      }),
    ];
  }

  #download({ name, off }: Partial<FileDownload>, { link }: Work): Reply<FileDownloadAnswer> {
    if (!isPath(name) || off === undefined) return layerError(INVALID_VALUE);
    const file = this.#find(name);
    if (typeof file === 'number') return this.#closing(file);
    const size = Math.max(1, this.#ground.buffers.size - DOWNLOAD_OVERHEAD);
    const data = file.subarray(off, off + size);
    this.#open = { name, link, mode: 'download', off: off + data.length, len: file.length };
    this.#finishCheck();
    return answer({ off, data, ...(off === 0 && { len: file.length }) });
  }

  #upload({ name, off, len, data = new Uint8Array() }: Partial<FileUpload>, { link }: Work): Reply<FileUploadAnswer> {
    if (!isPath(name) || off === undefined || (off === 0 && len === undefined)) return layerError(INVALID_VALUE);
    const before = this.#files.at(name);
    const code = this.#uploadCode(name, before);
    if (code !== 0) return this.#closing(code);
    const file = before instanceof Uint8Array ? before : new Uint8Array();
    const open = this.#openFor(name, link, file);
    if (off === 0) {
      open.off = 0;
      open.len = len ?? 0;
    } else if (off !== open.off) {
      this.#open = undefined;
      return groupError(group, Code.wrongOffset, { fields: new Map([['len', open.off]]) });
    }
    const whole = new Uint8Array(open.off + data.length);
    whole.set(file.subarray(0, open.off));
    whole.set(data, open.off);
    if ((data.length > 0 || before === 'nothing') && !this.#files.write(name, whole)) return this.#closing(Code.write);
    open.off = whole.length;
    this.#finishCheck();
    return answer({ off: whole.length });
  }

  /** The upload that goes on, or a new one that goes on where the file ends. */
  #openFor(name: string, link: object, file: Uint8Array): OpenFile {
    const open = this.#open;
    if (open?.name === name && open.link === link && open.mode === 'upload') return open;
    const opened: OpenFile = { name, link, mode: 'upload', off: file.length, len: 0 };
    this.#open = opened;
    return opened;
  }

  /** A file that is up to its length is closed. */
  #finishCheck(): void {
    const open = this.#open;
    if (open !== undefined && open.len > 0 && open.off >= open.len) this.#open = undefined;
  }

  #uploadCode(name: string, found: ReturnType<ServerFiles['at']>): number {
    if (found === 'bad-name') return Code.badName;
    if (!this.#files.isMounted(name)) return this.#ground.personality.noMountPoint;
    if (found === 'damaged') return Code.unknown;
    return found === 'directory' ? Code.directory : 0;
  }

  #hash({ name, type = 'crc32', off = 0, len }: Partial<FileHash>): Reply<FileHashAnswer> {
    if (!isPath(name) || type.length > HASH_NAME_OCTETS || len === 0) return layerError(INVALID_VALUE);
    const kind = type === '' ? 'crc32' : type;
    if (!HASHES.has(kind)) return groupError(group, Code.noHashType);
    const file = this.#find(name);
    if (typeof file === 'number') return groupError(group, file);
    if (file.length <= off) return groupError(group, file.length === 0 ? Code.empty : Code.beyondFile);
    const octets = file.subarray(off, len === undefined ? file.length : off + len);
    const output = kind === 'crc32' ? crc32(octets) : digest('SHA256', octets);
    return answer({ type: kind, ...(off !== 0 && { off }), len: octets.length, output });
  }

  /** The octets of a file, or why there are none. */
  #find(name: string): Uint8Array | number {
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
    this.#open = undefined;
    return groupError(group, code);
  }
}

function isPath(name: string | undefined): name is string {
  return name !== undefined && name !== '' && new TextEncoder().encode(name).length <= PATH_OCTETS;
}
