import type { BlobSource } from '@meshferry/blob';
import { type Clock, type Random, type Store, toMeshError } from '@meshferry/core';
import { type CryptoProvider, virtualAddress } from '@meshferry/crypto';
import { DistributionPhase, DistributionStatus } from './distribution-codes.ts';
import type { FirmwareDistributionStart, FirmwareDistributionStatus } from './distribution-messages.ts';
import {
  type DistributionRecord,
  DistributionState,
  distributionStatus,
  isSameDistribution,
} from './distribution-record.ts';
import { type DistributionUpdateGround, hasAppKey, launchUpdate } from './distribution-update.ts';
import type { StoredImage } from './slot-store.ts';
import type { Update, UpdateEvent, UpdateRunPhase } from './update-types.ts';

/** What a distribution stands on. */
export interface DistributionGround extends DistributionUpdateGround {
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: CryptoProvider;
  readonly store: Store;
  phaseChanged(phase: number): void;
}

/** Between two times that the progress of all receivers is stored, ms at least. */
const KEEP_PROGRESS_MS = 30_000;
const Phase = DistributionPhase;
const Status = DistributionStatus;
/** After trouble of this node in Applying Update it tries again after so long, ms. */
const APPLY_AGAIN_MS = 10_000;

/**
 * The distribution of one image to the receivers in the list: the phases of the Distributor over the steps of a firmware
 * update [MshDFU 1.0; firmware-distribution.md 2.1 and 2.2]. Requests return the status of their answer; what they
 * changed is durable then.
 */
export class Distribution {
  readonly #ground: DistributionGround;
  readonly #state: DistributionState;
  /** Absent after a power cut until it is needed: Transfer Success and Transfer Suspended wait without it. */
  #update: Update | undefined;
  /** The image as it is sent by this process. */
  #image: BlobSource | undefined;
  #progressKeptAt = 0;
  #whenIdle: (() => void) | undefined;

  constructor(ground: DistributionGround) {
    this.#ground = ground;
    this.#state = new DistributionState(ground.store, ground.log, ground.phaseChanged);
  }

  /** One of {@link DistributionPhase}. */
  get phase(): number {
    return this.#state.phase;
  }

  /** What is being sent to the receivers. */
  get sending(): { readonly image: StoredImage; readonly octets: BlobSource } | undefined {
    const image = this.#state.record && this.#ground.slots.images[this.#state.record.parameters.imageIndex];
    return image && this.#image && { image, octets: this.#image };
  }

