import { BlobPhase, type BlobServer, type BlobServerEvents } from '@meshferry/blob';
import {
  type Clock,
  encodeRecord,
  equal,
  type Log,
  MeshError,
  readRecord,
  type Store,
  type Timer,
  toMeshError,
} from '@meshferry/core';
import { DistributionStatus, UploadPhase, uploadPhaseName } from './distribution-codes.ts';
import type {
  FirmwareDistributionUploadOobStart,
  FirmwareDistributionUploadStart,
  FirmwareDistributionUploadStatus,
} from './distribution-image-messages.ts';
import type { SlotReservation, SlotStore } from './slot-store.ts';

/** What an upload stands on. */
export interface UploadGround {
  readonly clock: Clock;
  readonly store: Store;
  readonly blob: BlobServer;
  readonly slots: SlotStore;
  readonly log: Log;
  phaseChanged(phase: number): void;
}

/** The state of an upload as the store holds it; none in Idle. */
interface UploadRecord {
  readonly start: FirmwareDistributionUploadStart;
  readonly phase: number;
}

const KEY = 'upload';
const Status = DistributionStatus;
const Phase = UploadPhase;

/**
 * The way of an image into the slots of a Distributor, by BLOB transfer [MshDFU 1.0; firmware-distribution.md 2.3].
 * Requests return the status of their answer; what they changed is durable then.
 */
export class Upload {
  readonly #ground: UploadGround;
  #record: UploadRecord | undefined;
  #reservation: SlotReservation | undefined;
  /** Runs while nothing has come of the transfer yet: the BLOB server itself waits without end. */
  #waiting: Timer | undefined;

  constructor(ground: UploadGround) {
    this.#ground = ground;
    this.#record = readRecord<UploadRecord>(ground.store, KEY);
  }

  /** One of {@link UploadPhase}. */
  get phase(): number {
    return this.#record?.phase ?? Phase.idle;
  }

  /** Percent, 0 to 100. */
  get progress(): number {
    if (this.phase === Phase.transferSuccess) return 100;
    const { blob } = this.#ground;
    return blob.blobId !== undefined && blob.blobId === this.#record?.start.uploadBlobId
      ? Math.floor(blob.progress)
      : 0;
  }

  status(status: number): FirmwareDistributionUploadStatus {
    const isIdle = this.#record === undefined;
    return {
      status,
      phase: this.phase,
      uploadProgress: isIdle ? undefined : this.progress,
      uploadType: isIdle ? undefined : 'inBand',
      firmwareId: this.#record?.start.firmwareId,
    };
  }

