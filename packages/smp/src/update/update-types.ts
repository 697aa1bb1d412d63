import type { Clock, Log, MeshError, Random, Store } from '@meshferry/core';
import type { SignatureState, Version } from '@meshferry/firmware';
import type { SmpRoute } from '../transport.ts';
import type { SmpImagePlace, SmpUpdateNote, SmpUpdatePlan } from './plan-types.ts';

/**
 * What happens after the upload [spec: smp section 5.1]: `test-and-confirm` the image runs once, is looked at and then kept;
 * `confirm-only` it is kept without a way back; `test-only` its application has to confirm it itself; `upload-only` the device
 * is only reset, for bootloaders that choose by version (direct-XIP without revert, RAM load).
 */
export type SmpUpdateMode = 'test-and-confirm' | 'confirm-only' | 'test-only' | 'upload-only';

/** One MCUboot image to send, see `smpUpdateImages`. */
export interface SmpUpdateImage {
  /** Image number of the device: 0 application core, 1 network core. */
  readonly image: number;
  /** The slot that this build runs from, where the package holds one build for each; undefined: the device chooses the slot. */
  readonly slot: number | undefined;
  /** The octets that are sent, and their SHA-256 (32 octets). */
  readonly bytes: Uint8Array;
  readonly sha256: Uint8Array;
  /** Octets up to the end of its TLVs: what follows in {@link bytes} is padding, or a trailer. */
  readonly end: number;
  /** The hash TLV: how the device lists, tests and confirms the image; 32, 48 or 64 octets. */
  readonly hash: Uint8Array;
  readonly version: Version;
  /** Name in the package, null for an image that came alone. */
  readonly file: string | null;
  /** What must run on the device with it. */
  readonly dependencies: readonly { readonly image: number; readonly minVersion: Version }[];
  /** What is known of its signature: tells why a bootloader may have refused it. */
  readonly signature: SignatureState;
  readonly encrypted: boolean;
  readonly compressed: boolean;
  /** The only address that it runs from (ROM fixed), else null. */
  readonly address: number | null;
  /** What a trailer in the file does to the slot by itself: the file is padded. */
  readonly mark: 'test' | 'confirmed' | null;
}

/** How {@link SmpUpdateJob} works. */
export interface SmpUpdateOptions {
  readonly route: SmpRoute;
  readonly clock: Clock;
  readonly random: Random;
  /** A view of its own for each device: at most one unfinished update is in it. */
  readonly store: Store;
  /** Of one package, in any order; of two builds of one image the device gets the one that fits. */
  readonly images: readonly SmpUpdateImage[];
  readonly log?: Log;
  /**
   * Default: that of the unfinished update in the store; else `test-and-confirm`, but `confirm-only` where a bootloader swaps other
   * images than image 0, which no stock firmware lets be confirmed after their trial.
   */
  readonly mode?: SmpUpdateMode | undefined;
  /** Refuse what is not newer than what runs. Default false: it is a note. */
  readonly upgradeOnly?: boolean;
  /** Send although another image in a needed version is missing. Default false. */
  readonly ignoreDependencies?: boolean;
  /** Erase the settings of the device after the upload. Default false. */
  readonly eraseSettings?: boolean;
  /** Reset even if the application of the device objects. Default false. */
  readonly forceReset?: boolean;
  /** How long the bootloader is left alone after the reset, seconds. Default: hardly at all. */
  readonly swapSeconds?: number;
  /** How long to look for the device after the swap, or after a lost link, seconds. Default 60. */
  readonly reconnectSeconds?: number;
  /** Upload requests in flight at most. Default: as many as the device has buffers for. */
  readonly window?: number;
  /** Octets that each chunk is a multiple of. Default 1. */
  readonly alignment?: 1 | 2 | 4 | 8 | 16;
  /** Octets of the device's buffer, where it does not tell or tells wrong. */
  readonly bufferSize?: number;
  readonly onProgress?: (progress: SmpUpdateProgress) => void;
}

/**
 * The update of one device, from the first look to the last confirmation [spec: smp section 5.1]. What is needed to go on in
 * another process is in the store at any time: a job of the same images and mode takes up the unfinished one by itself.
 */
