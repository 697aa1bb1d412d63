import { type Context, type MessageType, Model } from '@meshferry/access';
import { type Cancel, type Clock, type Log, MeshError, type Store, silent } from '@meshferry/core';
import type { BlobClientOptions, BlobEvent, BlobTransfer, BlobTransferParameters } from './client-contract.ts';
import { type BlobInquiryAnswer, type BlobInquiryParameters, ClientInquiry } from './client-inquiry.ts';
import { checkDestination, checkTransfer } from './client-parameters.ts';
import { ClientTransfer } from './client-transfer.ts';
import { BLOB_TRANSFER_CLIENT } from './constants.ts';
import {
  BlobBlockStatus,
  BlobInformationGet,
  BlobInformationStatus,
  BlobPartialBlockReport,
  BlobTransferGet,
  BlobTransferStatus,
  type EmptyMessage,
} from './messages.ts';

/**
 * BLOB Transfer Client (0x1401), push and pull mode: moves one BLOB at a time to any number of servers [MBT 6.2].
 *
 * The servers must expect the BLOB ID already (a Firmware Update Start or the like has told them).
 */
export class BlobClient {
  readonly model: Model = new Model({ id: BLOB_TRANSFER_CLIENT, name: 'BLOB Transfer Client' });
  readonly #clock: Clock;
  readonly #store: Store | undefined;
  readonly #log: Log;
  readonly #defaultTtl: number;
  #transfer: ClientTransfer | undefined;
  readonly #askingCapabilities = new Set<ClientInquiry<BlobInformationStatus>>();
  readonly #askingStates = new Set<ClientInquiry<BlobTransferStatus>>();

  constructor(options: BlobClientOptions) {
    this.#clock = options.clock;
    this.#store = options.store;
    this.#log = options.log ?? silent;
    this.#defaultTtl = options.defaultTtl ?? 5;
    this.model.handle(BlobInformationStatus, (status, context: Context) => {
      this.#transfer?.onInformationStatus(context, status);
      for (const inquiry of this.#askingCapabilities) inquiry.take(context, status);
    });
    this.model.handle(BlobTransferStatus, (status, context) => {
      this.#transfer?.onTransferStatus(context, status);
      for (const inquiry of this.#askingStates) inquiry.take(context, status);
    });
    this.model.handle(BlobBlockStatus, (status, context) => this.#transfer?.onBlockStatus(context, status));
    this.model.handle(BlobPartialBlockReport, ({ missingChunks }, context) =>
      this.#transfer?.onPartialBlockReport(context, missingChunks),
    );
  }

  /**
   * Starts or resumes a transfer; the first event comes after it has returned. Throws `blob-busy` while another transfer
   * is under way, `blob-empty` and `blob-too-large` for a source that no BLOB can be, `no-receivers`, `bad-address` and
   * `bad-label-uuid` for where it cannot go, `bad-field` for block and chunk sizes that cannot be.
   */
  start(parameters: BlobTransferParameters, listener: (event: BlobEvent) => void): BlobTransfer {
    this.#check(parameters);
    const transfer = new ClientTransfer({
      clock: this.#clock,
      model: this.model,
      log: this.#log,
      store: this.#store,
      defaultTtl: this.#defaultTtl,
      parameters,
      listener,
    });
    this.#transfer = transfer;
    transfer.prepare();
    return transfer;
  }

  /**
   * Asks servers for their capabilities, besides whatever is under way; `done` is called once, when all have answered or have
   * been silent for the client timeout. Throws `no-receivers`, `bad-address`, `bad-label-uuid`.
   */
  retrieveCapabilities(
    parameters: BlobInquiryParameters,
    done: (answers: readonly BlobInquiryAnswer<BlobInformationStatus>[]) => void,
  ): Cancel {
    return this.#inquire(this.#askingCapabilities, parameters, BlobInformationGet, done);
  }

  /** Asks servers where they stand, by BLOB Transfer Get; otherwise as {@link retrieveCapabilities}. */
  retrieveState(
    parameters: BlobInquiryParameters,
    done: (answers: readonly BlobInquiryAnswer<BlobTransferStatus>[]) => void,
  ): Cancel {
    return this.#inquire(this.#askingStates, parameters, BlobTransferGet, done);
  }

  #inquire<T>(
    asking: Set<ClientInquiry<T>>,
    parameters: BlobInquiryParameters,
    request: MessageType<EmptyMessage>,
    done: (answers: readonly BlobInquiryAnswer<T>[]) => void,
  ): Cancel {
    checkDestination(parameters);
    const inquiry = new ClientInquiry<T>({
      clock: this.#clock,
      model: this.model,
      defaultTtl: this.#defaultTtl,
      parameters,
      request,
      done: (answers) => {
        asking.delete(inquiry);
        done(answers);
      },
    });
    asking.add(inquiry);
    return () => {
      asking.delete(inquiry);
      inquiry.cancel();
    };
  }

  #check(parameters: BlobTransferParameters): void {
    if (this.#transfer !== undefined && !this.#transfer.isOver) {
      throw new MeshError('blob-busy', 'another BLOB transfer is under way', {
        hint: 'Wait until it ends, or cancel it.',
      });
    }
    checkTransfer(parameters);
  }
}
