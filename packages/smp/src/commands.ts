import type { SmpCommand } from './message.ts';
import { EraseStorage } from './messages/basic.ts';
import { EnumerationCount, EnumerationDetails, EnumerationList, EnumerationSingle } from './messages/enumeration.ts';
import { FileClose, FileDownload, FileHash, FileHashTypes, FileStatus, FileUpload } from './messages/file-system.ts';
import { ImageErase, ImageStateRead, ImageStateWrite, ImageUpload, SlotInfo } from './messages/image.ts';
import { LogClear, LogLevels, LogList, LogModules, LogShow } from './messages/log.ts';
import {
  BootloaderInfo,
  ConsoleEcho,
  DateTimeRead,
  DateTimeWrite,
  Echo,
  McumgrParameters,
  MemoryPools,
  OsInfo,
  Reset,
  TaskStatistics,
} from './messages/os.ts';
import {
  SettingsCommit,
  SettingsDelete,
  SettingsLoad,
  SettingsRead,
  SettingsSave,
  SettingsWrite,
} from './messages/settings.ts';
import { ShellExecute } from './messages/shell.ts';
import { StatisticsList, StatisticsRead } from './messages/statistics.ts';
import { SmpOp } from './packet.ts';

/** A command of whatever values, for tables. */
export type AnySmpCommand = SmpCommand<object, object>;

/** All commands that there are declarations of, by group and number [spec: smp section 4]. */
export const SMP_COMMANDS: readonly AnySmpCommand[] = [
  Echo,
  ConsoleEcho,
  TaskStatistics,
  MemoryPools,
  DateTimeRead,
  DateTimeWrite,
  Reset,
  McumgrParameters,
  OsInfo,
  BootloaderInfo,
  ImageStateRead,
  ImageStateWrite,
  ImageUpload,
  ImageErase,
  SlotInfo,
  StatisticsRead,
  StatisticsList,
  SettingsRead,
  SettingsWrite,
  SettingsDelete,
  SettingsCommit,
  SettingsLoad,
  SettingsSave,
  LogShow,
  LogClear,
  LogModules,
  LogLevels,
  LogList,
  FileDownload,
  FileUpload,
  FileStatus,
  FileHash,
  FileHashTypes,
  FileClose,
  ShellExecute,
  EnumerationCount,
  EnumerationList,
  EnumerationSingle,
  EnumerationDetails,
  EraseStorage,
];

const BY_HEADER: ReadonlyMap<number, AnySmpCommand> = new Map(
  SMP_COMMANDS.map((command) => [keyOf(command.group, command.command, command.op), command]),
);

/** The command that a header names, of a request or an answer; echo may be read as well as written. */
export function smpCommandOf(header: {
  readonly group: number;
  readonly command: number;
  readonly op: number;
}): AnySmpCommand | undefined {
  const { group, command } = header;
  const op = header.op & ~1;
  const found = BY_HEADER.get(keyOf(group, command, op));
  if (found !== undefined || group !== Echo.group || command !== Echo.command) return found;
  return op === SmpOp.read ? Echo : undefined;
}

function keyOf(group: number, command: number, op: number): number {
  return (group << 16) | (command << 8) | op;
}
