import { equal, MeshError, toHex, toMeshError } from '@meshferry/core';
import { DistributionStatus, UploadPhase } from './distribution-codes.ts';
import type {
  FirmwareDistributionUploadOobStart,
  FirmwareDistributionUploadStart,
  FirmwareDistributionUploadStatus,
} from './distribution-image-messages.ts';
import { InBandUpload } from './distribution-upload-in-band.ts';
import { OobUpload } from './distribution-upload-oob.ts';
import { type UploadGround, type UploadRecord, UploadState } from './distribution-upload-state.ts';

const Status = DistributionStatus;
const Phase = UploadPhase;

/**
 * The way of an image into the slots of a Distributor, by BLOB transfer or fetched by itself [MshDFU 1.0;
 * firmware-distribution.md 2.3 and 2.4]. One upload at a time. Requests give the status of their answer; what they
 * changed is durable then.
 */
export class Upload {
  readonly #ground: UploadGround;
  readonly #state: UploadState;
  readonly #inBand: InBandUpload;
  readonly #oob: OobUpload;

  constructor(ground: UploadGround) {
    this.#ground = ground;
    this.#state = new UploadState(ground);
    this.#inBand = new InBandUpload(ground, this.#state);
    this.#oob = new OobUpload(ground, this.#state, {
      isStored: (firmwareId) => this.#isStored(firmwareId),
      supersede: () => this.#inBand.stop(),
    });
  }

  /** One of {@link UploadPhase}. */
  get phase(): number {
    return this.#state.phase;
  }

  /** Percent, 0 to 100. */
  get progress(): number {
    const { record, phase } = this.#state;
    if (phase === Phase.transferSuccess) return 100;
    if (record === undefined) return 0;
    return record.kind === 'oob' ? this.#oob.progress : this.#inBand.progress(record);
  }

  status(status: number): FirmwareDistributionUploadStatus {
    const { record } = this.#state;
    return {
      status,
      phase: this.phase,
      uploadProgress: record === undefined ? undefined : this.progress,
      uploadType: record?.kind,
      firmwareId: record && firmwareIdOf(record),
    };
  }

  start(start: FirmwareDistributionUploadStart): number {
    const { record, phase } = this.#state;
    const isSame = record?.kind === 'inBand' && isSameUpload(record.start, start);
    if (phase === Phase.transferActive) return isSame ? Status.success : Status.busyWithUpload;
    if (this.#oob.isChecking) return Status.busyWithUpload;
    return this.#settled(() => {
      if (this.#isStored(start.firmwareId)) {
        this.#giveUp();
        this.#state.enter({ kind: 'inBand', start, phase: Phase.transferSuccess });
        return Status.success;
      }
      if (phase === Phase.transferError && isSame && this.#inBand.resume(start)) return Status.success;
      return this.#inBand.begin(start);
    });
  }

  /** `answer` is told the status when it is known; never when a check runs already, or when this one is cancelled. */
  oobStart(
    { uploadUri, currentFirmwareId }: FirmwareDistributionUploadOobStart,
    answer: (status: number) => void,
  ): void {
    const { record, phase } = this.#state;
    const request = { uri: uploadUri, current: currentFirmwareId };
    if (phase === Phase.transferActive) {
      const isSame =
        record?.kind === 'oob' && record.request.uri === request.uri && equal(record.request.current, request.current);
      answer(isSame ? Status.success : Status.busyWithUpload);
      return;
    }
    if (!this.#oob.isChecking) this.#oob.check(request, answer);
  }

  cancel(): number {
    this.#oob.stop();
    if (this.#state.record === undefined) return Status.success;
    return this.#settled(() => {
      this.#giveUp();
      this.#state.enter(undefined);
      return Status.success;
    });
  }

  /** After power-on: takes up what the power cut interrupted. */
  recover(): void {
    const { slots } = this.#ground;
    const { record, phase } = this.#state;
    const isOpen = phase === Phase.transferActive || phase === Phase.transferError;
    const imageId = record && (record.kind === 'oob' ? record.offer.firmwareId : record.start.firmwareId);
    for (const reservation of slots.reservations) {
      if (isOpen && imageId !== undefined && equal(reservation.image.firmwareId, imageId))
        this.#state.reservation = reservation;
      else reservation.release();
    }
    if (record === undefined || imageId === undefined || !isOpen) this.#inBand.stop();
    // The power may have failed between the commit and the change of phase.
    else if (slots.indexOf(imageId) >= 0) {
      this.#giveUp();
      this.#state.move(Phase.transferSuccess);
    } else if (record.kind === 'oob') this.#oob.recover(record);
    else this.#inBand.recover(record);
  }

  /** Stops without a word to anybody: the store has all that the next run needs. */
  close(): void {
    this.#inBand.close();
    this.#oob.stop();
  }

  /** A damaged image makes way for a good one, unless a distribution depends on its place in the list. */
  #isStored(firmwareId: Uint8Array): boolean {
    const { slots, log } = this.#ground;
    const index = slots.indexOf(firmwareId);
    if (index < 0) return false;
    if (slots.intact(index) !== undefined) return true;
    if (!this.#ground.mayDelete()) {
      throw new MeshError('image-damaged', `the stored image ${toHex(firmwareId)} is damaged`, {
        hint: 'Cancel the distribution of it, then upload it again.',
      });
    }
    log('warn', 'the stored image is damaged, it is taken anew', { firmwareId: toHex(firmwareId) });
    slots.delete(index);
    return false;
  }

  /** What the store refuses is no fault of the request, but its end. */
  #settled(change: () => number): number {
    try {
      return change();
    } catch (thrown) {
      this.#ground.log('error', 'the upload cannot be changed', toMeshError(thrown).toJSON());
      this.#inBand.stop();
      this.#state.tryRelease();
      return Status.internalError;
    }
  }

  #giveUp(): void {
    this.#inBand.stop();
    this.#oob.stop();
    this.#state.release();
  }
}

/** In band that of the image, out of band the current one of the request. */
function firmwareIdOf(record: UploadRecord): Uint8Array {
  return record.kind === 'oob' ? record.request.current : record.start.firmwareId;
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
