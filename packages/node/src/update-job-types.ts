import type { Address, AppIndex, MeshError, Unicast } from '@meshferry/core';
import type { FirmwareInformation } from '@meshferry/dfu';

/** What an update shall do. */
export interface UpdateRequest {
  /** The image as it goes over the air. */
  readonly image: Uint8Array;
  /** 0 to 255 octets, as the targets check it. */
  readonly metadata: Uint8Array;
  /** What the targets run afterwards, 2 to 108 octets. */
  readonly firmwareId: Uint8Array;
  /** Elements with a Firmware Update Server, each once. */
  readonly targets: readonly Unicast[];
  /** Which of the images in each target's Firmware Information List is meant. Default 0. */
  readonly imageIndex?: number;
  readonly appIndex: AppIndex;
  /** Group or virtual address that the image goes to; absent: the image goes to each by unicast. */
  readonly group?: Address;
  /** The Label UUID (16 octets) when `group` is virtual. */
  readonly label?: Uint8Array;
  /** The node that distributes; absent: this one. */
  readonly distributor?: Unicast;
  /** `verify` stops when the targets have verified the image. Default `apply`. */
  readonly policy?: 'verify' | 'apply';
  /** Default: push when all targets can, else what most of them can. */
  readonly mode?: 'push' | 'pull';
  readonly settings?: 'auto' | 'stock';
  /** 0xFF (default): the Default TTL. */
  readonly ttl?: number;
  /** Targets give up after 10·(base + 1) s of silence. Default 3. */
  readonly timeoutBase?: number;
  /** The Distributor fetches the image itself, from a Firmware Archive at this URI. Default: it is sent to it. */
  readonly oobUri?: string;
  /**
   * How the image comes to the Distributor: `mesh` (default), or `smp` by the Simple Management Protocol into a slot of it,
   * many times faster, where the Distributor offers that; see `UpdateJobOptions.smp`.
   */
  readonly via?: 'mesh' | 'smp';
  /** How often targets that were lost on the way are taken up again when they answer at the end. Default 0. */
  readonly retries?: number;
  /** Targets that run this firmware already, by its firmware id, are left as they are. Default false. */
  readonly skipCurrent?: boolean;
  /** Also targets that run firmware of another company. Default false: their firmware id would not be the expected one. */
  readonly anyCompany?: boolean;
  /** Nodes that left the network because the image makes them do so are provisioned anew, see `UpdateJobOptions`. */
  readonly reprovision?: boolean;
  /** Whether the radio is surveyed before the image is sent, for what is foreseen and chosen first. Default: with `auto` settings. */
  readonly probe?: boolean;
  /**
   * Whether targets with a SAR Configuration Server may be set to acknowledge sooner while the job lasts, where that saves time.
   * Default: with `auto` settings.
   */
  readonly tune?: boolean;
}

/** A request without the octets of its image: what is kept of it. */
export type UpdatePlan = Omit<UpdateRequest, 'image'>;

/** Where the job is. */
export type JobPhase =
  /** AppKey, bindings and subscriptions are given to those that lack them. */
  | 'preparing'
  | 'checking'
  | 'uploading'
  | 'starting'
  | 'transferring'
  | 'suspended'
  | 'verifying'
  | 'verified'
  | 'applying'
  | 'confirming'
  /** What the image did to the nodes is followed: refreshed, removed, or provisioned anew. */
  | 'refreshing'
  /** What was prepared is taken back. */
  | 'undoing'
  | 'cancelling'
  | 'done';

/** Where one target is; the last five are how it can end. */
export type TargetPhase =
  | 'waiting'
  | 'checked'
  | 'starting'
  | 'transferring'
  | 'verifying'
  | 'applying'
  | 'confirming'
  | 'applied'
  | 'verified'
  | 'failed'
  | 'unprovisioned'
  | 'unknown';

/** One target in a job. */
export interface TargetProgress {
  readonly address: Unicast;
  readonly phase: TargetPhase;
  /** Of the image, 0 to 100, as far as the target has said. */
  readonly percent: number;
  /** What applying does to the node (0 to 3, see `UpdateEffect`); null until the target said so. */
  readonly effect: number | null;
  readonly firmwareIdBefore: Uint8Array | null;
  readonly firmwareIdAfter: Uint8Array | null;
  readonly error: MeshError | null;
  /** What a person should know or do about it, although it went well; null: nothing. */
  readonly notice: string | null;
}

/** What a job tells while it runs. Times in seconds of its clock. */
export interface JobProgress {
  readonly phase: JobPhase;
  /** Of the image at the slowest target that is still in, 0 to 100; while uploading: of the upload. */
  readonly percent: number;
  /** Blocks that all targets have, and blocks in all; of the upload while uploading. */
  readonly blocks: { readonly done: number; readonly of: number };
  readonly bytesPerSecond: number | null;
  /** To the end of the transfer (or upload), or null while nothing is known. Before it begins: what it is expected to take. */
  readonly secondsLeft: number | null;
  /** To the end of the whole update, its last confirmation, as far as that can be foreseen; null while nothing is known. */
  readonly updateSecondsLeft: number | null;
  readonly elapsedSeconds: number;
  readonly chunksSent: number;
  readonly chunksResent: number;
  /** In the order of the request. */
  readonly targets: readonly TargetProgress[];
}

/** How a job ended. */
export interface JobReport {
  /** All targets, in the order of the request. */
  readonly targets: readonly TargetProgress[];
  /** `complete`: at least one target got what the policy asks for. */
  readonly outcome: 'complete' | 'failed' | 'cancelled';
  /** Whether the store keeps the job: targets that fell silent may come back, or `verified` waits for Apply. */
  readonly resumable: boolean;
  /** Whether `UpdateJob.retry` can try again for those that failed. */
  readonly retryable: boolean;
  /** What could not be taken back of the preparation, because nodes did not answer; the next job takes it back. */
  readonly notUndone: MeshError | null;
  readonly stats: JobStats;
}

export interface JobStats {
  /** From the first message to the last confirmation, seconds of the job's clock. */
  readonly totalSeconds: number;
  /** The BLOB transfer to the targets in it. */
  readonly transferSeconds: number;
  /** The upload to a Distributor in it; 0 without one. */
  readonly uploadSeconds: number;
  /** Chunk messages that this process sent, upload included; `chunksResent` are those sent again. */
  readonly chunksSent: number;
  readonly chunksResent: number;
}

/** What a check of the targets found: `dfu plan` and `dfu targets`. */
export interface TargetCheck {
  readonly address: Unicast;
  /** Of the image in question; null when the target did not answer, or has no such image. */
  readonly firmwareId: Uint8Array | null;
  /** All images that it runs, by index; none when it did not answer. */
  readonly images: readonly FirmwareInformation[];
  readonly accepts: boolean;
  readonly effect: number | null;
  readonly error: MeshError | null;
  /** It runs the firmware already that it would be updated to. */
  readonly isCurrent?: boolean;
}