export interface SmpUpdateJob {
  /** As last told. */
  readonly progress: SmpUpdateProgress;
  /**
   * Looks at the device and says what {@link run} would do, changing nothing. Rejects with `smp-unreachable`, `smp-update-running`,
   * or what the route fails with.
   */
  inspect(): Promise<SmpUpdatePlan>;
  /**
   * Does it, or goes on with it. Resolves however it ends. Rejects with `smp-update-unfinished` (the store holds one of other
   * images), `smp-update-running`, `store-failed`.
   */
  run(): Promise<SmpUpdateReport>;
  /** No new chunks of an upload until {@link resume}; the answers of those under way are taken. */
  pause(): void;
  resume(): void;
  /** Stops as soon as may be; the next run goes on. */
  suspend(): void;
  /**
   * Gives the update up. An upload that was begun stays open at the device. Throws `smp-too-late` once the device was told to
   * reset into the new image.
   */
  cancel(): void;
  /** Suspends, and ends the link that {@link inspect} has left open for {@link run}; the route stays. */
  close(): void;
}

/** Where an update is, in the order of [spec: smp section 5.1]. */
export type SmpUpdatePhase =
  | 'connecting'
  /** Parameters, bootloader, list of the slots, and what follows from them. */
  | 'examining'
  /** The application is left for the firmware loader. */
  | 'entering-loader'
  /** The slot is made free: what runs is kept, or what is pending is given its boot. */
  | 'freeing-slot'
  | 'uploading'
  | 'erasing-settings'
  | 'testing'
  | 'confirming'
  | 'resetting'
  /** The bootloader works. */
  | 'waiting'
  | 'reconnecting'
  | 'checking'
  | 'done';

/** What an update tells while it runs. */
export interface SmpUpdateProgress {
  readonly phase: SmpUpdatePhase;
  /** The image being sent or marked, null when it is about the device. */
  readonly image: number | null;
  /** Octets of all images together: what the device has, and what there is to send. */
  readonly sent: number;
  readonly total: number;
  /** Of {@link total}, 0 to 100. */
  readonly percent: number;
  /** Of the upload as it went lately; null before it goes. */
  readonly bytesPerSecond: number | null;
  /** To the end of the whole update, swap and reconnection included; null while nothing is known. */
  readonly secondsLeft: number | null;
  readonly elapsedSeconds: number;
  /** Connections so far. */
  readonly links: number;
  /** Why the link was lost or could not be made, while that is being mended; else null. */
  readonly trouble: MeshError | null;
}

/** How an update ended. */
export type SmpUpdateOutcome =
  /** The new images run and stay. */
  | 'updated'
  /** They ran already: nothing was changed. */
  | 'current'
  /** They run, and go at the next reset unless the application confirms them (`test-only`). */
  | 'unconfirmed'
  /** They are in their slot and were started, but what runs cannot be asked (serial recovery, firmware loader). */
  | 'unverified'
  | 'failed'
  /** Stopped by `suspend`: the next run goes on. */
  | 'suspended'
  /** Given up by `cancel`. */
  | 'cancelled';

/** How an update ended, and what it took. */
export interface SmpUpdateReport {
  readonly outcome: SmpUpdateOutcome;
  /** Whether that is what was asked for: `updated`, `current`, `unverified`, and `unconfirmed`. */
  readonly succeeded: boolean;
  /** Of `failed`: cause and remedy, see {@link SmpUpdateErrorCode}; null otherwise. */
  readonly error: MeshError | null;
  /** Whether the store keeps the job, so that the same file goes on where it was. */
  readonly resumable: boolean;
  /** What a person should know although it is no error. */
  readonly notes: readonly SmpUpdateNote[];
  readonly images: readonly SmpUpdateImageReport[];
  readonly stats: SmpUpdateStats;
}

export interface SmpUpdateImageReport {
  readonly image: number;
  readonly file: string | null;
  readonly version: Version;
  readonly hash: Uint8Array;
  /** What ran before, as the device lists it; null when it did not list any. */
  readonly versionBefore: string | null;
  /** Where it was when the device was last looked at. */
  readonly state: SmpImagePlace;
}

export interface SmpUpdateStats {
  readonly totalSeconds: number;
  readonly uploadSeconds: number;
  /** Octets of images that went over the air in this run, and how fast; null when none did. */
  readonly bytesSent: number;
  readonly bytesPerSecond: number | null;
  readonly links: number;
  readonly resets: number;
}

/** What is kept of an unfinished update, for people. */
export interface SmpUnfinishedUpdate {
  readonly mode: SmpUpdateMode;
  readonly images: readonly {
    readonly image: number;
    readonly file: string | null;
    readonly version: string;
    readonly hash: Uint8Array;
  }[];
  /** Whether the reset into the new image was asked for: it cannot be cancelled any more. */
  readonly wasReset: boolean;
}
