import { type Context, Model } from '@meshferry/access';
import { BlobPhase, type BlobServer, type BlobServerEvents } from '@meshferry/blob';
import { Emitter, type Log, type MeshError, type Store, silent } from '@meshferry/core';
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
import {
  isIdentical,
  isResumption,
  loadTargetUpdate,
  saveTargetUpdate,
  statusOf,
  type TargetUpdate,
} from './target-state.ts';
import { UpdatePhase, UpdateStatus, updatePhaseName } from './update-codes.ts';

/** Model identifier of the Firmware Update Server. */
export const FIRMWARE_UPDATE_SERVER = 0x1402;

/** What a {@link FirmwareUpdateServer} stands on. */
export interface FirmwareUpdateServerOptions {
  /** A view of its own. Each change of phase is durable before it is answered. */
  readonly store: Store;
  /** The BLOB Transfer Server of the same element. It serves this update server alone. */
  readonly blob: BlobServer;
  readonly application: TargetApplication;
  readonly log?: Log;
}

const REFUSALS = {
  resources: UpdateStatus.insufficientResources,
  busy: UpdateStatus.temporarilyUnavailable,
  internal: UpdateStatus.internalError,
} as const;

/**
 * The Target of a firmware update: Firmware Update Server, 0x1402 [MshDFU 4.1 and 6.1].
 * Call {@link start} once after power-on, when its element is on a connected access layer.
 */
export class FirmwareUpdateServer {
  readonly model: Model;
  /** Each new Update Phase, after it was stored. */
  readonly phases: Emitter<number> = new Emitter();
  readonly #store: Store;
  readonly #blob: BlobServer;
  readonly #application: TargetApplication;
  readonly #log: Log;
  /** Undefined in Idle. A new update is a new object, by which late callbacks are told from those that still count. */
  #update: TargetUpdate | undefined;

