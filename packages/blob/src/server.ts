import { type Context, Model } from '@meshferry/access';
import { type Log, type MeshError, silent, toMeshError } from '@meshferry/core';
import { blockCount, blockShape, isChunkSizeLegal } from './arithmetic.ts';
import { hasBit, numbersOfBits } from './bits.ts';
import { BlockAnswers } from './block-answers.ts';
import { BlockAssembly } from './block-assembly.ts';
import type { BlobCapabilities } from './capabilities.ts';
import { BLOB_MTU, BLOB_TRANSFER_SERVER, BlobPhase, BlobStatus, formatBlobId, MAX_BLOCKS } from './constants.ts';
import {
  BlobBlockGet,
  BlobBlockStart,
  BlobChunkTransfer,
  BlobInformationGet,
  BlobInformationStatus,
  BlobTransferCancel,
  BlobTransferGet,
  BlobTransferStart,
  BlobTransferStatus,
} from './messages.ts';
import { PullReports } from './pull-reports.ts';
import { blockStatusOf, capabilitiesOf, clientOf, transferStatusOf } from './server-answers.ts';
import type { BlobExpectation, BlobServerEvents, BlobServerOptions } from './server-contract.ts';
import { ServerLifecycle } from './server-lifecycle.ts';
import type { ServerTransfer } from './server-transfer.ts';
import type { BlobSink } from './sink.ts';

/**
 * BLOB Transfer Server (0x1400), push and pull mode. It starts nothing by itself: a higher model says with {@link BlobServer.expect}
 * which BLOB it waits for. Its state survives a power cut: call {@link BlobServer.recover} after power-on [MBT 4, 6.1].
 */
export class BlobServer {
  readonly model: Model = new Model({ id: BLOB_TRANSFER_SERVER, name: 'BLOB Transfer Server' });
  readonly capabilities: BlobCapabilities;
  readonly #log: Log;
  readonly #life: ServerLifecycle;
  readonly #reports: PullReports;
  readonly #answers: BlockAnswers;

