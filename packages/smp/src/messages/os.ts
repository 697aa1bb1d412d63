import type { CborMap } from '../cbor.ts';
import { flag, int, int64, key, members, optional, record, text, uint, withDefault } from '../fields.ts';
import { SmpGroup } from '../groups.ts';
import { command, type Empty, type SmpCommand } from '../message.ts';
import { struct } from '../struct.ts';

const group = SmpGroup.os;
const source = 'smp section 4.1';

/** Parameters of {@link Echo}. */
export interface Echo {
  readonly d: string;
}

/** Has a text sent back: whether anybody is there. */
export const Echo: SmpCommand<Echo, { readonly r: string }> = command({
  name: 'echo',
  group,
  command: 0,
  op: 'write',
  source,
  request: { d: text({ as: 'raw' }) },
  response: { r: text({ as: 'raw' }) },
});

/** Switches whether a console shows what is typed. */
export const ConsoleEcho: SmpCommand<{ readonly echo: number }, Empty> = command({
  name: 'console echo',
  group,
  command: 1,
  op: 'write',
  source,
  request: { echo: uint(1) },
});

/** A task of {@link TaskStatistics}. */
export interface TaskEntry {
  readonly prio: number;
  readonly tid: number;
  readonly state: number;
  /** Words of 4 octets in use; 0 when the firmware does not tell. */
  readonly stkuse: number;
  /** Words of 4 octets; 0 when the firmware does not tell. */
  readonly stksiz: number;
  readonly cswcnt?: number | bigint | undefined;
  readonly runtime?: number | bigint | undefined;
  readonly lastCheckin?: number | bigint | undefined;
  readonly nextCheckin?: number | bigint | undefined;
}

/** Asks for the threads, by name. */
export const TaskStatistics: SmpCommand<Empty, { readonly tasks: ReadonlyMap<string, TaskEntry> }> = command({
  name: 'task statistics',
  group,
  command: 2,
  op: 'read',
  source,
  response: {
    tasks: record(
      struct({
        prio: int(),
        tid: uint(),
        state: uint(),
        stksiz: withDefault(uint(), 0),
        stkuse: withDefault(uint(), 0),
        cswcnt: optional(int64()),
        runtime: optional(int64()),
        lastCheckin: optional(key('last_checkin', int64())),
        nextCheckin: optional(key('next_checkin', int64())),
      }),
    ),
  },
});

/** A pool of {@link MemoryPools}. */
export interface MemoryPool {
  /** Octets of a block. */
  readonly blksiz: number;
  readonly nblks: number;
  readonly nfree: number;
  /** Least blocks that were ever free. */
  readonly min: number;
}

/** Asks for the memory pools, by name; no handler in Zephyr. */
export const MemoryPools: SmpCommand<Empty, { readonly pools: ReadonlyMap<string, MemoryPool> }> = command({
  name: 'memory pool statistics',
  group,
  command: 3,
  op: 'read',
  source,
  response: {
    pools: members(struct({ blksiz: key(['blksiz', 'blksize'], uint()), nblks: uint(), nfree: uint(), min: uint() })),
  },
  // Some servers have the pools inside `mpools`; a pool of that name has blocks.
  modernised: (answer) => {
    const inside = answer.get('mpools');
    if (!(inside instanceof Map) || inside.has('nblks')) return answer;
    const modern = new Map([...answer, ...(inside as CborMap)]);
    modern.delete('mpools');
    return modern;
  },
});

/** Asks for date and time. */
export const DateTimeRead: SmpCommand<Empty, { readonly datetime: string }> = command({
  name: 'date-time read',
  group,
  command: 4,
  op: 'read',
  source,
  response: { datetime: text({ max: 64 }) },
});

/** Sets date and time: "yyyy-MM-dd'T'HH:mm:ss", then optionally a fraction and a zone, which Zephyr ignores. */
export const DateTimeWrite: SmpCommand<{ readonly datetime: string }, Empty> = command({
  name: 'date-time write',
  group,
  command: 4,
  op: 'write',
  source,
  request: { datetime: text() },
});

/** Parameters of {@link Reset}. */
export interface Reset {
  /** Even if the application objects. */
  readonly force?: boolean | undefined;
  /** 0 normal, 1 stay in the bootloader. */
  readonly bootMode?: number | undefined;
}

/** Resets the device, some 250 ms after its answer. */
export const Reset: SmpCommand<Reset, Empty> = command({
  name: 'reset',
  group,
  command: 5,
  op: 'write',
  source,
  request: { force: optional(flag({ orInt: true })), bootMode: optional(key('boot_mode', uint(0xff))) },
});

/** Answer to {@link McumgrParameters}. */
export interface McumgrParameters {
  /** Octets of a buffer: header and payload. */
  readonly bufSize: number;
  /** Buffers, shared by requests received and answers being built. */
  readonly bufCount: number;
}

/** Asks for the server's buffers. */
export const McumgrParameters: SmpCommand<Empty, McumgrParameters> = command({
  name: 'MCUmgr parameters',
  group,
  command: 6,
  op: 'read',
  source,
  response: { bufSize: key('buf_size', uint()), bufCount: key('buf_count', uint()) },
});

/** Parameters of {@link OsInfo}. */
export interface OsInfo {
  /** Letters of s n r v b m p i o, or a for all; left out: s. */
  readonly format?: string | undefined;
}

/** Asks what the device and its firmware are. */
export const OsInfo: SmpCommand<OsInfo, { readonly output: string }> = command({
  name: 'OS info',
  group,
  command: 7,
  op: 'read',
  source,
  request: { format: optional(text()) },
  response: { output: text() },
});

/** Parameters of {@link BootloaderInfo}. */
export interface BootloaderInfo {
  /** What to ask: "mode", "active_b0_slot"; left out: the bootloader's name. */
  readonly query?: string | undefined;
}

/** Answer to {@link BootloaderInfo}, by what was asked. */
export interface BootloaderInfoAnswer {
  readonly bootloader?: string | undefined;
  /** See {@link bootloaderModeName}. */
  readonly mode?: number | undefined;
  readonly noDowngrade?: boolean | undefined;
  readonly active?: number | undefined;
}

/** Asks for the bootloader's name, or one of its properties. */
export const BootloaderInfo: SmpCommand<BootloaderInfo, BootloaderInfoAnswer> = command({
  name: 'bootloader info',
  group,
  command: 8,
  op: 'read',
  source,
  request: { query: optional(text()) },
  response: {
    bootloader: optional(text({ max: 64 })),
    mode: optional(int()),
    noDowngrade: optional(key('no-downgrade', flag())),
    active: optional(int()),
  },
});

const MODES = [
  'single application',
  'swap with scratch',
  'overwrite only',
  'swap without scratch (move)',
  'direct-XIP without revert',
  'direct-XIP with revert',
  'RAM load',
  'firmware loader',
  'single-slot RAM load',
  'swap using offset',
] as const;

/** A bootloader's mode in words; numbers without a meaning are "unknown". */
export function bootloaderModeName(mode: number): string {
  return MODES[mode] ?? 'unknown';
}
