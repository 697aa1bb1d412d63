import { type Context, Model, type ReplyOptions } from '@meshferry/access';
import type { BlobSource } from '@meshferry/blob';
import { Emitter, isUnicast, silent, storeView, toMeshError } from '@meshferry/core';
import { DistributionPhase, DistributionStatus, FIRMWARE_DISTRIBUTION_SERVER } from './distribution-codes.ts';
import {
  FirmwareDistributionFirmwareDelete,
  FirmwareDistributionFirmwareDeleteAll,
  FirmwareDistributionFirmwareGet,
  FirmwareDistributionFirmwareGetByIndex,
  FirmwareDistributionFirmwareStatus,
  FirmwareDistributionUploadCancel,
  FirmwareDistributionUploadGet,
  FirmwareDistributionUploadOobStart,
  FirmwareDistributionUploadStart,
  FirmwareDistributionUploadStatus,
} from './distribution-image-messages.ts';
import {
  FirmwareDistributionApply,
  FirmwareDistributionCancel,
  FirmwareDistributionCapabilitiesGet,
  FirmwareDistributionCapabilitiesStatus,
  FirmwareDistributionGet,
  FirmwareDistributionStart,
  FirmwareDistributionStatus,
  FirmwareDistributionSuspend,
} from './distribution-messages.ts';
import { UriScheme } from './distribution-oob.ts';
import { Distribution } from './distribution-procedure.ts';
import {
  type AddedReceiver,
  FirmwareDistributionReceiversAdd,
  FirmwareDistributionReceiversDeleteAll,
  FirmwareDistributionReceiversGet,
  FirmwareDistributionReceiversList,
  FirmwareDistributionReceiversStatus,
  type ListedReceiver,
} from './distribution-receivers-messages.ts';
import type { FirmwareDistributionServerOptions } from './distribution-server-options.ts';
import { Upload } from './distribution-upload.ts';
import { ReceiversList } from './receivers-list.ts';
import type { SlotStore, StoredImage } from './slot-store.ts';

const DEFAULT_MAX_RECEIVERS = 1024;

const Status = DistributionStatus;

/**
 * The Distributor of firmware: Firmware Distribution Server, 0x1404 [MshDFU 1.0]. It takes images by upload, keeps the
 * list of nodes to be updated, and updates them. Call {@link start} once after power-on, when its element is on a
 * connected access layer and the AppKeys are bound.
 */
export class FirmwareDistributionServer {
  readonly model: Model;
  readonly slots: SlotStore;
  /** Each new `DistributionPhase`, after it was stored. */
  readonly phases: Emitter<number> = new Emitter();
  /** Each new `UploadPhase`, after it was stored. */
  readonly uploadPhases: Emitter<number> = new Emitter();
  readonly #options: FirmwareDistributionServerOptions;
  readonly #receivers: ReceiversList;
  readonly #distribution: Distribution;
  readonly #upload: Upload;

