import type { Address, AppIndex, MeshError, Unicast } from '@meshferry/core';

/** What an update shall do. */
export interface UpdateRequest {
  /** The image as it goes over the air. */
  readonly image: Uint8Array;
  /** 0 to 255 octets, as the targets check it. */
  readonly metadata: Uint8Array;
  /** What the targets run afterwards, 2 to 108 octets. */
  readonly firmwareId: Uint8Array;
  /** Elements with a Firmware Update Server, each once; image index 0 of each. */
  readonly targets: readonly Unicast[];
  readonly appIndex: AppIndex;
  /** Group that the targets subscribe to; absent: the image goes to each by unicast. */
  readonly group?: Address;
  /** The node that distributes; absent: this one. */
  readonly distributor?: Unicast;
  /** `verify` stops when the targets have verified the image. Default `apply`. */
  readonly policy?: 'verify' | 'apply';
  readonly mode?: 'push' | 'pull';
  readonly settings?: 'auto' | 'stock';
  /** 0xFF (default): the Default TTL. */
  readonly ttl?: number;
  /** Targets give up after 10·(base + 1) s of silence. Default 3. */
  readonly timeoutBase?: number;
}

/** A request without the octets of its image: what is kept of it. */
export type UpdatePlan = Omit<UpdateRequest, 'image'>;

/** Where the job is. */
export type JobPhase =
  | 'checking'
  | 'uploading'
  | 'starting'
  | 'transferring'
  | 'suspended'
  | 'verifying'
  | 'verified'
  | 'applying'
  | 'confirming'
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
}

/** What a job tells while it runs. Times in seconds of its clock. */
export interface JobProgress {
  readonly phase: JobPhase;
  /** Of the image at the slowest target that is still in, 0 to 100; while uploading: of the upload. */
  readonly percent: number;
  /** Blocks that all targets have, and blocks in all; of the upload while uploading. */
  readonly blocks: { readonly done: number; readonly of: number };
  readonly bytesPerSecond: number | null;
  /** To the end of the transfer (or upload), or null while nothing is known. */
  readonly secondsLeft: number | null;
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
  readonly stats: JobStats;
}

export interface JobStats {
  /** From the first message to the last confirmation, seconds of the job's clock. */
  readonly totalSeconds: number;
  /** The BLOB transfer to the targets in it. */
  readonly transferSeconds: number;
  /** Chunk messages that this process sent, upload included; `chunksResent` are those sent again. */
  readonly chunksSent: number;
  readonly chunksResent: number;
}

/** What is kept of a job until it is done: with the image, enough to go on in another process. */
export interface SavedJob {
  readonly request: UpdatePlan;
  readonly imageSize: number;
  /** SHA-256 of the image, lower-case hex. */
  readonly imageSha256: string;
  readonly phase: JobPhase;
  readonly targets: readonly SavedTarget[];
  /** Of a job through a Distributor: the upload's BLOB ID, and where the image is in its list. */
  readonly remote: { readonly uploadBlobId?: bigint; readonly imageIndex?: number };
  readonly totalSeconds: number;
  readonly transferSeconds: number;
  readonly chunksSent: number;
  readonly chunksResent: number;
}

export interface SavedTarget {
  readonly address: Unicast;
  readonly effect: number | null;
  readonly firmwareIdBefore: Uint8Array | null;
  /** Why it took no part, if it did not. */
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string } | null;
}

/** What a check of the targets found: `dfu plan` and `dfu targets`. */
export interface TargetCheck {
  readonly address: Unicast;
  /** Null when the target did not answer. */
  readonly firmwareId: Uint8Array | null;
  readonly accepts: boolean;
  readonly effect: number | null;
  readonly error: MeshError | null;
}