  constructor(options: FirmwareUpdateServerOptions) {
    this.#store = options.store;
    this.#blob = options.blob;
    this.#application = options.application;
    this.#log = options.log ?? silent;
    this.#update = loadTargetUpdate(options.store);
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

  /**
   * After power-on: takes up what the power cut interrupted [firmware-update.md 4.6]. When the bootloader had something
   * to do, its outcome comes first, by {@link applied}: an update that nobody has applied by now is applied again.
   */
  start(): void {
    const update = this.#update;
    switch (update?.phase) {
      case UpdatePhase.transferActive:
      case UpdatePhase.transferError:
        if (update.phase === UpdatePhase.transferActive) this.#enter(update, UpdatePhase.transferError);
        this.#recover(update);
        break;
      case UpdatePhase.verifyingUpdate:
      case UpdatePhase.verificationSucceeded:
        // Nobody knows whether the storage is still what was verified.
        this.#verify(update);
        break;
      case UpdatePhase.applyingUpdate:
        this.#applyNow(update);
        break;
      default:
        if (this.#blob.phase !== BlobPhase.inactive) this.#blob.cancel();
    }
  }

  /** The new firmware has booted and is in the list (`ok`), or the old one came back. Counts in Applying Update only. */
  applied(ok: boolean): void {
    if (this.phase !== UpdatePhase.applyingUpdate) return;
    this.#log(ok ? 'info' : 'warn', ok ? 'firmware applied' : 'firmware not applied, the old one runs');
    this.#forget();
  }

  /** The application gives the update up: Transfer Error. Nothing in Idle. */
  abort(): void {
    const update = this.#update;
    if (update === undefined) return;
    this.#blob.cancel();
    this.#enter(update, UpdatePhase.transferError);
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
    this.model.handle(FirmwareUpdateCancel, (_, context) => {
      this.#cancel();
      this.#answer(context, UpdateStatus.success);
    });
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
        if (isResumption(update, start) && this.#resume(update)) return UpdateStatus.success;
        return this.#begin(start);
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
    const update: TargetUpdate = {
      phase: UpdatePhase.transferActive,
      ttl: updateTtl,
      timeoutBase: updateTimeoutBase,
      blobId: updateBlobId,
      imageIndex,
      effect: additionalInformation,
      metadata,
    };
    // What is left of the update that this one replaces.
    if (this.#blob.phase !== BlobPhase.inactive && this.#blob.blobId === this.#update?.blobId) this.#blob.cancel();
    if ('alreadyThere' in begun) {
      this.#update = update;
      this.#verify(update);
      return UpdateStatus.success;
    }
    const refused = this.#blob.expect(updateBlobId, {
      ttl: updateTtl,
      timeoutBase: updateTimeoutBase,
      sink: begun.sink,
      events: this.#transferEvents(update),
    });
    if (refused !== undefined) {
      this.#application.abandoned?.(imageIndex);
      return refused.code === 'blob-busy' ? UpdateStatus.blobTransferBusy : UpdateStatus.internalError;
    }
    this.#update = update;
    this.#enter(update, UpdatePhase.transferActive);
    return UpdateStatus.success;
  }

  /** From Transfer Error back to Transfer Active; false when the BLOB server lost the transfer [4.3]. */
  #resume(update: TargetUpdate): boolean {
    if (this.#blob.phase === BlobPhase.inactive || this.#blob.blobId !== update.blobId) return false;
    if (this.#blob.phase === BlobPhase.complete) this.#verify(update);
    else this.#enter(update, UpdatePhase.transferActive);
    return true;
  }

  #recover(update: TargetUpdate): void {
    const sink = this.#application.recover(update.imageIndex, update.metadata);
    const recovered = sink !== undefined && this.#blob.recover(sink, this.#transferEvents(update));
    if (!recovered) this.#log('warn', 'the interrupted transfer is lost, a new Start begins it anew');
  }

  #transferEvents(update: TargetUpdate): BlobServerEvents {
    const counts = (): boolean => this.#update === update && update.phase === UpdatePhase.transferActive;
    return {
      // A power cut in pull mode may have come when all was here: then the transfer is complete again after it.
      complete: () => {
        if (counts() || (this.#update === update && update.phase === UpdatePhase.transferError)) this.#verify(update);
      },
      suspended: () => {
        if (counts()) this.#enter(update, UpdatePhase.transferError);
      },
      // A client that only fell silent for too long goes on with the blocks, without another Start.
      resumed: () => {
        const slept = this.#update === update && update.phase === UpdatePhase.transferError;
        if (slept) this.#enter(update, UpdatePhase.transferActive);
      },
      failed: (error) => {
        if (!counts()) return;
        this.#log('warn', `firmware transfer failed: ${error.message}`);
        this.#enter(update, UpdatePhase.transferError);
        this.#application.abandoned?.(update.imageIndex);
      },
    };
  }

  #verify(update: TargetUpdate): void {
    this.#enter(update, UpdatePhase.verifyingUpdate);
    this.#application.verify(update.imageIndex, update.metadata, (ok, reason) => {
      if (this.#update !== update || update.phase !== UpdatePhase.verifyingUpdate) return;
      if (!ok) this.#log('warn', `image refused: ${reason ?? 'no reason given'}`);
      this.#enter(update, ok ? UpdatePhase.verificationSucceeded : UpdatePhase.verificationFailed);
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
    this.#enter(update, UpdatePhase.applyingUpdate);
    this.#answer(context, UpdateStatus.success, (error) => {
      if (this.#update !== update || update.phase !== UpdatePhase.applyingUpdate) return;
      if (error !== undefined) {
        this.#log('warn', `the answer to Apply did not arrive: ${error.message}`);
        this.#enter(update, UpdatePhase.verificationSucceeded);
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

  #cancel(): void {
    const update = this.#update;
    if (update === undefined) return;
    this.#forget();
    if (this.#blob.phase !== BlobPhase.inactive) this.#blob.cancel();
    this.#application.abandoned?.(update.imageIndex);
  }

  #check(imageIndex: number, metadata: Uint8Array): { status: number; additionalInformation: number } {
    if (imageIndex >= this.#application.images().length) {
      return { status: UpdateStatus.wrongFirmwareIndex, additionalInformation: 0 };
    }
    const { accept, effect } = this.#application.check(imageIndex, metadata);
    if (!accept) return { status: UpdateStatus.metadataCheckFailed, additionalInformation: 0 };
    return { status: UpdateStatus.success, additionalInformation: effect };
  }

  #enter(update: TargetUpdate, phase: number): void {
    update.phase = phase;
    saveTargetUpdate(this.#store, update);
    this.#log('info', `Update Phase ${updatePhaseName(phase)}`);
    this.phases.emit(phase);
  }

  #forget(): void {
    this.#update = undefined;
    saveTargetUpdate(this.#store, undefined);
    this.phases.emit(UpdatePhase.idle);
  }

  #answer(context: Context, status: number, done?: (error?: MeshError) => void): void {
    this.model.reply(context, FirmwareUpdateStatus, statusOf(status, this.#update), this.#ttl(), done);
  }

  /** Answers go with the Update TTL, in Idle with the default one [4.7]. */
  #ttl(): { ttl?: number } {
    return this.#update === undefined ? {} : { ttl: this.#update.ttl };
  }
}
