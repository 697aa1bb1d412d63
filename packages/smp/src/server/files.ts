/** How {@link ServerFiles} are built. */
export interface ServerFilesOptions {
  /** Where file systems are mounted. Default "/lfs1". */
  readonly mounts?: readonly string[];
  /** What is there at first, by whole path. */
  readonly files?: Iterable<readonly [name: string, octets: Uint8Array]>;
  /** Octets that fit in all. Default 1 MiB. */
  readonly capacity?: number;
  /** The files are in the area of the settings: erasing that (basic group) damages them until the next start, which formats. */
  readonly inStorage?: boolean;
}

const CAPACITY = 1024 * 1024;

/** What stands at a path. */
export type FileLookup = Uint8Array | 'directory' | 'nothing' | 'bad-name' | 'damaged';

/** The files of a device, in memory. A directory is there when a file in it is. */
export class ServerFiles {
  readonly inStorage: boolean;
  readonly #mounts: readonly string[];
  readonly #capacity: number;
  readonly #files: Map<string, Uint8Array>;
  #damaged = false;

  constructor(options: ServerFilesOptions = {}) {
    this.#mounts = options.mounts ?? ['/lfs1'];
    this.#capacity = options.capacity ?? CAPACITY;
    this.#files = new Map(options.files);
    this.inStorage = options.inStorage ?? false;
  }

  /** All files by their names. */
  get all(): ReadonlyMap<string, Uint8Array> {
    return this.#files;
  }

  /** At the start of the device: a damaged file system is formatted. */
  mount(): void {
    if (this.#damaged) this.#files.clear();
    this.#damaged = false;
  }

  /** Its area was erased under it. */
  damage(): void {
    this.#damaged = true;
  }

  /** What is at a path. */
  at(name: string): FileLookup {
    if (name.length < 2 || !name.startsWith('/')) return 'bad-name';
    if (!this.isMounted(name)) return 'nothing';
    if (this.#damaged) return 'damaged';
    const file = this.#files.get(name);
    if (file !== undefined) return file;
    const inside = name.endsWith('/') ? name : `${name}/`;
    if (this.#mounts.some((mount) => `${mount}/` === inside)) return 'directory';
    for (const other of this.#files.keys()) if (other.startsWith(inside)) return 'directory';
    return 'nothing';
  }

  /** Whether a path is in a file system at all. */
  isMounted(name: string): boolean {
    return this.#mounts.some((mount) => name === mount || name.startsWith(`${mount}/`));
  }

  /** Whether the directory that a path is in is there. */
  hasDirectoryOf(name: string): boolean {
    if (!this.isMounted(name) || this.#damaged || this.at(name) === 'directory') return this.isMounted(name);
    return this.at(name.slice(0, name.lastIndexOf('/'))) === 'directory';
  }

  /** Whether a file of so many octets fits beside the others. */
  hasRoom(name: string, octets: number): boolean {
    let used = octets;
    for (const [other, file] of this.#files) if (other !== name) used += file.length;
    return used <= this.#capacity;
  }

  /** Replaces a file, or makes one; false when it does not fit, or there is nothing to write to. */
  write(name: string, octets: Uint8Array): boolean {
    if (this.#damaged || !this.hasRoom(name, octets.length)) return false;
    this.#files.set(name, octets);
    return true;
  }
}
