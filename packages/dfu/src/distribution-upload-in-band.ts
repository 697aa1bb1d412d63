import { BlobPhase, type BlobServerEvents } from '@meshferry/blob';
import { MeshError, type Timer, toMeshError } from '@meshferry/core';
import { DistributionStatus, UploadPhase } from './distribution-codes.ts';
import type { FirmwareDistributionUploadStart } from './distribution-image-messages.ts';
import type { InBandRecord, UploadGround, UploadState } from './distribution-upload-state.ts';
import type { SlotReservation } from './slot-store.ts';

const Status = DistributionStatus;
const Phase = UploadPhase;

/** An upload that comes by BLOB transfer to the server of the same element [firmware-distribution.md 2.3]. */
export class InBandUpload {
  readonly #ground: UploadGround;
  readonly #state: UploadState;
  /** Runs while nothing has come of the transfer yet: the BLOB server itself waits without end. */
  #waiting: Timer | undefined;

  constructor(ground: UploadGround, state: UploadState) {
    this.#ground = ground;
    this.#state = state;
  }

  /** Percent of the image that is here, 0 to 100. */
  progress({ start }: InBandRecord): number {
    const { blob } = this.#ground;
    return blob.blobId === start.uploadBlobId ? Math.floor(blob.progress) : 0;
  }

  /** A new transfer in place of whatever the state holds. Returns the status of the answer; throws `store-failed`. */
  begin(start: FirmwareDistributionUploadStart): number {
    const { blob, slots, log } = this.#ground;
    const { uploadFirmwareSize: size, firmwareId, metadata } = start;
    if (size === 0) return Status.internalError;
    if (size > blob.capabilities.maxBlobSize) return Status.insufficientResources;
    const reservation = slots.reserve({ firmwareId, metadata, size }, this.#state.reservation);
    if (reservation instanceof MeshError) {
      log('info', `upload refused: ${reservation.message}`);
      return Status.insufficientResources;
    }
    this.stop();
    const refusal = this.#expect(start, reservation);
    if (refusal === undefined) return Status.success;
    this.#state.release();
    log('error', `upload refused: ${refusal.message}`);
    return Status.internalError;
  }

  /**
   * From Transfer Error with the same Upload Start: the BLOB server keeps what has come until the client asks it to go on.
   * False when there is nothing to go on with.
   */
  resume(start: FirmwareDistributionUploadStart): boolean {
    const { blob } = this.#ground;
    const { reservation } = this.#state;
    if (reservation === undefined) return false;
    const isUnfinished = blob.phase !== BlobPhase.inactive && blob.phase !== BlobPhase.complete;
    if (isUnfinished && blob.blobId === start.uploadBlobId) {
      this.#enter(start);
      return true;
    }
    return this.#expect(start, reservation) === undefined;
  }

  /** After power-on: what has come stays, the Initiator goes on with the same Upload Start. */
  recover({ start, phase }: InBandRecord): void {
    const { blob } = this.#ground;
    const { reservation } = this.#state;
    // The power may have failed between the last block and the commit.
    if (reservation?.commit() === true) {
      this.#state.reservation = undefined;
      this.stop();
      this.#state.move(Phase.transferSuccess);
      return;
    }
    const isRecovered = reservation !== undefined && blob.recover(reservation.sink, this.#events());
    if (!isRecovered) {
      this.stop();
      this.#state.release();
    }
    const isExpected = isRecovered && blob.phase === BlobPhase.waitingForTransferStart;
    if (isExpected && phase === Phase.transferActive) this.#wait(start.uploadTimeoutBase);
    else this.#state.move(Phase.transferError);
  }

  /** Ends the BLOB transfer; the place of the image stays. */
  stop(): void {
    this.close();
    const { blob } = this.#ground;
    if (blob.phase !== BlobPhase.inactive) blob.cancel();
  }

  /** Stops the timer alone: the store has all that the next run needs. */
  close(): void {
    this.#waiting?.cancel();
  }

  #expect(start: FirmwareDistributionUploadStart, reservation: SlotReservation): MeshError | undefined {
    this.#state.reservation = reservation;
    const error = this.#ground.blob.expect(start.uploadBlobId, {
      ttl: start.uploadTtl,
      timeoutBase: start.uploadTimeoutBase,
      sink: reservation.sink,
      events: this.#events(),
    });
    if (error === undefined) this.#enter(start);
    return error;
  }

  #enter(start: FirmwareDistributionUploadStart): void {
    this.#state.enter({ kind: 'inBand', start, phase: Phase.transferActive });
    this.#wait(start.uploadTimeoutBase);
  }

  #events(): BlobServerEvents {
    return {
      started: () => this.#goesOn(),
      resumed: () => this.#goesOn(),
      complete: () => this.#complete(),
      suspended: () => this.#state.move(Phase.transferError),
      failed: (error) => {
        this.close();
        this.#ground.log('warn', `upload failed: ${error.message}`);
        this.#state.move(Phase.transferError);
      },
    };
  }

  /** The client may come back to a transfer by itself, without another Upload Start. */
  #goesOn(): void {
    this.close();
    this.#state.move(Phase.transferActive);
  }

  #complete(): void {
    this.close();
    let isStored = false;
    try {
      isStored = this.#state.reservation?.commit() === true;
    } catch (thrown) {
      this.#ground.log('error', 'the image could not be committed', toMeshError(thrown).toJSON());
    }
    if (isStored) this.#state.reservation = undefined;
    this.#state.move(isStored ? Phase.transferSuccess : Phase.transferError);
  }

  /** Who announces an image and then sends nothing must not block the others for ever. */
  #wait(timeoutBase: number): void {
    this.#waiting?.cancel();
    this.#waiting = this.#ground.clock.after(10_000 * (timeoutBase + 1), () => {
      this.#state.move(Phase.transferError);
    });
  }
}
