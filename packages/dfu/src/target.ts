import { type Context, Model } from '@meshferry/access';
import { BlobPhase, type BlobServer, type BlobServerEvents, type BlobSink } from '@meshferry/blob';
import { type Emitter, type Log, type MeshError, silent } from '@meshferry/core';
import {
  FirmwareUpdateApply,
  FirmwareUpdateCancel,
  FirmwareUpdateFirmwareMetadataCheck,
  FirmwareUpdateFirmwareMetadataStatus,
  FirmwareUpdateGet,
  FirmwareUpdateInformationGet,
  FirmwareUpdateInformationStatus,
  FirmwareUpdateStart,
  FirmwareUpdateStatus,
} from './firmware-update-messages.ts';
import type { TargetApplication } from './target-application.ts';
import { informationStatus } from './target-information.ts';
import { FIRMWARE_UPDATE_SERVER, type FirmwareUpdateServerOptions, REFUSALS } from './target-options.ts';
import { isIdentical, isResumption, statusOf, TargetState, type TargetUpdate } from './target-state.ts';
import { transferEvents } from './target-transfer.ts';
import { UpdatePhase, UpdateStatus } from './update-codes.ts';

export { FIRMWARE_UPDATE_SERVER, type FirmwareUpdateServerOptions } from './target-options.ts';

/** Phases in which a Start begins a new update. */
const REPLACEABLE: readonly number[] = [UpdatePhase.idle, UpdatePhase.transferError, UpdatePhase.verificationFailed];

/**
 * The Target of a firmware update: Firmware Update Server, 0x1402 [MshDFU 4.1 and 6.1].
 * Call {@link start} once after power-on, when its element is on a connected access layer.
 */
export class FirmwareUpdateServer {
  readonly model: Model;
  /** Each new Update Phase, after it was stored. */
  readonly phases: Emitter<number>;
  readonly #state: TargetState;
  readonly #blob: BlobServer;
  readonly #application: TargetApplication;
  readonly #log: Log;

  constructor(options: FirmwareUpdateServerOptions) {
    this.#blob = options.blob;
    this.#application = options.application;
    this.#log = options.log ?? silent;
    this.#state = new TargetState(options.store, this.#log);
    this.phases = this.#state.phases;
    this.model = new Model({
      id: FIRMWARE_UPDATE_SERVER,
      name: 'Firmware Update Server',
      extends: [options.blob.model],
    });
    this.#declare();
  }

  /** The Update Phase, see `UpdatePhase`. */
  get phase(): number {
    return this.#update?.phase ?? UpdatePhase.idle;
  }

  /** The Update BLOB ID; undefined in Idle. */
  get blobId(): bigint | undefined {
    return this.#update?.blobId;
  }

  /** The Update Firmware Image Index; undefined in Idle. */
  get imageIndex(): number | undefined {
    return this.#update?.imageIndex;
  }

  /** Percent of the image that is here, 0 to 100; 100 from its verification on. */
  get progress(): number {
    switch (this.phase) {
      case UpdatePhase.idle:
        return 0;
      case UpdatePhase.transferActive:
      case UpdatePhase.transferError:
        return this.#blob.blobId === this.blobId ? this.#blob.progress : 0;
      default:
        return 100;
    }
  }

  /** Whether an update is under way that a new Start would not replace: the device had better stay awake and powered. */
  get isBusy(): boolean {
    return !REPLACEABLE.includes(this.phase);
  }

  /**
   * After power-on: takes up what the power cut interrupted [firmware-update.md 4.6]. When the bootloader had something
   * to do, its outcome comes first, by {@link applied}: an update that nobody has applied by now is applied again.
   */
  start(): void {
    const update = this.#update;
    switch (update?.phase) {
      case UpdatePhase.transferActive:
        this.#state.note(update, UpdatePhase.transferError);
        this.#recover(update);
        break;
      case UpdatePhase.transferError:
        this.#recover(update);
        break;
      case UpdatePhase.verifyingUpdate:
      case UpdatePhase.verificationSucceeded:
        this.#releaseBlob();
        // Nobody knows whether the storage is still what was verified.
        this.#verify(update);
        break;
      case UpdatePhase.applyingUpdate:
        this.#releaseBlob();
        this.#applyNow(update);
        break;
      default:
        this.#releaseBlob();
    }
  }

  /** The new firmware has booted and is in the list (`ok`), or the old one came back. Counts in Applying Update only. */
  applied(ok: boolean): void {
    if (this.phase !== UpdatePhase.applyingUpdate) return;
    this.#log(ok ? 'info' : 'warn', ok ? 'firmware applied' : 'firmware not applied, the old one runs');
    this.#state.noteIdle();
  }

