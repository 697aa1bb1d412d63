import type { BlobEvent, BlobSource, RadioOutlook } from '@meshferry/blob';
import type { Address, AppIndex, Cancel, MeshError, Unicast } from '@meshferry/core';

/** One target of an update: the element with its Firmware Update Server, and which of its images. */
export interface UpdateReceiver {
  readonly address: Unicast;
  readonly imageIndex: number;
  /** This node itself: applied last, because that restarts the process that updates the others [MshDFU 6.2.3]. */
  readonly self?: boolean;
  /** A Low Power node, see `BlobReceiver`. */
  readonly lowPower?: boolean;
}

/** What is known of one target. The object is the same during the whole update; its members change. */
export interface UpdateReceiverState extends UpdateReceiver {
  /** Retrieved Update Phase, see `UpdatePhase`. */
  readonly phase: number;
  /** The last Firmware Update status, see `UpdateStatus`; 3 also for a target that did not answer. */
  readonly updateStatus: number;
  /** The last BLOB Transfer status, 0x0 to 0xA. */
  readonly transferStatus: number;
  /** Percent of the image that the target is known to have, 0 to 100. */
  readonly progress: number;
  /** What applying does to the node, see `UpdateEffect`; undefined until the target said so. */
  readonly effect: number | undefined;
  /** Why this target has no part in the rest of the update. */
  readonly error: MeshError | undefined;
  /** Lost because it did not answer: takes part again when the update is resumed. */
  readonly timedOut: boolean;
  /** The firmware that it runs now, once confirmed. */
  readonly firmwareId: Uint8Array | undefined;
}

/** What an update is, without its image and its targets. */
export interface UpdatePlan {
  readonly appIndex: AppIndex;
  /** 0x00 to 0x7F, 0xFF for the Default TTL. */
  readonly ttl: number;
  /** Targets give up after 10·(base + 1) s of silence, this client after 10·(base + 2) s and 100 ms per hop. */
  readonly timeoutBase: number;
  /** Group or virtual address that the image goes to; absent: each target by unicast. */
  readonly group?: Address;
  /** The Label UUID (16 octets) when `group` is virtual. */
  readonly label?: Uint8Array;
  /** Absent: push when all targets can. */
  readonly mode?: 'push' | 'pull';
  /** 64 random bits, new for each update. */
  readonly blobId: bigint;
  /** 0 to 255 octets. */
  readonly metadata: Uint8Array;
  /** What a target must report after the update, 2 to 108 octets. */
  readonly firmwareId: Uint8Array;
  /** `verify` waits for {@link Update.apply} when the targets have verified the image. */
  readonly policy: 'verify' | 'apply';
  readonly settings?: 'auto' | 'stock';
  /** How long a target may verify, ms; default 120 000, never less than the client timeout. */
  readonly verifyMs?: number;
  /** How long a target may take from Apply to its new firmware, ms; default 180 000, never less than the client timeout. */
  readonly rebootMs?: number;
}

/** Everything that {@link FirmwareUpdateClient.update} needs. */
export interface UpdateParameters extends UpdatePlan {
  /** Each address once. */
  readonly receivers: readonly UpdateReceiver[];
  readonly source: BlobSource;
  /** What is known of the radio already; not stored. Default: what is usual. */
  readonly outlook?: RadioOutlook | undefined;
  /**
   * Goes on with the update that the store holds, `update({ ...client.saved(), source, resume: true }, …)`: image and
   * BLOB ID must be the same; `policy`, `settings` and the two limits of time may change, all else is as it was saved.
   */
  readonly resume?: boolean;
}

/** An update that was not finished, as the store holds it. */
export interface SavedUpdate extends UpdatePlan {
  readonly receivers: readonly UpdateReceiverState[];
  readonly phase: UpdateRunPhase;
  /** Octets of the image. */
  readonly size: number;
}

/** Where the whole update is. `canceling` ends in `done` as well. */
export type UpdateRunPhase =
  | 'starting'
  | 'transferring'
  | 'suspended'
  | 'refreshing'
  | 'verified'
  | 'applying'
  | 'confirming'
  | 'canceling'
  | 'done';

export type UpdateEvent =
  /** `error`: why it is suspended, when the cause is this node's: it cannot send, or the store fails. */
  | { readonly type: 'phase'; readonly phase: UpdateRunPhase; readonly error?: MeshError }
  /** Phase, status, effect or error of one target changed (progress alone does not tell: see `blob`). */
  | { readonly type: 'receiver'; readonly receiver: UpdateReceiverState }
  | { readonly type: 'blob'; readonly event: BlobEvent }
  /** The last event. `complete`: at least one target runs the new firmware; ask each receiver for its own error. */
  | { readonly type: 'done'; readonly outcome: 'complete' | 'failed' | 'cancelled' };

/** A running update. The methods that return a boolean say whether the phase allowed it. */
export interface Update {
  readonly phase: UpdateRunPhase;
  readonly receivers: readonly UpdateReceiverState[];
  /** Stops sending during the transfer; the targets fall asleep by their own timers. */
  suspend(): boolean;
  /**
   * Goes on after a suspension: Start again to all, then the blocks that are missing; after one that this node's own
   * trouble caused, where it stood.
   */
  resume(): boolean;
  /** Applies after `verified`; earlier it turns the policy `verify` into `apply`. */
  apply(): boolean;
  /** Tells all targets to forget the update; `done` (and the event) when they have answered or their time is over. */
  cancel(done?: () => void): void;
  /** Ends without a word to anybody and without an event: what the store holds can be resumed. */
  readonly stop: Cancel;
}
