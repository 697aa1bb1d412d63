import { type Clock, type Log, type Random, type Store, toMeshError, type Unicast } from '@meshferry/core';
import { type CryptoProvider, virtualAddress } from '@meshferry/crypto';
import { DistributionPhase, DistributionStatus, distributionPhaseName } from './distribution-codes.ts';
import type { FirmwareDistributionStart, FirmwareDistributionStatus } from './distribution-messages.ts';
import {
  type DistributionRecord,
  distributionStatus,
  isSameDistribution,
  loadDistribution,
  saveDistribution,
} from './distribution-record.ts';
import type { ReceiversList } from './receivers-list.ts';
import type { SlotStore } from './slot-store.ts';
import type { FirmwareUpdateClient } from './update-client.ts';
import { UpdatePhase } from './update-codes.ts';
import type { Update, UpdateEvent, UpdateRunPhase } from './update-types.ts';

/** What a distribution stands on. */
export interface DistributionGround {
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: CryptoProvider;
  readonly store: Store;
  readonly updates: FirmwareUpdateClient;
  readonly slots: SlotStore;
  readonly receivers: ReceiversList;
  readonly settings: 'auto' | 'stock' | undefined;
  readonly log: Log;
  isSelf(address: Unicast): boolean;
  phaseChanged(phase: number): void;
}

const Phase = DistributionPhase;
const Status = DistributionStatus;

/**
 * The distribution of one image to the receivers in the list: the phases of the Distributor over the steps of a firmware
 * update [MshDFU 1.0; firmware-distribution.md 2.1 and 2.2]. Requests return the status of their answer; what they
 * changed is durable then.
 */
export class Distribution {
  readonly #ground: DistributionGround;
  #record: DistributionRecord | undefined;
  /** Absent after a power cut until it is needed: Transfer Success and Transfer Suspended wait without it. */
  #update: Update | undefined;
  #whenIdle: (() => void) | undefined;

  constructor(ground: DistributionGround) {
    this.#ground = ground;
    this.#record = loadDistribution(ground.store);
  }

  /** One of {@link DistributionPhase}. */
  get phase(): number {
    return this.#record?.phase ?? Phase.idle;
  }

