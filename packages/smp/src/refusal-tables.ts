import { BASIC, ENUMERATION, FILE_SYSTEM, OS, SETTINGS, SHELL, STATISTICS } from './refusal-group-codes.ts';
import { IMAGE_CODES } from './refusal-image-codes.ts';
import type { CodeRow } from './refusal-row.ts';

/** What a code means, and what to do. */
export interface CodeWords {
  readonly name: string;
  readonly remedy: string;
  /** What a server of v1 sends instead: a code of the SMP layer; 0 is no answer at all on Zephyr 3.4. */
  readonly v1: number;
}

/** Codes of the SMP layer: all that v1 has, and of v2 what does not come from a group [spec: smp section 3.1]. */
export const SmpCode = {
  ok: 0,
  unknown: 1,
  noMemory: 2,
  invalidValue: 3,
  timeout: 4,
  noEntry: 5,
  badState: 6,
  tooBig: 7,
  notSupported: 8,
  corrupt: 9,
  busy: 10,
  accessDenied: 11,
  versionTooOld: 12,
  versionTooNew: 13,
} as const;

/** First code that applications define. */
export const FIRST_USER_CODE = 256;

const SMP: readonly (readonly [code: number, name: string, remedy: string])[] = [
  [
    1,
    'unknown error',
    'Look at the log of the device; a server of version 1 gives this code for most errors of flash and files.',
  ],
  [
    2,
    'out of memory',
    'Send fewer requests at once (a smaller window) or smaller ones; reset the device when it lasts.',
  ],
  [
    3,
    'invalid value',
    'A parameter is missing, of a wrong type or out of range: see what the command takes on this firmware.',
  ],
  [4, 'timeout', 'Try again; the device did not get it done in time.'],
  [5, 'no such entry', 'Nothing has this name, hash or number on the device: list what there is.'],
  [
    6,
    'not possible in this state',
    'Read the image list: an image is pending or on trial. Reset the device or confirm what runs first.',
  ],
  [
    7,
    'the answer does not fit a buffer of the device',
    'Ask for less at once, or build the firmware with larger buffers (CONFIG_MCUMGR_TRANSPORT_NETBUF_SIZE).',
  ],
  [
    8,
    'not supported',
    'The firmware was built without this command or group: another firmware, or the bootloader, may have it.',
  ],
  [
    9,
    'corrupt packet',
    'The device got less than the length field says: use smaller packets, or look what loses octets on the way.',
  ],
  [10, 'busy', 'Wait for what the device is doing, and try again.'],
  [
    11,
    'access denied',
    'The application does not allow it now, or to this connection: pair, or unlock it on the device.',
  ],
  [12, 'the version of the protocol is too old', 'Speak SMP version 2.'],
  [13, 'the version of the protocol is too new', 'Speak SMP version 1.'],
];

/** Of the SMP layer, by code. */
export const SMP_CODES: ReadonlyMap<number, CodeWords> = new Map(
  SMP.map(([code, name, remedy]) => [code, { name, remedy, v1: code }]),
);

const GROUPS: ReadonlyMap<number, ReadonlyMap<number, CodeWords>> = new Map([
  [0, byCode(OS)],
  [1, byCode(IMAGE_CODES)],
  [2, byCode(STATISTICS)],
  [3, byCode(SETTINGS)],
  [8, byCode(FILE_SYSTEM)],
  [9, byCode(SHELL)],
  [10, byCode(ENUMERATION)],
  [63, byCode(BASIC)],
]);

/** Of a group, by code; undefined for a group without codes that are known [spec: smp section 3.2]. */
export function groupCodes(group: number): ReadonlyMap<number, CodeWords> | undefined {
  return GROUPS.get(group);
}

function byCode(rows: readonly CodeRow[]): ReadonlyMap<number, CodeWords> {
  return new Map(rows.map(([code, v1, name, remedy]) => [code, { name, remedy, v1 }]));
}
