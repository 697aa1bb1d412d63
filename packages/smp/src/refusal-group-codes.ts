import type { CodeRow } from './refusal-row.ts';

const LOG = 'Look at the log of the device.';
const RTC = 'Look at the log of the device: its clock (RTC) does not work.';
const FILE = 'Look at the log of the device: its file system is at fault, or full.';
const KEY = 'List which settings the firmware has: its application names them.';

/** Codes of the OS group in words, as those below [spec: smp section 3.2]. */
export const OS: readonly CodeRow[] = [
  [1, 1, 'unknown error', LOG],
  [2, 3, 'invalid format', 'Use letters of s n r v b m p i o, or a for all.'],
  [3, 1, 'nothing answers this query', 'Ask for "mode" or for the name: this firmware knows no other query.'],
  [4, 1, 'the clock is not set', 'Set date and time first.'],
  [5, 1, 'the clock refused the command', RTC],
  [6, 1, 'the value that the query gave is not valid', RTC],
  [7, 1, 'the statistics of the heap cannot be read', LOG],
];

export const STATISTICS: readonly CodeRow[] = [
  [1, 1, 'unknown error', LOG],
  [2, 5, 'there is no such group of statistics', 'List the groups.'],
  [3, 5, 'there are no statistics of this name', 'List the groups; names are case sensitive.'],
  [4, 3, 'a statistic has an invalid size', LOG],
  [5, 1, 'the walk over the statistics was aborted', 'Ask again: they may not fit one answer.'],
];

export const SETTINGS: readonly CodeRow[] = [
  [1, 1, 'unknown error', LOG],
  [2, 3, 'the name of the setting is too long', 'Names are short, such as "app/val"; the firmware limits them.'],
  [3, 5, 'there is no such setting', KEY],
  [4, 5, 'this setting cannot be read', KEY],
  [5, 1, 'no part of the firmware has settings of this root', KEY],
  [6, 1, 'this setting cannot be written', KEY],
  [7, 1, 'this setting cannot be deleted', KEY],
  [8, 1, 'settings cannot be saved', 'The firmware was built without a storage for settings.'],
];

export const FILE_SYSTEM: readonly CodeRow[] = [
  [1, 1, 'unknown error', FILE],
  [2, 1, 'the name of the file is invalid', 'Give the whole path, such as "/lfs1/f.bin".'],
  [3, 1, 'there is no such file', 'Look at the path: it begins with the mount point, such as "/lfs1".'],
  [4, 1, 'this is a directory', 'Name a file in it.'],
  [5, 1, 'the file cannot be opened', FILE],
  [6, 1, 'the place in the file cannot be reached', FILE],
  [7, 1, 'the file cannot be read', FILE],
  [8, 1, 'the file cannot be cut short', FILE],
  [9, 1, 'the file cannot be deleted', FILE],
  [10, 1, 'the file cannot be written', FILE],
  [11, 1, 'the offset is not where the file ends', 'Go on at the size that the device tells, or start again from 0.'],
  [12, 1, 'the offset is beyond the end of the file', 'Ask for the size of the file first.'],
  [13, 1, 'there is no such type of hash', 'List the types that the firmware has.'],
  [14, 1, 'there is no such mount point', 'Look at the beginning of the path: which file systems the firmware mounts.'],
  [15, 1, 'the file system is read-only', 'Write to another one.'],
  [16, 1, 'the file is empty', 'There is nothing to hash or to read.'],
];

export const SHELL: readonly CodeRow[] = [
  [1, 1, 'unknown error', LOG],
  [
    2,
    3,
    'the command is too long',
    'Use a shorter one, or build the firmware with a longer line (CONFIG_SHELL_CMD_BUFF_SIZE).',
  ],
  [3, 3, 'there is no command', 'Give a command.'],
];

export const ENUMERATION: readonly CodeRow[] = [
  [1, 1, 'unknown error', LOG],
  [2, 3, 'too many groups asked for at once', 'Ask for fewer.'],
  [3, 1, 'out of memory', 'Ask for fewer groups.'],
  [4, 1, 'the index is too large', 'The groups end before it.'],
];

export const BASIC: readonly CodeRow[] = [
  [1, 1, 'unknown error', LOG],
  [2, 5, 'the storage cannot be opened', 'The firmware has no partition for settings (storage_partition).'],
  [3, 0, 'the configuration of the storage cannot be read', LOG],
  [4, 0, 'the storage cannot be erased', LOG],
];
