import { EraseStorage } from '../../messages/basic.ts';
import {
  type EnumeratedGroup,
  EnumerationCount,
  EnumerationDetails,
  EnumerationList,
  EnumerationSingle,
  type GroupDetails,
} from '../../messages/enumeration.ts';
import { LogClear, LogLevels, LogList, LogModules, LogShow, type LogShowAnswer } from '../../messages/log.ts';
import {
  SettingsCommit,
  SettingsDelete,
  SettingsLoad,
  SettingsRead,
  SettingsSave,
  type SettingsValue,
  SettingsWrite,
} from '../../messages/settings.ts';
import { ShellExecute, type ShellOutput } from '../../messages/shell.ts';
import { type StatisticsGroup, StatisticsList, StatisticsRead } from '../../messages/statistics.ts';
import type { SmpClient } from '../client.ts';
import type { SmpRequestOptions } from '../client-types.ts';

const ERASE_MS = 75_000;

/** The statistics group of a device [spec: smp section 4.7]. */
export class StatisticsClient {
  readonly #client: SmpClient;

  constructor(client: SmpClient) {
    this.#client = client;
  }

  /** Names of the groups of statistics. */
  async list(options?: SmpRequestOptions): Promise<readonly string[]> {
    return (await this.#client.request(StatisticsList, {}, options)).statList;
  }

  read(name: string, options?: SmpRequestOptions): Promise<StatisticsGroup> {
    return this.#client.request(StatisticsRead, { name }, options);
  }
}

/** The settings group of a device [spec: smp section 4.7]. */
export class SettingsClient {
  readonly #client: SmpClient;

  constructor(client: SmpClient) {
    this.#client = client;
  }

  /** `maxSize`: octets of the value at most. */
  read(name: string, maxSize?: number, options?: SmpRequestOptions): Promise<SettingsValue> {
    return this.#client.request(SettingsRead, { name, maxSize }, options);
  }

  async write(name: string, val: Uint8Array, options?: SmpRequestOptions): Promise<void> {
    await this.#client.request(SettingsWrite, { name, val }, options);
  }

  async delete(name: string, options?: SmpRequestOptions): Promise<void> {
    await this.#client.request(SettingsDelete, { name }, options);
  }

  /** Lets what was written take effect. */
  async commit(options?: SmpRequestOptions): Promise<void> {
    await this.#client.request(SettingsCommit, {}, options);
  }

  /** From the storage. */
  async load(options?: SmpRequestOptions): Promise<void> {
    await this.#client.request(SettingsLoad, {}, options);
  }

  /** To the storage; `name`: only this setting or subtree, on newer servers. */
  async save(name?: string, options?: SmpRequestOptions): Promise<void> {
    await this.#client.request(SettingsSave, { name }, options);
  }
}

/** The log group of Mynewt devices [spec: smp section 4.7]. */
export class LogClient {
  readonly #client: SmpClient;

  constructor(client: SmpClient) {
    this.#client = client;
  }

  show(params: LogShow = {}, options?: SmpRequestOptions): Promise<LogShowAnswer> {
    return this.#client.request(LogShow, params, options);
  }

  async clear(options?: SmpRequestOptions): Promise<void> {
    await this.#client.request(LogClear, {}, options);
  }

  async modules(options?: SmpRequestOptions): Promise<ReadonlyMap<string, number>> {
    return (await this.#client.request(LogModules, {}, options)).moduleMap;
  }

  async levels(options?: SmpRequestOptions): Promise<ReadonlyMap<string, number>> {
    return (await this.#client.request(LogLevels, {}, options)).levelMap;
  }

  async list(options?: SmpRequestOptions): Promise<readonly string[]> {
    return (await this.#client.request(LogList, {}, options)).logList;
  }
}

/** The shell group of a device [spec: smp section 4.7]. */
export class ShellClient {
  readonly #client: SmpClient;

  constructor(client: SmpClient) {
    this.#client = client;
  }

  /** Executes a command: its words, or one text with the whole line. */
  execute(argv: readonly string[], options?: SmpRequestOptions): Promise<ShellOutput> {
    return this.#client.request(ShellExecute, { argv }, options);
  }
}

/** The enumeration group of a device: which groups it has [spec: smp section 4.7]. */
export class EnumerationClient {
  readonly #client: SmpClient;

  constructor(client: SmpClient) {
    this.#client = client;
  }

  async count(options?: SmpRequestOptions): Promise<number> {
    return (await this.#client.request(EnumerationCount, {}, options)).count;
  }

  async list(options?: SmpRequestOptions): Promise<readonly number[]> {
    return (await this.#client.request(EnumerationList, {}, options)).groups;
  }

  single(index?: number, options?: SmpRequestOptions): Promise<EnumeratedGroup> {
    return this.#client.request(EnumerationSingle, { index }, options);
  }

  async details(groups?: readonly number[], options?: SmpRequestOptions): Promise<readonly GroupDetails[]> {
    return (await this.#client.request(EnumerationDetails, { groups }, options)).groups;
  }
}

/** The Zephyr basic group of a device [spec: smp section 4.7]. */
export class BasicClient {
  readonly #client: SmpClient;

  constructor(client: SmpClient) {
    this.#client = client;
  }

  /** Erases the storage of the settings. */
  async eraseStorage(options?: SmpRequestOptions): Promise<void> {
    await this.#client.request(EraseStorage, {}, { timeoutMs: ERASE_MS, ...options });
  }
}