  status(status: number): FirmwareDistributionStatus {
    return distributionStatus(status, this.#record);
  }

  /** The checks stand in the order of the specification: what is asked for first, then the phase. */
  start(start: FirmwareDistributionStart): number {
    if (this.#ground.receivers.count === 0) return Status.receiversListEmpty;
    if (!this.#hasAppKey(start.appKeyIndex)) return Status.invalidAppKeyIndex;
    if (this.#ground.slots.images[start.imageIndex] === undefined) return Status.firmwareNotFound;
    const isSame = this.#record !== undefined && isSameDistribution(this.#record.parameters, start);
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
    this.#enter(Phase.transferSuspended);
    return Status.success;
  }

  apply(): number {
    if (this.phase === Phase.applyingUpdate || this.phase === Phase.completed) return Status.success;
    if (this.phase !== Phase.transferSuccess) return Status.wrongPhase;
    if (this.#revived()?.apply() !== true) return Status.internalError;
    this.#enter(Phase.applyingUpdate);
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
    this.#record = undefined;
    saveDistribution(this.#ground.store, undefined);
    this.#told(Phase.idle);
  }

  /** After power-on [firmware-distribution.md 2.5]. `resume`: a transfer that was active goes on by itself. */
  recover(resume: boolean): void {
    switch (this.phase) {
      case Phase.transferActive:
        this.#enter(Phase.transferSuspended);
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
    const { random, crypto, slots, receivers, log } = this.#ground;
    const { multicast, imageIndex } = parameters;
    if (!slots.isIntact(imageIndex)) {
      log('error', 'the stored image is damaged, it is not distributed', { imageIndex });
      return Status.internalError;
    }
    const record: DistributionRecord = {
      parameters,
      multicastAddress: typeof multicast === 'number' ? multicast : virtualAddress(crypto, multicast),
      blobId: new DataView(random.bytes(8).slice().buffer).getBigUint64(0),
      phase: Phase.transferActive,
    };
    const update = this.#launch(record, false);
    if (update === undefined) return Status.internalError;
    receivers.reset();
    this.#follow(update);
    this.#record = record;
    this.#enter(Phase.transferActive);
    return Status.success;
  }

  #resume(): number {
    // An update that is taken up from the store resumes by itself.
    const isResumed = this.#update === undefined ? this.#revived() !== undefined : this.#update.resume();
    if (!isResumed) return Status.internalError;
    this.#enter(Phase.transferActive);
    return Status.success;
  }

  #cancel(): void {
    this.#enter(Phase.cancelingUpdate);
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
    const isApplied = this.#ground.receivers.all.some(
      ({ retrievedUpdatePhase }) => retrievedUpdatePhase === UpdatePhase.applySuccess,
    );
    this.#ended(isApplied ? 'complete' : 'failed');
  }

  /** The update, taken up from the store when this process has not begun it. */
  #revived(): Update | undefined {
    if (this.#update !== undefined || this.#record === undefined) return this.#update;
    const update = this.#launch(this.#record, this.#hasSaved());
    if (update !== undefined) this.#follow(update);
    return update;
  }

  #hasSaved(): boolean {
    return this.#record !== undefined && this.#ground.updates.saved()?.blobId === this.#record.blobId;
  }

  #launch({ parameters, multicastAddress, blobId }: DistributionRecord, resume: boolean): Update | undefined {
    const { updates, slots, receivers, settings, log } = this.#ground;
    const { multicast, imageIndex, updatePolicy } = parameters;
    try {
      const image = slots.images[imageIndex];
      const update = updates.update(
        {
          receivers: receivers.all.map((receiver) => ({
            address: receiver.address,
            imageIndex: receiver.imageIndex,
            self: this.#ground.isSelf(receiver.address),
          })),
          appIndex: parameters.appKeyIndex,
          ttl: parameters.distributionTtl,
          timeoutBase: parameters.timeoutBase,
          mode: parameters.transferMode,
          ...(multicastAddress === 0 ? {} : { group: multicastAddress }),
          ...(typeof multicast === 'number' ? {} : { label: multicast }),
          blobId,
          metadata: image?.metadata ?? new Uint8Array(0),
          firmwareId: image?.firmwareId ?? new Uint8Array(0),
          policy: updatePolicy === 'verifyAndApply' ? 'apply' : 'verify',
          source: slots.source(imageIndex),
          ...(settings === undefined ? {} : { settings }),
          resume,
        },
        (event) => {
          if (this.#update === update) this.#take(event);
        },
      );
      return update;
    } catch (thrown) {
      log('error', 'the update cannot be started', toMeshError(thrown).toJSON());
      return undefined;
    }
  }

  #follow(update: Update): void {
    this.#update = update;
    this.#ground.receivers.follow(update.receivers);
  }

  #take(event: UpdateEvent): void {
    if (event.type === 'phase') this.#takePhase(event.phase);
    else if (event.type === 'receiver') this.#ground.receivers.keep(event.receiver.address);
    else if (event.type === 'done') this.#ended(event.outcome);
  }

  /** Forward only: an update that was taken up again passes through phases that lie behind. */
  #takePhase(phase: UpdateRunPhase): void {
    const isActive = this.phase === Phase.transferActive;
    if (phase === 'suspended' && isActive) this.#enter(Phase.transferSuspended);
    else if (phase === 'verified' && isActive && this.#record?.parameters.updatePolicy === 'verifyOnly')
      this.#enter(Phase.transferSuccess);
    else if (phase === 'applying' && isActive) this.#enter(Phase.applyingUpdate);
  }

  #ended(outcome: 'complete' | 'failed' | 'cancelled'): void {
    this.#update = undefined;
    this.#ground.receivers.unfollow();
    if (outcome === 'cancelled' || this.phase === Phase.cancelingUpdate) {
      this.forget();
      const whenIdle = this.#whenIdle;
      this.#whenIdle = undefined;
      whenIdle?.();
    } else this.#enter(outcome === 'complete' ? Phase.completed : Phase.failed);
  }

  #hasAppKey(appIndex: number): boolean {
    const { model } = this.#ground.updates;
    return [model, ...model.extends].every(({ appKeys }) => appKeys.includes(appIndex));
  }

  #enter(phase: number): void {
    if (this.#record === undefined) return;
    this.#record = { ...this.#record, phase };
    saveDistribution(this.#ground.store, this.#record);
    this.#told(phase);
  }

  #told(phase: number): void {
    this.#ground.log('info', `Distribution Phase ${distributionPhaseName(phase)}`);
    this.#ground.phaseChanged(phase);
  }
}
