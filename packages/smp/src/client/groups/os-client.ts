import {
  BootloaderInfo,
  ConsoleEcho,
  DateTimeRead,
  DateTimeWrite,
  Echo,
  type McumgrParameters,
  type MemoryPool,
  MemoryPools,
  OsInfo,
  Reset,
  type TaskEntry,
  TaskStatistics,
} from '../../messages/os.ts';
import type { SmpClient } from '../client.ts';
import type { SmpRequestOptions } from '../client-types.ts';

/** A device that accepts a reset says so at once. */
const RESET_MS = 10_000;

/** The OS group of a device [spec: smp section 4.1]. */
export class OsClient {
  readonly #client: SmpClient;

  constructor(client: SmpClient) {
    this.#client = client;
  }

  /** Has a text sent back. */
  async echo(text: string, options?: SmpRequestOptions): Promise<string> {
    return (await this.#client.request(Echo, { d: text }, options)).r;
  }

  /** Switches whether a console shows what is typed. */
  async consoleEcho(on: boolean, options?: SmpRequestOptions): Promise<void> {
    await this.#client.request(ConsoleEcho, { echo: on ? 1 : 0 }, options);
  }

  /** The threads by name; refused (`rc` 7) where there are too many for an answer. */
  async tasks(options?: SmpRequestOptions): Promise<ReadonlyMap<string, TaskEntry>> {
    return (await this.#client.request(TaskStatistics, {}, options)).tasks;
  }

  async memoryPools(options?: SmpRequestOptions): Promise<ReadonlyMap<string, MemoryPool>> {
    return (await this.#client.request(MemoryPools, {}, options)).pools;
  }

  /** As the device writes it: "yyyy-MM-dd'T'HH:mm:ss…". */
  async dateTime(options?: SmpRequestOptions): Promise<string> {
    return (await this.#client.request(DateTimeRead, {}, options)).datetime;
  }

  /** "yyyy-MM-dd'T'HH:mm:ss[.SSSSSS][zone]"; Zephyr takes no notice of the zone. */
  async setDateTime(datetime: string, options?: SmpRequestOptions): Promise<void> {
    await this.#client.request(DateTimeWrite, { datetime }, options);
  }

  /** Resets the device, some 250 ms after it has answered. Without an answer it may have done so too. */
  async reset(params: Reset = {}, options?: SmpRequestOptions): Promise<void> {
    await this.#client.request(Reset, params, { timeoutMs: RESET_MS, ...options });
  }

  /** The device's buffers, asked once for each connection; undefined where it does not tell. */
  parameters(): Promise<McumgrParameters | undefined> {
    return this.#client.capacity.buffers();
  }

  /** `format`: letters of s n r v b m p i o, a for all; default s. */
  async info(format?: string, options?: SmpRequestOptions): Promise<string> {
    return (await this.#client.request(OsInfo, { format }, options)).output;
  }

  /** Name of the bootloader; undefined when the answer holds none. */
  async bootloader(options?: SmpRequestOptions): Promise<string | undefined> {
    return (await this.#client.request(BootloaderInfo, {}, options)).bootloader;
  }

  /** How MCUboot swaps, see `bootloaderModeName`; −1: unknown. */
  async bootloaderMode(options?: SmpRequestOptions): Promise<{ readonly mode: number; readonly noDowngrade: boolean }> {
    const { mode = -1, noDowngrade = false } = await this.#client.request(BootloaderInfo, { query: 'mode' }, options);
    return { mode, noDowngrade };
  }

  /** The slot that Nordic's first-stage bootloader runs from. */
  async activeB0Slot(options?: SmpRequestOptions): Promise<number | undefined> {
    return (await this.#client.request(BootloaderInfo, { query: 'active_b0_slot' }, options)).active;
  }
}