  constructor(options: BlobServerOptions) {
    this.#log = options.log ?? silent;
    this.capabilities = capabilitiesOf(options);
    this.#life = new ServerLifecycle(options);
    this.#reports = new PullReports(options.clock, this.model, this.#log, options.pull);
    this.#answers = new BlockAnswers(this.model, this.#log, options.settings === 'stock');
    this.#life.stopped = () => this.#reports.stop();

    this.model.handle(BlobChunkTransfer, this.#onChunk);
    this.model.handle(BlobTransferGet, (_, context) => {
      if (this.phase === BlobPhase.waitingForNextChunk && this.#transfer!.isWhole) this.#life.complete(this.#transfer!);
      this.#transferStatus(context, BlobStatus.success);
    });
    this.model.handle(BlobTransferStart, (message, context) =>
      this.#transferStatus(context, this.#onTransferStart(message, context)),
    );
    this.model.handle(BlobTransferCancel, ({ blobId }, context) =>
      this.#transferStatus(context, this.#onTransferCancel(blobId)),
    );
    this.model.handle(BlobBlockStart, (message, context) =>
      this.#blockStatus(context, this.#onBlockStart(message, context)),
    );
    this.model.handle(BlobBlockGet, (_, context) => this.#blockStatus(context, this.#onBlockGet()));
    this.model.handle(BlobInformationGet, (_, context) =>
      this.model.reply(context, BlobInformationStatus, this.capabilities, this.#replyOptions()),
    );
  }

  /** Transfer Phase, one of {@link BlobPhase}. */
  get phase(): number {
    return this.#transfer?.phase ?? BlobPhase.inactive;
  }

  /** Percent of the BLOB that is here, 0 to 100, the chunks of the active block included. */
  get progress(): number {
    return this.#transfer?.progress ?? 0;
  }

  /** The expected BLOB ID, undefined when inactive. */
  get blobId(): bigint | undefined {
    return this.#transfer?.blobId;
  }

  /** Octets of the BLOB, undefined before Transfer Start. */
  get blobSize(): number | undefined {
    return this.#transfer?.parameters?.size;
  }

  /** Numbers of the blocks that are missing, ascending; none before Transfer Start. */
  get blocksNotReceived(): readonly number[] {
    return this.#transfer === undefined ? [] : numbersOfBits(this.#transfer.missing);
  }

  /**
   * Waits for Transfer Start with this BLOB ID. A suspended or complete transfer makes way; the error `blob-busy` says
   * that another one is active, `store-failed` that the state could not be stored.
   */
  expect(blobId: bigint, expectation: BlobExpectation): MeshError | undefined {
    return this.#life.expect(blobId, expectation);
  }

  /**
   * After power-on: hands the sink over again to the transfer that was under way, which then waits for the client to
   * come back, or is complete at once. False when there is none, or when the sink no longer has its blocks: then the
   * transfer is abandoned.
   */
  recover(sink: BlobSink, events: BlobServerEvents): boolean {
    return this.#life.recover(sink, events);
  }

  /** Ends whatever there is: Inactive, state erased, nobody told. */
  cancel(): void {
    this.#life.cancel();
  }

  /** Stops the timers; the state stays in the store, as at a power cut. */
  close(): void {
    this.#life.close();
  }

  get #transfer(): ServerTransfer | undefined {
    return this.#life.transfer;
  }

  /** MBT 5.2.3, and the order of checks that peers in the field have. */
  #onTransferStart(message: BlobTransferStart, context: Context): number {
    const transfer = this.#transfer;
    if (transfer === undefined) return BlobStatus.wrongPhase;
    if (message.blobId !== transfer.blobId) return BlobStatus.wrongBlobId;
    if (transfer.parameters !== undefined) return this.#onTransferStartAgain(transfer, message, context);

    const { minBlockSizeLog, maxBlockSizeLog, maxBlobSize, mtuSize } = this.capabilities;
    const { transferMode, blobSize, blockSizeLog, clientMtuSize } = message;
    if (blobSize > maxBlobSize) return BlobStatus.blobTooLarge;
    if (blockSizeLog < minBlockSizeLog || blockSizeLog > maxBlockSizeLog) return BlobStatus.invalidBlockSize;
    if (!this.capabilities[transferMode]) return BlobStatus.unsupportedTransferMode;
    if (blockCount(blobSize, blockSizeLog) > MAX_BLOCKS) {
      this.#life.fail(
        'too-many-blocks',
        `${blockCount(blobSize, blockSizeLog)} blocks, at most ${MAX_BLOCKS} can be tracked`,
      );
      return BlobStatus.invalidParameter;
    }
    const hasRoom = this.#does(() => transfer.sink?.begin(transfer.blobId, blobSize) === true);
    if (this.#transfer !== transfer) return BlobStatus.internalError;
    if (!hasRoom) {
      this.#life.fail('no-room', `no room for a BLOB of ${blobSize} octets`);
      return BlobStatus.internalError;
    }
    transfer.start({
      size: blobSize,
      mode: transferMode,
      blockSizeLog,
      mtu: Math.min(clientMtuSize, mtuSize, BLOB_MTU),
      ...clientOf(context),
    });
    if (!this.#life.persist(transfer)) {
      this.#life.fail('store-failed', 'the state of the transfer could not be stored');
      return BlobStatus.internalError;
    }
    this.#touch(transfer);
    transfer.events?.started?.(blobSize);
    return BlobStatus.success;
  }

  #onTransferStartAgain(transfer: ServerTransfer, message: BlobTransferStart, context: Context): number {
    const { mode, size, blockSizeLog, mtu } = transfer.parameters!;
    const same = message.transferMode === mode && message.blobSize === size && message.blockSizeLog === blockSizeLog;
    if (!same || message.clientMtuSize < mtu) return BlobStatus.wrongPhase;
    const isSuspended = transfer.phase === BlobPhase.suspended;
    const isTakenOver = !isFromClient(transfer, context) && transfer.phase !== BlobPhase.complete;
    if (!isSuspended && !isTakenOver) return BlobStatus.success;
    if (transfer.sink === undefined) return BlobStatus.wrongPhase;
    if (isSuspended) transfer.phase = BlobPhase.waitingForNextBlock;
    // Blocks and chunks come from whoever goes on with the transfer, and reports go there.
    transfer.parameters = { ...transfer.parameters!, ...clientOf(context) };
    this.#life.persist(transfer);
    if (isSuspended) {
      this.#touch(transfer);
      transfer.events?.resumed?.();
    }
    return BlobStatus.success;
  }

  #onTransferCancel(blobId: bigint): number {
    const transfer = this.#transfer;
    if (transfer === undefined) return BlobStatus.success;
    if (blobId !== transfer.blobId) return BlobStatus.wrongBlobId;
    this.#life.fail('blob-cancelled', `the client cancelled BLOB ${formatBlobId(blobId)}`);
    return BlobStatus.success;
  }

  /** MBT 5.2.3.2. In Waiting for Next Chunk only a repetition of what started the block is accepted. */
  #onBlockStart({ blockNumber, chunkSize }: BlobBlockStart, context: Context): number {
    const transfer = this.#transfer;
    if (transfer?.parameters === undefined || transfer.sink === undefined) return BlobStatus.wrongPhase;
    if (!isFromClient(transfer, context)) return BlobStatus.wrongPhase;
    const { phase, parameters, block } = transfer;
    if (phase === BlobPhase.waitingForNextChunk || phase === BlobPhase.waitingForNextBlock) this.#touch(transfer);
    if (phase === BlobPhase.waitingForNextChunk) {
      if (block?.shape.number !== blockNumber || block.shape.chunkSize !== chunkSize) return BlobStatus.wrongPhase;
      if (transfer.isPull) this.#reports.begin(transfer);
      return BlobStatus.success;
    }
    if (blockNumber >= transfer.blocks) return BlobStatus.invalidBlockNumber;
    const limits = { ...this.capabilities, mtu: parameters.mtu };
    if (!isChunkSizeLegal(chunkSize, parameters.blockSizeLog, limits)) return BlobStatus.invalidChunkSize;

