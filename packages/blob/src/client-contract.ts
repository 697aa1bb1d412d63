import type { Address, AppIndex, Clock, Log, MeshError, Random, Store, Unicast } from '@meshferry/core';
import type { TransferMode } from './messages.ts';
import type { RadioOutlook } from './outlook.ts';
import type { BlobSource } from './sink.ts';

export interface BlobClientOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** A view of its own: what a transfer needs to be resumed by another process. Without it only this process can. */
  readonly store?: Store;
  readonly log?: Log;
  /** Default TTL of the node, for the timeout of transfers with TTL 0xFF. Default 5. */
  readonly defaultTtl?: number;
}

/** One receiver of a BLOB, by the address of the element that its BLOB Transfer Server stands on. */
export interface BlobReceiver {
  readonly address: Unicast;
  /** Takes no part: a Distributor that is its own target, a target that has the image. */
  readonly skip?: boolean;
  /**
   * A Low Power node (its composition data tells): it is given more time to answer, chunks in pull mode when it offers that,
   * and by itself. Who offers pull mode only counts as one anyway.
   */
  readonly lowPower?: boolean;
}

export interface BlobTransferParameters {
  /** 64 bits, random for each new content, kept for resuming. */
  readonly blobId: bigint;
  readonly source: BlobSource;
  readonly receivers: readonly BlobReceiver[];
  readonly appIndex: AppIndex;
  /** 0 to 0x7F, 0xFF for the Default TTL. */
  readonly ttl: number;
  /** Client Timeout Base: a silent receiver is lost after 10 × (base + 2) s + 100 ms × TTL. */
  readonly timeoutBase: number;
  /** Default: push, unless pull mode brings the BLOB to more receivers. */
  readonly mode?: TransferMode | undefined;
  /**
   * Group or virtual address that all receivers subscribe to; the last chunks that few of them miss go by unicast. Without
   * it each is addressed by unicast.
   */
  readonly group?: Address | undefined;
  /** The Label UUID, 16 octets, when `group` is virtual. */
  readonly label?: Uint8Array | undefined;
  /** `auto` adapts to what the radio does, `stock` does what other stacks do by default. Default `auto`. */
  readonly settings?: 'auto' | 'stock' | undefined;
  /** Blocks have 2^`blockSizeLog` octets, 6 to 32. Default: what keeps most receivers, of that the fastest. */
  readonly blockSizeLog?: number | undefined;
  /**
   * Octets of a chunk, 1 to 377. Default: what suits each block. Who does not take chunks of this size is lost; servers in
   * the field count the chunks of a full block also where the BLOB is shorter than one.
   */
  readonly chunkSize?: number | undefined;
  /** What is known of the radio already. Default: what is usual. */
  readonly outlook?: RadioOutlook | undefined;
  /** Go on where an earlier transfer of this BLOB stopped: only what the receivers report as missing is sent. */
  readonly resume?: boolean | undefined;
}

/** A step of the procedure: what a receiver was asked for, or sent. */
export type BlobStep = 'capabilities' | 'state' | 'start' | 'block start' | 'chunks' | 'confirm' | 'cancel';

/** What is known of one receiver. */
export interface BlobTargetState {
  readonly address: Unicast;
  readonly skip: boolean;
  /** One of {@link BlobStatus}: 0, or why it was lost; 9 (Internal Error) also for silence. */
  readonly status: number;
  /** Lost because it did not answer; becomes active again when the transfer is resumed. */
  readonly timedOut: boolean;
  readonly lost: boolean;
  /** Percent of the BLOB that it has acknowledged, 0 to 100. */
  readonly progress: number;
  /** Blocks that it holds. */
  readonly blocksDone: number;
  /** In which step it was lost. */
  readonly lostIn?: BlobStep | undefined;
  /**
   * Why it was lost, names the receiver, the step and its answer: `receiver-refused` by its status, `receiver-unfit` by its
   * capabilities, `receiver-silent`, `receiver-stuck`, `receiver-inconsistent` by an answer that cannot be.
   */
  readonly error?: MeshError | undefined;
}

/** What has been sent so far: chunk messages, those of them sent before already, octets of data in them. */
export interface BlobCounters {
  readonly sent: number;
  readonly resent: number;
  readonly bytes: number;
}

/** What a transfer tells while it runs. Numbers of blocks count from 0. */
export type BlobEvent =
  | {
      readonly type: 'capabilities';
      readonly mode: TransferMode;
      readonly blockSizeLog: number;
      readonly blocks: number;
      readonly maxChunkSize: number;
    }
  | { readonly type: 'block'; readonly number: number; readonly of: number; readonly chunkSize: number }
  | ({ readonly type: 'chunks' } & BlobCounters)
  | {
      readonly type: 'progress';
      /** Of the slowest receiver that is not lost, 0 to 100. */
      readonly percent: number;
      /** Octets that it has acknowledged. */
      readonly acknowledged: number;
      /** Until the transfer is complete, as far as can be told, s. */
      readonly secondsLeft?: number | undefined;
      readonly receivers: readonly BlobTargetState[];
    }
  | { readonly type: 'lost'; readonly receiver: BlobTargetState }
  | { readonly type: 'suspended'; readonly error?: MeshError | undefined }
  | {
      readonly type: 'done';
      /** `complete`: at least one receiver has the BLOB. */
      readonly outcome: 'complete' | 'failed' | 'cancelled';
      readonly receivers: readonly BlobTargetState[];
    };

/** A transfer of a client. */
export interface BlobTransfer {
  /** Sends nothing more until {@link resume}. Servers fall asleep by their own timer. */
  suspend(): void;
  /** Goes on after a suspension: receivers that fell silent take part again. */
  resume(): void;
  /** Ends it at the receivers too; `done` is called when they know it or have been silent for the client timeout. */
  cancel(done?: () => void): void;
  readonly receivers: readonly BlobTargetState[];
  readonly counters: BlobCounters;
}