  status(status: number): FirmwareDistributionStatus {
    return distributionStatus(status, this.#state.record);
  }

  /** The checks stand in the order of the specification: what is asked for first, then the phase. */
  start(start: FirmwareDistributionStart): number {
    if (this.#ground.receivers.count === 0) return Status.receiversListEmpty;
    if (!hasAppKey(this.#ground.updates, start.appKeyIndex)) return Status.invalidAppKeyIndex;
    if (this.#ground.slots.images[start.imageIndex] === undefined) return Status.firmwareNotFound;
    const isSame = this.#state.record !== undefined && isSameDistribution(this.#state.record.parameters, start);
    switch (this.phase) {
      case Phase.idle:
      case Phase.failed:
        return this.#begin(start);
      case Phase.completed:
        return isSame ? Status.success : this.#begin(start);
      case Phase.transferSuspended:
        return isSame ? this.#resume() : Status.busyWithDistribution;
      case Phase.cancelingUpdate:
        return Status.busyWithDistribution;
      default:
        return isSame ? Status.success : Status.busyWithDistribution;
    }
  }

  suspend(): number {
    if (this.phase === Phase.transferSuspended) return Status.success;
    if (this.phase !== Phase.transferActive) return Status.wrongPhase;
    // Only the sending of blocks can pause.
    if (this.#update?.suspend() !== true) return Status.suspendFailed;
    this.#state.enterPhase(Phase.transferSuspended);
    return Status.success;
  }

  apply(): number {
    if (this.phase === Phase.applyingUpdate || this.phase === Phase.completed) return Status.success;
    if (this.phase !== Phase.transferSuccess) return Status.wrongPhase;
    if (this.#revived()?.apply() !== true) return Status.internalError;
    this.#state.enterPhase(Phase.applyingUpdate);
    return Status.success;
  }

  /** `whenIdle`: the distribution that was being cancelled is. Not called when it was Idle, Completed or Failed. */
  cancel(whenIdle: () => void): number {
    switch (this.phase) {
      case Phase.idle:
      case Phase.cancelingUpdate:
        break;
      case Phase.completed:
      case Phase.failed:
        this.forget();
        break;
      default:
        this.#whenIdle = whenIdle;
        this.#cancel();
    }
    return Status.success;
  }

  /** From Completed or Failed to Idle. */
  forget(): void {
    this.#state.enter(undefined);
  }

  /** After power-on [firmware-distribution.md 2.5]. `resume`: a transfer that was active goes on by itself. */
  recover(resume: boolean): void {
    switch (this.phase) {
      case Phase.transferActive:
        this.#state.enterPhase(Phase.transferSuspended);
        if (resume) this.#resume();
        break;
      case Phase.applyingUpdate:
        this.#recoverApplying();
        break;
      case Phase.cancelingUpdate:
        this.#cancel();
        break;
      default:
    }
  }

  /** Stops without a word to anybody: the store has all that the next run needs. */
  close(): void {
    this.#update?.stop();
    this.#update = undefined;
  }

  #begin(parameters: FirmwareDistributionStart): number {
    const { random, crypto, receivers, log } = this.#ground;
    const { multicast, imageIndex } = parameters;
    if (!this.#openImage(imageIndex)) return Status.internalError;
    const record: DistributionRecord = {
      parameters,
      multicastAddress: typeof multicast === 'number' ? multicast : virtualAddress(crypto, multicast),
      blobId: new DataView(random.bytes(8).slice().buffer).getBigUint64(0),
      phase: Phase.transferActive,
    };
    const update = this.#launch(record, false);
    if (update === undefined) {
      this.#image = undefined;
      return Status.internalError;
    }
    try {
      receivers.reset();
      this.#follow(update);
      this.#state.enter(record);
    } catch (thrown) {
      log('error', 'the distribution could not be stored', toMeshError(thrown).toJSON());
      update.stop();
      this.#update = undefined;
      this.#image = undefined;
      return Status.internalError;
    }
    return Status.success;
  }

  #resume(): number {
    const { imageIndex } = (this.#state.record as DistributionRecord).parameters;
    if (this.#image === undefined && !this.#openImage(imageIndex)) return Status.internalError;
    this.#state.enterPhase(Phase.transferActive);
    // An update that is taken up from the store resumes by itself.
    const isResumed = this.#update === undefined ? this.#revived() !== undefined : this.#update.resume();
    if (isResumed) return Status.success;
    this.#state.followPhase(Phase.transferSuspended);
    return Status.internalError;
  }

  /** The octets that are sent are those that were hashed: they stay in memory as long as the distribution. */
  #openImage(imageIndex: number): boolean {
    this.#image = this.#ground.slots.intact(imageIndex);
    if (this.#image !== undefined) return true;
    this.#ground.log('error', 'the stored image is damaged, it is not distributed', { imageIndex });
    return false;
  }

  #cancel(): void {
    this.#state.enterPhase(Phase.cancelingUpdate);
    const update = this.#hasSaved() || this.#update !== undefined ? this.#revived() : undefined;
    if (update !== undefined) update.cancel();
    // Nothing is known of what the targets were told: their own timers end it.
    else this.#ground.clock.after(0, () => this.#ended('cancelled'));
  }

  #recoverApplying(): void {
    const update = this.#hasSaved() ? this.#revived() : undefined;
    if (update !== undefined) {
      // The power may have failed before the update heard of Apply.
      update.apply();
      return;
    }
    this.#ended(this.#ground.receivers.hasUpdated ? 'complete' : 'failed');
  }

  /** The update, taken up from the store when this process has not begun it. */
  #revived(): Update | undefined {
    if (this.#update !== undefined || this.#state.record === undefined) return this.#update;
    const update = this.#launch(this.#state.record, this.#hasSaved());
    if (update !== undefined) this.#follow(update);
    return update;
  }

  #hasSaved(): boolean {
    return this.#state.record !== undefined && this.#ground.updates.saved()?.blobId === this.#state.record.blobId;
  }

  #launch(record: DistributionRecord, resume: boolean): Update | undefined {
    const { slots } = this.#ground;
    const { imageIndex } = record.parameters;
    if (slots.images[imageIndex] === undefined) return undefined;
    // Who applies or cancels sends nothing of it.
    const image = this.#image ?? slots.source(imageIndex);
    const update = launchUpdate(this.#ground, record, image, resume, (event) => {
      if (this.#update === update) this.#take(event);
    });
    return update;
  }

  #follow(update: Update): void {
    this.#update = update;
    this.#ground.receivers.follow(update.receivers);
  }

  #take(event: UpdateEvent): void {
    const { receivers } = this.#ground;
    if (event.type === 'phase') this.#takePhase(event.phase);
    else if (event.type === 'receiver') this.#state.attempt(() => receivers.keep(event.receiver.address));
    else if (event.type === 'blob' && event.event.type === 'block') this.#keepProgress(KEEP_PROGRESS_MS);
    else if (event.type === 'done') this.#ended(event.outcome);
  }

  /** The progress of tens of thousands is written now and then only: a power cut costs the figure, not the blocks. */
  #keepProgress(afterMs: number): void {
    const { clock, receivers } = this.#ground;
    if (clock.now - this.#progressKeptAt < afterMs) return;
    this.#progressKeptAt = clock.now;
    this.#state.attempt(() => receivers.keepAll());
  }

  /** Forward only: an update that was taken up again passes through phases that lie behind. */
  #takePhase(phase: UpdateRunPhase): void {
    const isActive = this.phase === Phase.transferActive;
    if (phase === 'suspended' && isActive) {
      this.#keepProgress(0);
      this.#state.followPhase(Phase.transferSuspended);
    } else if (phase === 'verified' && isActive && this.#state.record?.parameters.updatePolicy === 'verifyOnly')
      this.#state.followPhase(Phase.transferSuccess);
    else if (phase === 'applying' && isActive) this.#state.followPhase(Phase.applyingUpdate);
    else if (phase === 'suspended' && this.phase === Phase.applyingUpdate) this.#applyLater();
  }

  /** This node could not send or store: nobody else can help it out of Applying Update. */
  #applyLater(): void {
    const update = this.#update;
    this.#ground.clock.after(APPLY_AGAIN_MS, () => {
      if (this.#update === update && this.phase === Phase.applyingUpdate) update?.resume();
    });
  }

  #ended(outcome: 'complete' | 'failed' | 'cancelled'): void {
    this.#update = undefined;
    this.#image = undefined;
    this.#state.attempt(() => this.#ground.receivers.unfollow());
    if (outcome === 'cancelled' || this.phase === Phase.cancelingUpdate) {
      this.#state.follow(undefined);
      const whenIdle = this.#whenIdle;
      this.#whenIdle = undefined;
      whenIdle?.();
    } else this.#state.followPhase(outcome === 'complete' ? Phase.completed : Phase.failed);
  }
}