    const shape = blockShape(parameters.size, parameters.blockSizeLog, blockNumber, chunkSize);
    const isMissing = hasBit(transfer.missing, blockNumber);
    transfer.block = new BlockAssembly(shape, phase === BlobPhase.complete ? EMPTY : transfer.buffer, isMissing);
    if (transfer.isPull && (isMissing || phase === BlobPhase.waitingForNextBlock)) this.#reports.begin(transfer);
    if (!isMissing) return BlobStatus.success;
    transfer.phase = BlobPhase.waitingForNextChunk;
    if (phase === BlobPhase.suspended) {
      this.#touch(transfer);
      transfer.events?.resumed?.();
    }
    return BlobStatus.success;
  }

  #onBlockGet(): number {
    if (this.phase <= BlobPhase.waitingForTransferStart) return BlobStatus.wrongPhase;
    return this.phase === BlobPhase.suspended ? BlobStatus.informationUnavailable : BlobStatus.success;
  }

  readonly #onChunk = ({ chunkNumber, data }: BlobChunkTransfer, context: Context): void => {
    const transfer = this.#transfer;
    if (transfer?.phase !== BlobPhase.waitingForNextChunk || !isFromClient(transfer, context)) return;
    const block = transfer.block!;
    if (!block.fits(chunkNumber, data.length)) return;
    this.#touch(transfer);
    if (!transfer.isPull) this.#answers.outdated(context.src);
    const isNew = block.add(chunkNumber, data);
    if (isNew && block.missingCount === 0) this.#finishBlock(transfer, block, chunkNumber);
    if (transfer.isPull && this.#transfer === transfer) {
      this.#reports.received(transfer, chunkNumber, isNew, context.dst);
    }
  };

  /** The data is durable before its bit is: a power cut in between costs the block once more, never its content. */
  #finishBlock(transfer: ServerTransfer, block: BlockAssembly, lastChunk: number): void {
    const { number, offset } = block.shape;
    const isWritten = this.#does(() => transfer.sink!.block(offset, block.octets));
    if (this.#transfer !== transfer) return;
    if (!isWritten) {
      this.#log('warn', `block ${number} could not be written, its last chunk counts as missing`);
      block.forget(lastChunk);
      return;
    }
    transfer.blockReceived(number);
    // In pull mode the last block leaves it in Waiting for Next Chunk: the client must have heard that nothing is missing.
    const isLast = transfer.isWhole && !transfer.isPull;
    if (!transfer.isWhole) transfer.phase = BlobPhase.waitingForNextBlock;
    if (!this.#life.persist(transfer)) {
      this.#log('warn', `block ${number} is stored, but would be asked for again after a power cut`);
    }
    if (isLast) this.#life.end(transfer);
    transfer.events?.block?.(number);
    if (isLast && this.#transfer === transfer) this.#life.complete(transfer);
  }

  /** What the sink answers; one that throws has not done it: the fault of its flash stays its own. */
  #does(act: () => boolean): boolean {
    try {
      return act();
    } catch (thrown) {
      this.#log('error', 'the sink of the BLOB failed', toMeshError(thrown).toJSON());
      return false;
    }
  }

  #transferStatus(context: Context, status: number): void {
    this.model.reply(context, BlobTransferStatus, transferStatusOf(this.#transfer, status), this.#replyOptions());
  }

  #blockStatus(context: Context, status: number): void {
    const transfer = this.#transfer;
    const wanted = transfer?.isPull ? this.#reports.ask(transfer) : undefined;
    this.#answers.send(context, blockStatusOf(transfer, status, wanted), this.#replyOptions());
  }

  /** Answers carry the Transfer TTL; those of an inactive server the default [MBT 5.2.2]. */
  #replyOptions(): { ttl?: number } {
    return this.#transfer === undefined ? {} : { ttl: this.#transfer.ttl };
  }

  #touch(transfer: ServerTransfer): void {
    this.#life.touch(transfer, transfer.isPull ? this.#reports.intervalMs + 1000 : 0);
  }
}

const EMPTY = new Uint8Array(0);

/** Another client may send another BLOB to the same group at the same time; blocks and chunks do not say to which they belong. */
function isFromClient({ parameters }: ServerTransfer, { src }: Context): boolean {
  return parameters?.client === src;
}
