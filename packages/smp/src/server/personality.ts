import { SmpGroup } from '../groups.ts';

/** Servers whose ways are known from recordings and sources. */
export type PersonalityName = 'zephyr-3.4.99' | 'zephyr-4.4.0' | 'serial-recovery';

/** How a server differs from others: data for the handlers, which have no other special cases [spec: smp section 11]. */
export interface Personality {
  readonly name: PersonalityName;
  /** Buffers it is usually built with: octets of one, and how many. */
  readonly buffers: { readonly size: number; readonly count: number };
  /** Groups it has, in the order in which its enumeration lists them. */
  readonly groups: readonly number[];
  /** Commands, `group.command`, that it leaves out of the groups it has. */
  readonly without: readonly string[];
  /** What an error of a group becomes in v1 where that differs from the usual, `group.code`. */
  readonly legacyCodes: ReadonlyMap<string, number>;
  /** An error that v1 has no number for (0) is answered by the header that stood in the buffer before, and nothing else. */
  readonly staleHeaders: boolean;
  /** Erasing an empty slot is error 1 of the image group. */
  readonly emptySlotErrors: boolean;
  /** Code of the image group for a slot that is not there: 10 flash open, 14 slot invalid. */
  readonly noSuchSlot: number;
  /** What an unknown query of the bootloader is: an error of the SMP layer, or of the OS group. */
  readonly unknownQuery: { readonly layer: 'smp' | 'group'; readonly code: number };
  /** The group that errors of the statistics group claim to be of. */
  readonly statisticsErrors: number;
  /** The list of statistics begins with rc 0. */
  readonly statisticsListRc: boolean;
  /** Code of the settings group for a name whose root nobody handles. */
  readonly unknownRoot: number;
  /** Code of the file system group for an upload to where nothing is mounted. */
  readonly noMountPoint: number;
  /** Code of the file system group for the hash of an empty file: 12 offset beyond, 16 empty. */
  readonly emptyFile: number;
  /** Every answer but a list says rc 0, the list has slot, hash and version only: MCUboot's smaller server [spec: smp section 4.5]. */
  readonly recovery: boolean;
  /** Of the kernel, as OS info and the shell name it. */
  readonly version: string;
}

const NO_CODES: ReadonlyMap<string, number> = new Map();

const PERSONALITIES: Readonly<Record<PersonalityName, Personality>> = {
  'zephyr-3.4.99': {
    name: 'zephyr-3.4.99',
    buffers: { size: 384, count: 4 },
    groups: [
      SmpGroup.fileSystem,
      SmpGroup.image,
      SmpGroup.os,
      SmpGroup.settings,
      SmpGroup.shell,
      SmpGroup.statistics,
      SmpGroup.basic,
    ],
    without: ['1.6'],
    legacyCodes: NO_CODES,
    staleHeaders: true,
    emptySlotErrors: true,
    noSuchSlot: 10,
    unknownQuery: { layer: 'smp', code: 3 },
    statisticsErrors: SmpGroup.basic,
    statisticsListRc: true,
    unknownRoot: 3,
    noMountPoint: 3,
    emptyFile: 12,
    recovery: false,
    version: '3.4.99',
  },
  'zephyr-4.4.0': {
    name: 'zephyr-4.4.0',
    buffers: { size: 384, count: 4 },
    groups: [
      SmpGroup.enumeration,
      SmpGroup.fileSystem,
      SmpGroup.image,
      SmpGroup.os,
      SmpGroup.settings,
      SmpGroup.shell,
      SmpGroup.statistics,
      SmpGroup.basic,
    ],
    without: [],
    // The specification of v1 lumps these together as "unknown"; newer sources know better.
    legacyCodes: new Map([
      ['0.3', 5],
      ['0.4', 5],
      ['8.2', 3],
      ['8.3', 5],
      ['8.13', 3],
      ['8.14', 5],
    ]),
    staleHeaders: false,
    emptySlotErrors: false,
    noSuchSlot: 14,
    unknownQuery: { layer: 'group', code: 3 },
    statisticsErrors: SmpGroup.statistics,
    statisticsListRc: false,
    unknownRoot: 5,
    noMountPoint: 14,
    emptyFile: 16,
    recovery: false,
    version: '4.4.0',
  },
  'serial-recovery': {
    name: 'serial-recovery',
    buffers: { size: 1024, count: 1 },
    groups: [SmpGroup.os, SmpGroup.image],
    without: ['0.2', '0.3', '0.4', '0.7', '0.8', '1.5'],
    legacyCodes: NO_CODES,
    staleHeaders: false,
    emptySlotErrors: false,
    noSuchSlot: 14,
    unknownQuery: { layer: 'smp', code: 8 },
    statisticsErrors: SmpGroup.statistics,
    statisticsListRc: false,
    unknownRoot: 5,
    noMountPoint: 14,
    emptyFile: 16,
    recovery: true,
    version: '0.0.0',
  },
};

/** The ways of a server by its name. */
export function personalityOf(name: PersonalityName): Personality {
  return PERSONALITIES[name];
}