  start(start: FirmwareDistributionUploadStart): number {
    const isSame = this.#record !== undefined && isSameUpload(this.#record.start, start);
    if (this.phase === Phase.transferActive) return isSame ? Status.success : Status.busyWithUpload;
    try {
      if (this.#ground.slots.indexOf(start.firmwareId) >= 0) {
        this.#giveUp();
        this.#enter(start, Phase.transferSuccess);
        return Status.success;
      }
      if (this.phase === Phase.transferError && isSame && this.#resume(start)) return Status.success;
      return this.#begin(start);
    } catch (thrown) {
      this.#ground.log('error', 'the upload cannot be started', toMeshError(thrown).toJSON());
      return Status.internalError;
    }
  }

  /** Out-of-band retrieval is not in the capabilities, so that no scheme is supported. */
  oobStart({ uploadUri }: FirmwareDistributionUploadOobStart): number {
    if (this.phase === Phase.transferActive) return Status.busyWithUpload;
    return /^[a-z][a-z0-9+.-]*:./i.test(uploadUri) ? Status.uriNotSupported : Status.uriMalformed;
  }

  cancel(): number {
    if (this.#record === undefined) return Status.success;
    this.#giveUp();
    this.#record = undefined;
    this.#ground.store.batch([[KEY, null]]);
    this.#told(Phase.idle);
    return Status.success;
  }

  /** After power-on: what has come stays, the Initiator goes on with the same Upload Start. */
  recover(): void {
    const { blob, slots } = this.#ground;
    const record = this.#record;
    const isOpen = record?.phase === Phase.transferActive || record?.phase === Phase.transferError;
    for (const reservation of slots.reservations) {
      if (isOpen && equal(reservation.image.firmwareId, record.start.firmwareId)) this.#reservation = reservation;
      else reservation.release();
    }
    if (!isOpen) {
      blob.cancel();
      return;
    }
    // The power may have failed between the last block and the commit, or between the commit and the change of phase.
    if (slots.indexOf(record.start.firmwareId) >= 0 || this.#reservation?.commit() === true) {
      this.#giveUp();
      this.#enter(record.start, Phase.transferSuccess);
      return;
    }
    const isRecovered = this.#reservation !== undefined && blob.recover(this.#reservation.sink, this.#events());
    if (!isRecovered) this.#giveUp();
    if (isRecovered && blob.phase === BlobPhase.waitingForTransferStart && record.phase === Phase.transferActive)
      this.#wait(record.start.uploadTimeoutBase);
    else if (record.phase === Phase.transferActive) this.#enter(record.start, Phase.transferError);
  }

  close(): void {
    this.#waiting?.cancel();
  }

  #begin(start: FirmwareDistributionUploadStart): number {
    const { blob, slots, log } = this.#ground;
    const { uploadFirmwareSize: size, firmwareId, metadata } = start;
    if (size === 0) return Status.internalError;
    if (size > blob.capabilities.maxBlobSize) return Status.insufficientResources;
    const reservation = slots.reserve({ firmwareId, metadata, size }, this.#reservation);
    if (reservation instanceof MeshError) {
      log('info', `upload refused: ${reservation.message}`);
      return Status.insufficientResources;
    }
    this.#giveUp();
    const refusal = this.#expect(start, reservation);
    if (refusal === undefined) return Status.success;
    reservation.release();
    log('error', `upload refused: ${refusal.message}`);
    return Status.internalError;
  }

  /** The BLOB server keeps what has come until the client asks it to go on. */
  #resume(start: FirmwareDistributionUploadStart): boolean {
    const { blob } = this.#ground;
    if (this.#reservation === undefined) return false;
    const isUnfinished = blob.phase !== BlobPhase.inactive && blob.phase !== BlobPhase.complete;
    if (isUnfinished && blob.blobId === start.uploadBlobId) {
      this.#enter(start, Phase.transferActive);
      this.#wait(start.uploadTimeoutBase);
      return true;
    }
    return this.#expect(start, this.#reservation) === undefined;
  }

  #expect(start: FirmwareDistributionUploadStart, reservation: SlotReservation): MeshError | undefined {
    const error = this.#ground.blob.expect(start.uploadBlobId, {
      ttl: start.uploadTtl,
      timeoutBase: start.uploadTimeoutBase,
      sink: reservation.sink,
      events: this.#events(),
    });
    if (error !== undefined) return error;
    this.#reservation = reservation;
    this.#enter(start, Phase.transferActive);
    this.#wait(start.uploadTimeoutBase);
    return undefined;
  }

  #events(): BlobServerEvents {
    return {
      started: () => this.#goesOn(),
      resumed: () => this.#goesOn(),
      complete: () => this.#complete(),
      suspended: () => this.#enterIfOpen(Phase.transferError),
      failed: (error) => {
        this.#ground.log('warn', `upload failed: ${error.message}`);
        this.#enterIfOpen(Phase.transferError);
      },
    };
  }

  /** The client may come back to a transfer by itself, without another Upload Start. */
  #goesOn(): void {
    this.#waiting?.cancel();
    this.#enterIfOpen(Phase.transferActive);
  }

  #complete(): void {
    this.#waiting?.cancel();
    let isStored = false;
    try {
      isStored = this.#reservation?.commit() === true;
    } catch (thrown) {
      this.#ground.log('error', 'the image could not be committed', toMeshError(thrown).toJSON());
    }
    if (isStored) this.#reservation = undefined;
    this.#enterIfOpen(isStored ? Phase.transferSuccess : Phase.transferError);
  }

  /** Who announces an image and then sends nothing must not block the others for ever. */
  #wait(timeoutBase: number): void {
    this.#waiting?.cancel();
    this.#waiting = this.#ground.clock.after(10_000 * (timeoutBase + 1), () => {
      this.#enterIfOpen(Phase.transferError);
    });
  }

  /** Frees the place that is reserved, and the BLOB server. */
  #giveUp(): void {
    this.#waiting?.cancel();
    this.#ground.blob.cancel();
    this.#reservation?.release();
    this.#reservation = undefined;
  }

  #enterIfOpen(phase: number): void {
    const { phase: before } = this;
    if (this.#record === undefined || before === phase) return;
    if (before === Phase.transferActive || before === Phase.transferError) this.#enter(this.#record.start, phase);
  }

  #enter(start: FirmwareDistributionUploadStart, phase: number): void {
    this.#record = { start, phase };
    this.#ground.store.batch([[KEY, encodeRecord(this.#record)]]);
    this.#told(phase);
  }

  #told(phase: number): void {
    this.#ground.log('info', `Upload Phase ${uploadPhaseName(phase)}`);
    this.#ground.phaseChanged(phase);
  }
}

function isSameUpload(a: FirmwareDistributionUploadStart, b: FirmwareDistributionUploadStart): boolean {
  return (
    a.uploadTtl === b.uploadTtl &&
    a.uploadTimeoutBase === b.uploadTimeoutBase &&
    a.uploadBlobId === b.uploadBlobId &&
    a.uploadFirmwareSize === b.uploadFirmwareSize &&
    equal(a.metadata, b.metadata) &&
    equal(a.firmwareId, b.firmwareId)
  );
}
