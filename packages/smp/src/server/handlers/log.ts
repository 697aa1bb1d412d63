import {
  LogClear,
  type LogEntry,
  LogLevels,
  LogList,
  LogModules,
  type LogOfEntries,
  LogShow,
} from '../../messages/log.ts';
import { answer, type Handler, handle } from '../reply.ts';

const LEVELS: ReadonlyMap<string, number> = new Map([
  ['DEBUG', 0],
  ['INFO', 1],
  ['WARN', 2],
  ['ERROR', 3],
  ['CRITICAL', 4],
]);
/** Octets of the answer besides entries, and of an entry besides its message. */
const ANSWER_OVERHEAD = 80;
const ENTRY_OVERHEAD = 64;

/** The log group in its old form; entries that do not fit into an answer are left for the next request [spec: smp section 4.7]. */
export function logHandlers(given: readonly LogOfEntries[], bufferSize: number): Handler[] {
  let logs = given;
  return [
    handle(LogShow, ({ logName, ts = 0, index = 0 }) => {
      let room = bufferSize - ANSWER_OVERHEAD;
      let nextIndex: number | bigint = index;
      const shown = [];
      for (const log of logs) {
        if (logName !== undefined && log.name !== logName) continue;
        const entries: LogEntry[] = [];
        for (const entry of log.entries) {
          if (entry.index < index || entry.ts < ts) continue;
          room -= ENTRY_OVERHEAD + 4 * entry.msg.length;
          if (room < 0) break;
          entries.push(entry);
          if (entry.index >= nextIndex) nextIndex = after(entry.index);
        }
        shown.push({ name: log.name, type: log.type, entries });
      }
      return answer({ nextIndex, logs: shown });
    }),
    handle(LogClear, () => {
      logs = logs.map((log) => ({ ...log, entries: [] }));
      return answer({});
    }),
    handle(LogModules, () => answer({ moduleMap: new Map([['DEFAULT', 0]]) })),
    handle(LogLevels, () => answer({ levelMap: LEVELS })),
    handle(LogList, () => answer({ logList: logs.map(({ name }) => name) })),
  ];
}

function after(index: number | bigint): number | bigint {
  return typeof index === 'bigint' ? index + 1n : index + 1;
}