  /** The application gives the update up: Transfer Error. Nothing in Idle. */
  abort(): void {
    const update = this.#update;
    if (update === undefined) return;
    this.#releaseBlob();
    this.#state.note(update, UpdatePhase.transferError);
  }

  get #update(): TargetUpdate | undefined {
    return this.#state.update;
  }

  #declare(): void {
    this.model.handle(FirmwareUpdateInformationGet, ({ firstIndex, entriesLimit }, context) => {
      // While it applies, the list is not valid: silence tells the client to ask again [4.5].
      if (this.phase === UpdatePhase.applyingUpdate) return;
      const status = informationStatus(this.#application.images(), firstIndex, entriesLimit);
      this.model.reply(context, FirmwareUpdateInformationStatus, status, this.#ttl());
    });
    this.model.handle(FirmwareUpdateFirmwareMetadataCheck, ({ imageIndex, metadata }, context) => {
      const answer = { ...this.#check(imageIndex, metadata), imageIndex };
      this.model.reply(context, FirmwareUpdateFirmwareMetadataStatus, answer, this.#ttl());
    });
    this.model.handle(FirmwareUpdateGet, (_, context) => this.#answer(context, UpdateStatus.success));
    this.model.handle(FirmwareUpdateStart, (start, context) => this.#answer(context, this.#receiveStart(start)));
    this.model.handle(FirmwareUpdateCancel, (_, context) => this.#answer(context, this.#receiveCancel()));
    this.model.handle(FirmwareUpdateApply, (_, context) => this.#receiveApply(context));
  }

  /** The status that answers a Start; what it changed is durable [4.1, rows Start]. */
  #receiveStart(start: FirmwareUpdateStart): number {
    const update = this.#update;
    if (update === undefined) return this.#begin(start);
    switch (update.phase) {
      case UpdatePhase.verificationFailed:
        return this.#begin(start);
      case UpdatePhase.transferError:
        if (!isResumption(update, start)) return this.#begin(start);
        // When the transfer is lost it begins anew, with the metadata that are known.
        return this.#resume(update) ?? this.#begin({ ...start, metadata: update.metadata });
      default:
        return isIdentical(update, start) ? UpdateStatus.success : UpdateStatus.wrongPhase;
    }
  }

  /** A new update, in the order of 4.2; refused, it changes nothing. */
  #begin({ updateTtl, updateTimeoutBase, updateBlobId, imageIndex, metadata }: FirmwareUpdateStart): number {
    const { status, additionalInformation } = this.#check(imageIndex, metadata);
    if (status !== UpdateStatus.success) return status;
    const begun = this.#application.start(imageIndex, metadata);
    if ('refuse' in begun) return REFUSALS[begun.refuse];
    const old = this.#update;
    const update: TargetUpdate = {
      phase: UpdatePhase.idle,
      ttl: updateTtl,
      timeoutBase: updateTimeoutBase,
      blobId: updateBlobId,
      imageIndex,
      effect: additionalInformation,
      metadata,
    };
    // What is left of the update that this one replaces.
    if (this.#blob.blobId === old?.blobId) this.#releaseBlob();
    const refused = 'sink' in begun ? this.#expect(update, begun.sink) : this.#skipTransfer(update);
    if (refused !== undefined) this.#application.abandoned?.(imageIndex);
    else if (old !== undefined && old.imageIndex !== imageIndex) this.#application.abandoned?.(old.imageIndex);
    return refused ?? UpdateStatus.success;
  }

  /** To Transfer Active; the status that says why not. */
  #expect(update: TargetUpdate, sink: BlobSink): number | undefined {
    const { blobId, ttl, timeoutBase } = update;
    const refused = this.#blob.expect(blobId, { ttl, timeoutBase, sink, events: this.#transferEvents(update) });
    if (refused?.code === 'blob-busy') return UpdateStatus.blobTransferBusy;
    if (refused !== undefined) return UpdateStatus.internalError;
    if (this.#state.commit(update, UpdatePhase.transferActive)) return undefined;
    this.#blob.cancel();
    return UpdateStatus.internalError;
  }

  /** To Verifying Update at once; the status that says why not. */
  #skipTransfer(update: TargetUpdate): number | undefined {
    if (!this.#state.commit(update, UpdatePhase.verifyingUpdate)) return UpdateStatus.internalError;
    this.#judge(update);
    return undefined;
  }

  /** From Transfer Error back to Transfer Active; undefined when the BLOB server lost the transfer [4.3]. */
  #resume(update: TargetUpdate): number | undefined {
    if (this.#blob.blobId !== update.blobId) return undefined;
    return this.#state.commit(update, UpdatePhase.transferActive) ? UpdateStatus.success : UpdateStatus.internalError;
  }

  #recover(update: TargetUpdate): void {
    const isThere = this.#blob.blobId === update.blobId;
    const sink = isThere ? this.#application.recover(update.imageIndex, update.metadata) : undefined;
    if (sink !== undefined && this.#blob.recover(sink, this.#transferEvents(update))) return;
    this.#releaseBlob();
    this.#log('warn', 'the interrupted transfer is lost, a new Start begins it anew');
  }

  #transferEvents(update: TargetUpdate): BlobServerEvents {
    return transferEvents(this.#state, update, this.#log, {
      complete: () => this.#verify(update),
      failed: () => this.#application.abandoned?.(update.imageIndex),
    });
  }

  #verify(update: TargetUpdate): void {
    this.#state.note(update, UpdatePhase.verifyingUpdate);
    this.#judge(update);
  }

  /** Asks the application; a late answer, when the update is over or verified again, does not count. */
  #judge(update: TargetUpdate): void {
    this.#application.verify(update.imageIndex, update.metadata, (ok, reason) => {
      if (this.#update !== update || update.phase !== UpdatePhase.verifyingUpdate) return;
      if (!ok) this.#log('warn', `image refused: ${reason ?? 'no reason given'}`);
      this.#state.note(update, ok ? UpdatePhase.verificationSucceeded : UpdatePhase.verificationFailed);
    });
  }

  #receiveApply(context: Context): void {
    const update = this.#update;
    if (update?.phase === UpdatePhase.verificationSucceeded) this.#apply(update, context);
    else if (update?.phase === UpdatePhase.applyingUpdate) this.#answer(context, UpdateStatus.success);
    else this.#answer(context, UpdateStatus.wrongPhase);
  }

  /** Applying usually restarts the node: the answer goes first, and the phase goes back if it did not arrive [6.1.3.6]. */
  #apply(update: TargetUpdate, context: Context): void {
    if (!this.#state.commit(update, UpdatePhase.applyingUpdate)) {
      this.#answer(context, UpdateStatus.internalError);
      return;
    }
    this.#answer(context, UpdateStatus.success, (error) => {
      if (this.#update !== update || update.phase !== UpdatePhase.applyingUpdate) return;
      if (error !== undefined) {
        this.#log('warn', `the answer to Apply did not arrive: ${error.message}`);
        this.#state.note(update, UpdatePhase.verificationSucceeded);
        return;
      }
      this.#applyNow(update);
    });
  }

  #applyNow(update: TargetUpdate): void {
    this.#application.apply(update.imageIndex, (ok) => {
      if (this.#update === update) this.applied(ok);
    });
  }

  #receiveCancel(): number {
    const update = this.#update;
    if (update === undefined) return UpdateStatus.success;
    // What waits for the next boot must not outlive the update: nobody would stop it then.
    const isApplying = update.phase === UpdatePhase.applyingUpdate;
    if (isApplying) this.#application.abandoned?.(update.imageIndex);
    if (!this.#state.commitIdle()) return UpdateStatus.internalError;
    this.#releaseBlob();
    if (!isApplying) this.#application.abandoned?.(update.imageIndex);
    return UpdateStatus.success;
  }

  #check(imageIndex: number, metadata: Uint8Array): { status: number; additionalInformation: number } {
    if (imageIndex >= this.#application.images().length) {
      return { status: UpdateStatus.wrongFirmwareIndex, additionalInformation: 0 };
    }
    const { accept, effect } = this.#application.check(imageIndex, metadata);
    if (!accept) return { status: UpdateStatus.metadataCheckFailed, additionalInformation: 0 };
    return { status: UpdateStatus.success, additionalInformation: effect };
  }

  #releaseBlob(): void {
    if (this.#blob.phase !== BlobPhase.inactive) this.#blob.cancel();
  }

  #answer(context: Context, status: number, done?: (error?: MeshError) => void): void {
    this.model.reply(context, FirmwareUpdateStatus, statusOf(status, this.#update), this.#ttl(), done);
  }

  /** Answers go with the Update TTL, in Idle with the default one [4.7]. */
  #ttl(): { ttl?: number } {
    return this.#update === undefined ? {} : { ttl: this.#update.ttl };
  }
}
