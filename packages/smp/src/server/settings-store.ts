/** How {@link ServerSettings} are built. */
export interface ServerSettingsOptions {
  /** What the storage holds at first. */
  readonly saved?: Iterable<readonly [name: string, value: Uint8Array]>;
  /** First parts of names that somebody handles. Default: any. */
  readonly roots?: readonly string[];
  /** Whether there is a storage to save to. Default true. */
  readonly canSave?: boolean;
  /** Octets that a name must stay below, and that a value may have. Default 32 and 32. */
  readonly nameOctets?: number;
  readonly valueOctets?: number;
  /** Called when the storage has changed: with all of it. */
  readonly changed?: (saved: ReadonlyMap<string, Uint8Array>) => void;
}

/** The settings of a device: values that are in use, and those in the storage, which alone outlive a reset. */
export class ServerSettings {
  readonly canSave: boolean;
  readonly nameOctets: number;
  readonly valueOctets: number;
  readonly #roots: readonly string[] | undefined;
  readonly #changed: ((saved: ReadonlyMap<string, Uint8Array>) => void) | undefined;
  #values = new Map<string, Uint8Array>();
  #saved: Map<string, Uint8Array>;

  constructor(options: ServerSettingsOptions = {}) {
    this.canSave = options.canSave ?? true;
    this.nameOctets = options.nameOctets ?? 32;
    this.valueOctets = options.valueOctets ?? 32;
    this.#roots = options.roots;
    this.#changed = options.changed;
    this.#saved = new Map(options.saved);
    this.start();
  }

  /** What the storage holds. */
  get saved(): ReadonlyMap<string, Uint8Array> {
    return this.#saved;
  }

  /** The values in use, saved or not. */
  get inUse(): ReadonlyMap<string, Uint8Array> {
    return this.#values;
  }

  get(name: string): Uint8Array | undefined {
    return this.#values.get(name);
  }

  set(name: string, value: Uint8Array): void {
    this.#values.set(name, value.slice());
  }

  /** False when there was none. */
  delete(name: string): boolean {
    const saved = this.#saved.delete(name);
    if (saved) this.#changed?.(this.#saved);
    return this.#values.delete(name) || saved;
  }

  /** Whether somebody handles names like this one. */
  isHandled(name: string): boolean {
    return this.#roots === undefined || this.#roots.includes(name.split('/', 1)[0] as string);
  }

  /** At the start of the device: only what the storage holds is there. */
  start(): void {
    this.#values = new Map(this.#saved);
  }

  /** Takes the values in use that there were: the device was never off. */
  resume(inUse: Iterable<readonly [name: string, value: Uint8Array]>): void {
    this.#values = new Map(inUse);
  }

  /** Takes what the storage holds; values that it does not know stay. */
  load(): void {
    for (const [name, value] of this.#saved) this.#values.set(name, value);
  }

  /** Keeps the value of a name, of those below it, or (undefined) all. */
  save(name?: string): void {
    for (const [key, value] of this.#values) {
      if (name === undefined || key === name || key.startsWith(`${name}/`)) this.#saved.set(key, value);
    }
    this.#changed?.(this.#saved);
  }

  /** Erases the storage; the values in use stay until the next start. */
  erase(): void {
    this.#saved = new Map();
    this.#changed?.(this.#saved);
  }
}
