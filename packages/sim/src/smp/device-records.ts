import { encodeRecord, readRecord, type Store, type Write } from '@meshferry/core';
import type { DeviceSnapshot, Flash, ServerSnapshot } from '@meshferry/smp';

const MADE = 'device/made';
const SNAPSHOT = 'device/running';
const MEMORY = 'device/memory';
const TIME = 'device/time';
const HAPPENED = 'device/happened';
const SETTINGS = 'settings';
const FILE = 'file/';

/** What is kept of a simulated device from one command to the next. */
export class DeviceRecords {
  readonly #store: Store;
  readonly #flash: Flash;

  constructor(store: Store, flash: Flash) {
    this.#store = store;
    this.#flash = flash;
  }

  /** Fills the flash with what was kept; false when this device was never made before. */
  load(): boolean {
    if (this.#store.get(MADE) === undefined) return false;
    const { octets, sectorSize } = this.#flash;
    for (const key of this.#store.keys('flash/')) {
      const sector = this.#store.get(key);
      if (sector !== undefined) octets.set(sector, Number(key.slice('flash/'.length)) * sectorSize);
    }
    return true;
  }

  /** Keeps all of the flash: of a new device. */
  make(): void {
    const { octets, sectorSize } = this.#flash;
    const sectors = Array.from({ length: octets.length / sectorSize }, (_, sector) => sector);
    this.#store.batch([[MADE, encodeRecord(1)], ...sectors.flatMap((sector) => this.#sector(sector, true))]);
  }

  /** Keeps what has changed in the flash, and what runs with what it has in RAM: undefined when the next thing is a boot. */
  save(snapshot: DeviceSnapshot | undefined, memory: ServerSnapshot | undefined, time: number): void {
    const changes = this.#flash.takeChanges().flatMap((sector) => this.#sector(sector));
    const record = (value: unknown) => (value === undefined ? null : encodeRecord(value));
    this.#store.batch([...changes, [SNAPSHOT, record(snapshot)], [MEMORY, record(memory)], [TIME, record(time)]]);
  }

  snapshot(): DeviceSnapshot | undefined {
    return readRecord(this.#store, SNAPSHOT);
  }

  memory(): ServerSnapshot | undefined {
    return readRecord(this.#store, MEMORY);
  }

  /** What its clock of the day showed, ms since 1970. */
  time(): number | undefined {
    return readRecord(this.#store, TIME);
  }

  /** Failures that happen once. */
  happened(): string[] {
    return readRecord(this.#store, HAPPENED) ?? [];
  }

  saveHappened(all: readonly string[]): void {
    this.#store.batch([[HAPPENED, encodeRecord(all)]]);
  }

  settings(): Map<string, Uint8Array> {
    return new Map(readRecord<[string, Uint8Array][]>(this.#store, SETTINGS) ?? []);
  }

  saveSettings(settings: ReadonlyMap<string, Uint8Array>): void {
    this.#store.batch([[SETTINGS, encodeRecord([...settings])]]);
  }

  files(): Map<string, Uint8Array> {
    const names = this.#store.keys(FILE);
    return new Map(names.map((key) => [key.slice(FILE.length), this.#store.get(key)!.slice()]));
  }

  saveFiles(files: ReadonlyMap<string, Uint8Array>): void {
    const gone = this.#store.keys(FILE).filter((key) => !files.has(key.slice(FILE.length)));
    const writes: Write[] = gone.map((key) => [key, null]);
    for (const [name, octets] of files) writes.push([`${FILE}${name}`, octets]);
    this.#store.batch(writes);
  }

  /** An erased sector needs no record. */
  #sector(number: number, isNew = false): Write[] {
    const { octets, sectorSize } = this.#flash;
    const sector = octets.subarray(number * sectorSize, (number + 1) * sectorSize);
    const isErased = sector.every((octet) => octet === 0xff);
    if (isErased) return isNew ? [] : [[`flash/${number}`, null]];
    return [[`flash/${number}`, sector.slice()]];
  }
}
