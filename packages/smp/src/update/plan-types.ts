import type { MeshError } from '@meshferry/core';
import type { Version } from '@meshferry/firmware';
import type { SmpUpdateMode, SmpUpdatePhase } from './update-types.ts';

/**
 * Where an image is on the device: `absent`; `stored` in a slot that is not going to be booted; `staged` for one boot;
 * `staged-for-good`; `running` and to be reverted; `kept`: runs and is confirmed; `unlisted`: the device does not list what
 * runs of this image number.
 */
export type SmpImagePlace = 'absent' | 'stored' | 'staged' | 'staged-for-good' | 'running' | 'kept' | 'unlisted';

/** Something worth knowing before an update. */
export interface SmpUpdateNote {
  readonly severity: 'info' | 'warning';
  readonly code: string;
  readonly message: string;
}

/** What an update is going to do, found out without changing anything. */
export interface SmpUpdatePlan {
  readonly device: SmpUpdateDevice;
  /** The mode that will be used, which the bootloader may have changed. */
  readonly mode: SmpUpdateMode;
  readonly images: readonly SmpPlannedImage[];
  /** In their order, one line each for people. */
  readonly steps: readonly SmpUpdateStep[];
  readonly notes: readonly SmpUpdateNote[];
  /** Why the update would not begin; null when it can. */
  readonly error: MeshError | null;
  /** An estimate for all of it; null when there is nothing to tell it by. */
  readonly seconds: number | null;
  /** Whether it goes on with an unfinished update of the store. */
  readonly resumes: boolean;
}

export interface SmpUpdateStep {
  readonly phase: SmpUpdatePhase;
  readonly image: number | null;
  readonly text: string;
}

export interface SmpPlannedImage {
  readonly image: number;
  readonly file: string | null;
  readonly version: Version;
  readonly size: number;
  readonly place: SmpImagePlace;
}

/** What the device says of itself. */
export interface SmpUpdateDevice {
  readonly bootloader: string | null;
  /** As the device counts them; null when it does not tell. */
  readonly modeNumber: number | null;
  readonly modeName: string;
  /** Who answers: the application, MCUboot's serial recovery, the firmware loader, or an application without image group. */
  readonly speaker: 'application' | 'recovery' | 'loader' | 'no-images';
  readonly bufferSize: number | null;
  readonly bufferCount: number | null;
  readonly slots: readonly SmpSlotEntry[];
}

/** One entry of the image list, made whole [spec: smp section 4.2]. */
export interface SmpSlotEntry {
  readonly image: number;
  readonly slot: number;
  readonly version: string;
  readonly hash: Uint8Array | null;
  readonly bootable: boolean;
  readonly pending: boolean;
  readonly confirmed: boolean;
  readonly active: boolean;
  readonly permanent: boolean;
  /** Octets of the slot and of the largest image it takes; null when the device does not tell. */
  readonly size: number | null;
  readonly maxImageSize: number | null;
}
