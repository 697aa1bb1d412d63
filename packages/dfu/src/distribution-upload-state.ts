import type { BlobServer } from '@meshferry/blob';
import { type Clock, encodeRecord, type Log, readRecord, type Store, toMeshError } from '@meshferry/core';
import { UploadPhase, uploadPhaseName } from './distribution-codes.ts';
import type { FirmwareDistributionUploadStart } from './distribution-image-messages.ts';
import type { OobOffer, OobRequest, OobRetriever } from './distribution-oob.ts';
import type { SlotReservation, SlotStore } from './slot-store.ts';

/** What an upload stands on. */
export interface UploadGround {
  readonly clock: Clock;
  readonly store: Store;
  readonly blob: BlobServer;
  readonly slots: SlotStore;
  readonly log: Log;
  /** For uploads out of band; without it there are none. */
  readonly oob: OobRetriever | undefined;
  /** Whether images may leave the list: not while a distribution knows one by its index. */
  mayDelete(): boolean;
  phaseChanged(phase: number): void;
}

/** An upload by BLOB transfer. */
export interface InBandRecord {
  readonly kind: 'inBand';
  readonly start: FirmwareDistributionUploadStart;
  readonly phase: number;
}

/** An upload that the Distributor fetches by itself. */
export interface OobRecord {
  readonly kind: 'oob';
  readonly request: OobRequest;
  readonly offer: OobOffer;
  readonly phase: number;
}

/** The state of an upload as the store holds it; none in Idle. */
export type UploadRecord = InBandRecord | OobRecord;

const KEY = 'upload';
const Phase = UploadPhase;

/** The one upload of a Distributor, in band or out of band: its durable state, and the place that is kept for its image. */
export class UploadState {
  /** The image's place in the slots until it is committed. */
  reservation: SlotReservation | undefined;
  readonly #ground: UploadGround;
  #record: UploadRecord | undefined;

  constructor(ground: UploadGround) {
    this.#ground = ground;
    this.#record = readRecord<UploadRecord>(ground.store, KEY);
  }

  get record(): UploadRecord | undefined {
    return this.#record;
  }

  /** One of {@link UploadPhase}. */
  get phase(): number {
    return this.#record?.phase ?? Phase.idle;
  }

  /** Durable before it is told; after a failure of the store everything is as it was. Throws `store-failed`. */
  enter(record: UploadRecord | undefined): void {
    this.#save(record);
    this.#take(record);
  }

  /**
   * Another phase of the upload that is active or may be resumed; nothing otherwise. What has happened counts also when the
   * store refuses it: then only a power cut would cost it.
   */
  move(phase: number): void {
    const record = this.#record;
    if (record === undefined || record.phase === phase) return;
    if (record.phase !== Phase.transferActive && record.phase !== Phase.transferError) return;
    const moved = { ...record, phase };
    try {
      this.#save(moved);
    } catch (thrown) {
      this.#ground.log('error', 'the upload could not be stored', toMeshError(thrown).toJSON());
    }
    this.#take(moved);
  }

  /** The place is free for other images. */
  release(): void {
    this.reservation?.release();
    this.reservation = undefined;
  }

  /** The same when there is nobody to tell that the store refuses: what is left of it is cleared at the next power-on. */
  tryRelease(): void {
    try {
      this.release();
    } catch (thrown) {
      this.#ground.log('error', 'the place of an image could not be freed', toMeshError(thrown).toJSON());
    }
  }

  #save(record: UploadRecord | undefined): void {
    this.#ground.store.batch([[KEY, record === undefined ? null : encodeRecord(record)]]);
  }

  #take(record: UploadRecord | undefined): void {
    this.#record = record;
    this.#ground.log('info', `Upload Phase ${uploadPhaseName(this.phase)}`);
    this.#ground.phaseChanged(this.phase);
  }
}