  /** Throws `bad-limit` for `maxReceivers`. */
  constructor(options: FirmwareDistributionServerOptions) {
    const { clock, random, crypto, store, blob, updates, slots, settings, log = silent } = options;
    this.#options = options;
    this.slots = slots;
    this.model = new Model({
      id: FIRMWARE_DISTRIBUTION_SERVER,
      name: 'Firmware Distribution Server',
      extends: [blob.model],
    });
    this.#receivers = new ReceiversList(storeView(store, 'receivers/'), options.maxReceivers ?? DEFAULT_MAX_RECEIVERS);
    this.#distribution = new Distribution({
      clock,
      random,
      crypto,
      store,
      updates,
      slots,
      settings,
      log,
      receivers: this.#receivers,
      isSelf: options.isSelf ?? ((address) => address === this.model.element),
      phaseChanged: (phase) => this.phases.emit(phase),
    });
    this.#upload = new Upload({
      clock,
      store,
      blob,
      slots,
      log,
      oob: options.oob,
      mayDelete: () => this.phase === DistributionPhase.idle,
      phaseChanged: (phase) => this.uploadPhases.emit(phase),
    });
    this.#handleDistribution();
    this.#handleReceivers();
    this.#handleUpload();
    this.#handleImages();
  }

  /** The Distribution Phase, see `DistributionPhase`. */
  get phase(): number {
    return this.#distribution.phase;
  }

  /** The Upload Phase, see `UploadPhase`. */
  get uploadPhase(): number {
    return this.#upload.phase;
  }

  /** Percent of the image that is being uploaded, 0 to 100. */
  get uploadProgress(): number {
    return this.#upload.progress;
  }

  /** The receivers list as it is now. */
  get receivers(): readonly ListedReceiver[] {
    return this.#receivers.all;
  }

  /**
   * The image that is being sent to the receivers, and its octets: for a Target on the same node, which need not get it over
   * the air (see `withOwnImage`). Undefined when nothing is being sent.
   */
  get sending(): { readonly image: StoredImage; readonly octets: BlobSource } | undefined {
    return this.#distribution.sending;
  }

  /** After power-on: takes up what the power cut interrupted [firmware-distribution.md 2.5]. */
  start(): void {
    this.#upload.recover();
    this.#distribution.recover(this.#options.resumeAtStart ?? false);
  }

  /** Stops without a word to anybody; the store has all that the next run needs. */
  close(): void {
    this.#upload.close();
    this.#distribution.close();
  }

  #handleDistribution(): void {
    this.model.handle(FirmwareDistributionCapabilitiesGet, (_, context) => {
      const { images, imageSize, space } = this.slots.limits;
      const { oob, blob } = this.#options;
      this.model.reply(context, FirmwareDistributionCapabilitiesStatus, {
        maxReceiversCount: this.#receivers.max,
        maxFirmwareImagesListSize: images,
        maxFirmwareImageSize: Math.min(imageSize, blob.capabilities.maxBlobSize),
        maxUploadSpace: Math.min(space, 0xffff_ffff),
        remainingUploadSpace: Math.min(this.slots.remaining, 0xffff_ffff),
        oobRetrievalSupported: oob !== undefined,
        supportedUriSchemes: oob?.schemes.map((name) => UriScheme[name]) ?? [],
      });
    });
    this.model.handle(FirmwareDistributionGet, (_, context) => this.#answer(context, Status.success));
    this.model.handle(FirmwareDistributionStart, (start, context) =>
      this.#answer(
        context,
        this.#changed(() => this.#distribution.start(start)),
      ),
    );
    this.model.handle(FirmwareDistributionSuspend, (_, context) =>
      this.#answer(
        context,
        this.#changed(() => this.#distribution.suspend()),
      ),
    );
    this.model.handle(FirmwareDistributionApply, (_, context) =>
      this.#answer(
        context,
        this.#changed(() => this.#distribution.apply()),
      ),
    );
    this.model.handle(FirmwareDistributionCancel, (_, context) => this.#receiveCancel(context));
  }

  /**
   * From Applying Update the requester is told the end as well, without the usual delay [MshDFU 6.2.3.10], but not before
   * the first answer has left: that takes two segments and would be overtaken.
   */
  #receiveCancel(context: Context): void {
    const isApplying = this.phase === DistributionPhase.applyingUpdate;
    let waitsFor = 2;
    const tellEnd = (): void => {
      if (--waitsFor === 0 && isApplying) this.#answer(context, Status.success, { delayMs: 0 });
    };
    const status = this.#changed(() => this.#distribution.cancel(tellEnd));
    this.#answer(context, status, undefined, tellEnd);
  }

  #handleReceivers(): void {
    this.model.handle(FirmwareDistributionReceiversAdd, ({ receivers }, context) =>
      this.#answerReceivers(context, () => this.#add(receivers)),
    );
    this.model.handle(FirmwareDistributionReceiversDeleteAll, (_, context) =>
      this.#answerReceivers(context, () => this.#clear()),
    );
    this.model.handle(FirmwareDistributionReceiversGet, ({ firstIndex, entriesLimit }, context) =>
      this.model.reply(context, FirmwareDistributionReceiversList, {
        receiversListCount: this.#receivers.count,
        firstIndex,
        entries: this.#receivers.page(firstIndex, entriesLimit),
      }),
    );
  }

  #handleUpload(): void {
    const answer = (context: Context, status: number): void => {
      this.model.reply(context, FirmwareDistributionUploadStatus, this.#upload.status(status));
    };
    this.model.handle(FirmwareDistributionUploadGet, (_, context) => answer(context, Status.success));
    this.model.handle(FirmwareDistributionUploadStart, (start, context) => answer(context, this.#upload.start(start)));
    this.model.handle(FirmwareDistributionUploadOobStart, (start, context) =>
      this.#upload.oobStart(start, (status) => answer(context, status)),
    );
    this.model.handle(FirmwareDistributionUploadCancel, (_, context) => answer(context, this.#upload.cancel()));
  }

  #handleImages(): void {
    this.model.handle(FirmwareDistributionFirmwareGet, ({ firmwareId }, context) => {
      const index = this.slots.indexOf(firmwareId);
      if (index < 0) this.#answerImage(context, Status.firmwareNotFound, undefined, firmwareId);
      else this.#answerImage(context, Status.success, index, firmwareId);
    });
    this.model.handle(FirmwareDistributionFirmwareGetByIndex, ({ imageIndex }, context) => {
      const image = this.slots.images[imageIndex];
      const status = image === undefined ? Status.firmwareNotFound : Status.success;
      this.#answerImage(context, status, imageIndex, image?.firmwareId);
    });
    this.model.handle(FirmwareDistributionFirmwareDelete, ({ firmwareId }, context) => {
      const index = this.slots.indexOf(firmwareId);
      this.#answerDeletion(context, () => index >= 0 && this.slots.delete(index), firmwareId);
    });
    this.model.handle(FirmwareDistributionFirmwareDeleteAll, (_, context) =>
      this.#answerDeletion(context, () => this.slots.deleteAll()),
    );
  }

  /** The list does not change while it is used. */
  #isListOpen(): boolean {
    const { phase } = this;
    return phase === DistributionPhase.idle || this.#isFinished(phase);
  }

  #isFinished(phase: number): boolean {
    return phase === DistributionPhase.completed || phase === DistributionPhase.failed;
  }

  /** What is no unicast address is skipped. */
  #add(receivers: readonly AddedReceiver[]): number {
    const fits = this.#receivers.add(receivers.filter(({ address }) => isUnicast(address)));
    return fits ? Status.success : Status.insufficientResources;
  }

  #clear(): number {
    this.#receivers.clear();
    if (this.#isFinished(this.phase)) this.#distribution.forget();
    return Status.success;
  }

  /** The status of a change. What the store refuses has not happened, and ends nothing but this request. */
  #changed(change: () => number): number {
    try {
      return change();
    } catch (thrown) {
      this.#options.log?.('error', 'the state of the Distributor could not be stored', toMeshError(thrown).toJSON());
      return Status.internalError;
    }
  }

  #answer(context: Context, status: number, options?: ReplyOptions, done?: () => void): void {
    this.model.reply(context, FirmwareDistributionStatus, this.#distribution.status(status), options, done);
  }

  #answerReceivers(context: Context, change: () => number): void {
    const status = this.#isListOpen() ? this.#changed(change) : Status.busyWithDistribution;
    const receiversListCount = this.#receivers.count;
    this.model.reply(context, FirmwareDistributionReceiversStatus, { status, receiversListCount });
  }

  /** A distribution knows its image by the index: no image may go before it is Idle. */
  #answerDeletion(context: Context, remove: () => unknown, firmwareId?: Uint8Array): void {
    if (this.phase !== DistributionPhase.idle) {
      this.#answerImage(context, Status.busyWithDistribution);
      return;
    }
    const status = this.#changed(() => {
      remove();
      return Status.success;
    });
    this.#answerImage(context, status, undefined, firmwareId);
  }

  #answerImage(context: Context, status: number, imageIndex?: number, firmwareId?: Uint8Array): void {
    const entryCount = this.slots.images.length;
    this.model.reply(context, FirmwareDistributionFirmwareStatus, { status, entryCount, imageIndex, firmwareId });
  }
}
