import type { Clock } from '@meshferry/core';
import type { LogOfEntries } from '../messages/log.ts';
import type { TaskEntry } from '../messages/os.ts';
import type { ServerFiles } from './files.ts';
import type { ImageHost } from './image-host.ts';
import type { PersonalityName } from './personality.ts';
import type { GroupError, Handler } from './reply.ts';
import type { SmpServerFaults } from './server-faults.ts';
import type { ServerSettings } from './settings-store.ts';

/** How an SMP server is built and what it runs on; everything but the clock has a default [spec: smp section 10]. */
export interface SmpServerOptions {
  readonly clock: Clock;
  /** Whose ways it has. Default `zephyr-4.4.0`. */
  readonly personality?: PersonalityName;
  /** `buf_size` (octets, header and payload) and `buf_count`. Default: 384 × 4, serial recovery 1024 × 1. */
  readonly buffers?: { readonly size: number; readonly count: number };
  /** `v1`: an old server that knows no versions; `v2`: refuses v1 with rc 12. Default `both`. */
  readonly protocol?: 'v1' | 'v2' | 'both';
  /** Errors by `rc` carry a reason for people; those of a group in v2 never do, as in Zephyr. Default false. */
  readonly verboseErrors?: boolean;
  /** Groups to leave out though the personality has them. */
  readonly without?: readonly number[];
  /** Whether it tells its buffers (OS parameters). Default true. */
  readonly parameters?: boolean;
  /** What it says of the bootloader; left out: rc 8. */
  readonly bootloader?: BootloaderFacts;
  /** What OS info says. */
  readonly info?: Partial<OsFacts>;
  /** Threads by name. With more than `taskLimit` (default 16) of them rc 7, as when they do not fit a buffer. */
  readonly tasks?: ReadonlyMap<string, TaskEntry>;
  readonly taskLimit?: number;
  /** Its clock of the day; true: one that is not set at each start. Default false: rc 8. */
  readonly dateTime?: boolean | DayClock;
  /** Resets the device; called 250 ms after the answer. */
  readonly reset?: (bootMode: number) => void;
  /** Asked before a reset that is not forced; an error refuses it. */
  readonly refuseReset?: () => GroupError | undefined;
  /** The slots; left out: no image group. */
  readonly images?: ImageHost;
  readonly imageOptions?: ImageGroupOptions;
  /** Counters by group; functions are asked each time. */
  readonly statistics?: ReadonlyMap<string, ReadonlyMap<string, number | (() => number)>>;
  readonly settings?: ServerSettings;
  readonly files?: ServerFiles;
  /** What shell commands do; undefined is a command that is not known. Default: `kernel version`. */
  readonly shell?: (argv: readonly string[]) => ShellOutput | undefined;
  /** What the log group shows; left out: no log group, as in Zephyr. */
  readonly log?: readonly LogOfEntries[];
  /** Commands of the application's own; before the usual ones. */
  readonly handlers?: readonly Handler[];
  readonly timing?: Partial<ServerTiming>;
  readonly faults?: SmpServerFaults;
}

/** A clock of the day, in milliseconds since 1970 as it is shown: zones are not looked at. */
export interface DayClock {
  /** Undefined: nobody has set it. */
  read(): number | undefined;
  set(time: number): void;
}

/** What a server says of its bootloader. */
export interface BootloaderFacts {
  /** Default "MCUboot". */
  readonly name?: string;
  /** 0 to 9, see `bootloaderModeName`; −1 unknown. Left out: it does not tell. */
  readonly mode?: number;
  readonly noDowngrade?: boolean;
  /** Slot of the Nordic first-stage bootloader's image, where there is one. */
  readonly activeB0Slot?: number;
}

/** What OS info is made of [spec: smp section 4.1]. */
export interface OsFacts {
  readonly kernelName: string;
  /** Network or Bluetooth name. */
  readonly nodeName: string;
  /** Build version of the kernel, may be empty. */
  readonly kernelRelease: string;
  readonly kernelVersion: string;
  /** Left out: `b` is an unknown letter. */
  readonly buildTime: string | undefined;
  readonly machine: string;
  readonly processor: string;
  readonly platform: string;
  readonly osName: string;
}

/** How the image group is built. */
export interface ImageGroupOptions {
  /** Compares what was uploaded with `sha` and says `match`. Default false. */
  readonly check?: boolean;
  /** `upgrade` compares the build number too. Default false. */
  readonly compareBuild?: boolean;
  /** Refuses what leaves the bootloader no room for its trailer, not only what exceeds the slot. Default false. */
  readonly checkMaxSize?: boolean;
  /** Octets of an image hash; `any` of the three, which no single build takes. Default 32. */
  readonly hashOctets?: 32 | 48 | 64 | 'any';
  /** No image but the running one may be confirmed, in any slot. Default false: only not in its active slot. */
  readonly denyConfirmOthers?: boolean;
  /** A pending slot may be erased and uploaded to. Default false. */
  readonly allowErasePending?: boolean;
  /** The list leaves false values out, as old servers do. Default false. */
  readonly frugalList?: boolean;
  /** `image` of an upload names a slot: 0 the usual one, n slot n − 1 [spec: smp section 4.5]. Default false. */
  readonly directUpload?: boolean;
  /** The address that `load address` of a ROM-fixed image must be, for each image and slot; undefined: it is not checked. */
  readonly loadAddress?: (image: number, slot: number) => number | undefined;
  /** Asked for every chunk that would be written; an error rejects it. */
  readonly refuseChunk?: (off: number) => GroupError | undefined;
}

/** What a shell command wrote and returned. */
export interface ShellOutput {
  readonly output: string;
  readonly ret: number;
}

/** How long things take, ms. */
export interface ServerTiming {
  /** Any request. Default 0. */
  readonly request: number;
  /** One sector of flash. Default 0; 85 for nRF52. */
  readonly eraseSector: number;
  /** 1024 octets of flash. Default 0; 11 for nRF52. */
  readonly writeKib: number;
  /** From the answer to the reset. Default 250. */
  readonly reset: number;
}
