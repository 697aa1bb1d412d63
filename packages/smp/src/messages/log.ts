import type { Field } from '../field.ts';
import { bytes, either, int64, key, list, optional, record, text, uint } from '../fields.ts';
import { SmpGroup } from '../groups.ts';
import { command, type Empty, type SmpCommand } from '../message.ts';
import { struct } from '../struct.ts';

// The old form of Mynewt; Zephyr has no handler for it.
const group = SmpGroup.log;
const source = 'smp section 4.7';

/** Parameters of {@link LogShow}. */
export interface LogShow {
  /** Left out: all logs. */
  readonly logName?: string | undefined;
  /** Entries from this time on, µs. */
  readonly ts?: number | bigint | undefined;
  /** Entries from this index on. */
  readonly index?: number | bigint | undefined;
}

/** An entry of a log. */
export interface LogEntry {
  /** Text, or octets in a form of `type`. */
  readonly msg: string | Uint8Array;
  readonly ts: number | bigint;
  readonly level: number;
  readonly index: number | bigint;
  readonly module: number;
  readonly type?: string | undefined;
}

/** A log with its entries. */
export interface LogOfEntries {
  readonly name: string;
  readonly type: number;
  readonly entries: readonly LogEntry[];
}

/** Answer to {@link LogShow}. */
export interface LogShowAnswer {
  /** Where to go on. */
  readonly nextIndex?: number | bigint | undefined;
  readonly logs: readonly LogOfEntries[];
}

/** Asks for entries of logs. */
export const LogShow: SmpCommand<LogShow, LogShowAnswer> = command({
  name: 'log show',
  group,
  command: 0,
  op: 'read',
  source,
  request: { logName: optional(key('log_name', text())), ts: optional(int64()), index: optional(int64()) },
  response: {
    nextIndex: optional(key('next_index', int64())),
    logs: list(
      struct({
        name: text(),
        type: uint(),
        entries: list(
          struct({
            msg: either(text({ as: 'lines' }), bytes(), (value) => typeof value === 'string'),
            ts: int64(),
            level: uint(),
            index: int64(),
            module: uint(),
            type: optional(text()),
          }),
        ),
      }),
    ) as Field<readonly LogOfEntries[]>,
  },
});

/** Empties the logs. */
export const LogClear: SmpCommand<Empty, Empty> = command({
  name: 'log clear',
  group,
  command: 1,
  op: 'write',
  source,
});

/** Asks for the modules that log, by name. */
export const LogModules: SmpCommand<Empty, { readonly moduleMap: ReadonlyMap<string, number> }> = command({
  name: 'log modules',
  group,
  command: 3,
  op: 'read',
  source,
  response: { moduleMap: key('module_map', record(uint())) },
});

/** Asks for the levels of entries, by name. */
export const LogLevels: SmpCommand<Empty, { readonly levelMap: ReadonlyMap<string, number> }> = command({
  name: 'log levels',
  group,
  command: 4,
  op: 'read',
  source,
  response: { levelMap: key('level_map', record(uint())) },
});

/** Asks for the names of the logs. */
export const LogList: SmpCommand<Empty, { readonly logList: readonly string[] }> = command({
  name: 'log list',
  group,
  command: 5,
  op: 'read',
  source,
  response: { logList: key('log_list', list(text())) },
});
