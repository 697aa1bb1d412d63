import { type MessageType, Model, request } from '@meshferry/access';
import type { BlobClient } from '@meshferry/blob';
import {
  type AppIndex,
  type Cancel,
  type Clock,
  fail,
  type MeshError,
  type Random,
  type Result,
  type Unicast,
} from '@meshferry/core';
import { isFirmware, isRefusal, phaseOtherThan } from './distribution-answers.ts';
import {
  DistributionPhase,
  DistributionStatus,
  FIRMWARE_DISTRIBUTION_CLIENT,
  UploadPhase,
} from './distribution-codes.ts';
import { distributorSilent } from './distribution-errors.ts';
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
  FirmwareDistributionCapabilitiesStatusOfEspIdf,
  FirmwareDistributionGet,
  FirmwareDistributionStart,
  FirmwareDistributionStatus,
  FirmwareDistributionSuspend,
} from './distribution-messages.ts';
import {
  type AddedReceiver,
  FirmwareDistributionReceiversAdd,
  FirmwareDistributionReceiversDeleteAll,
  FirmwareDistributionReceiversGet,
  FirmwareDistributionReceiversList,
  FirmwareDistributionReceiversStatus,
} from './distribution-receivers-messages.ts';

/** What a {@link FirmwareDistributionClient} stands on. */
export interface FirmwareDistributionClientOptions {
  readonly clock: Clock;
  /** Cryptographic: BLOB IDs come from it. */
  readonly random: Random;
  /** The BLOB Transfer Client of the same element, for uploads. */
  readonly blob: BlobClient;
  /** Transmissions of a request. Default 10. */
  readonly attempts?: number;
  /** From the end of one transmission to the next, ms. Default 3000. */
  readonly intervalMs?: number;
  /**
   * Whether a Capabilities Status under the opcode of its request is taken, as ESP-IDF sends it. Default true. It must be
   * false when a Firmware Distribution Server stands on the same element, because that receives the opcode.
   */
  readonly acceptMisplacedCapabilities?: boolean;
}

/** The element with the Firmware Distribution Server, and how it is spoken to. */
export interface Distributor {
  readonly address: Unicast;
  /** Bound to this client and to that server. */
  readonly appIndex: AppIndex;
  /** 0x00 to 0x7F; absent or 0xFF: the Default TTL. */
  readonly ttl?: number;
}

/** Called once, never before the request returned. Errors: `distributor-silent`, `cancelled`, those of sending. */
export type Answered<R> = (outcome: Result<R, MeshError>) => void;

const ATTEMPTS = 10;
const INTERVAL_MS = 3000;
const Status = DistributionStatus;
const Phase = DistributionPhase;

/**
 * Firmware Distribution Client, 0x1405 [MshDFU 1.0]: the requests of an Initiator. Each is repeated until it is answered
 * (30 s by default, because a Distributor may erase flash before it answers). A status other than Success is an answer
 * as well. A late answer to an earlier request is told from the one that is waited for where the messages allow it.
 */
export class FirmwareDistributionClient {
  readonly model: Model;
  readonly clock: Clock;
  readonly random: Random;
  readonly blob: BlobClient;
  readonly #attempts: number;
  readonly #intervalMs: number;
  readonly #acceptsMisplaced: boolean;

  constructor(options: FirmwareDistributionClientOptions) {
    this.clock = options.clock;
    this.random = options.random;
    this.blob = options.blob;
    this.#attempts = options.attempts ?? ATTEMPTS;
    this.#intervalMs = options.intervalMs ?? INTERVAL_MS;
    this.#acceptsMisplaced = options.acceptMisplacedCapabilities ?? true;
    this.model = new Model({
      id: FIRMWARE_DISTRIBUTION_CLIENT,
      name: 'Firmware Distribution Client',
      extends: [options.blob.model],
    });
    this.model.handle(FirmwareDistributionReceiversStatus);
    this.model.handle(FirmwareDistributionReceiversList);
    this.model.handle(FirmwareDistributionCapabilitiesStatus);
    this.model.handle(FirmwareDistributionStatus);
    this.model.handle(FirmwareDistributionUploadStatus);
    this.model.handle(FirmwareDistributionFirmwareStatus);
    if (this.#acceptsMisplaced) this.model.handle(FirmwareDistributionCapabilitiesStatusOfEspIdf);
  }

  /** What the Distributor can hold. */
  capabilitiesGet(to: Distributor, done: Answered<FirmwareDistributionCapabilitiesStatus>): Cancel {
    let stopListening: Cancel = () => {};
    const once: typeof done = (outcome) => {
      stopListening();
      done(outcome);
    };
    const cancel = this.#ask(
      to,
      FirmwareDistributionCapabilitiesGet,
      {},
      FirmwareDistributionCapabilitiesStatus,
      (outcome) => once(misplaced ?? outcome),
    );
    let misplaced: Result<FirmwareDistributionCapabilitiesStatus, MeshError> | undefined;
    if (this.#acceptsMisplaced) {
      stopListening = this.model.listen(FirmwareDistributionCapabilitiesStatusOfEspIdf, (value, { src }) => {
        if (src !== to.address) return;
        misplaced = { ok: true, value };
        cancel();
      });
    }
    return cancel;
  }

  /** Adds 1 to 125 receivers; 3 fit one unsegmented message. */
  receiversAdd(
    to: Distributor,
    receivers: readonly AddedReceiver[],
    done: Answered<FirmwareDistributionReceiversStatus>,
  ): Cancel {
    const value = { receivers: [...receivers] };
    return this.#ask(to, FirmwareDistributionReceiversAdd, value, FirmwareDistributionReceiversStatus, done);
  }

  receiversDeleteAll(to: Distributor, done: Answered<FirmwareDistributionReceiversStatus>): Cancel {
    const response = FirmwareDistributionReceiversStatus;
    return this.#ask(
      to,
      FirmwareDistributionReceiversDeleteAll,
      {},
      response,
      done,
      (answer) => isRefusal(answer) || answer.receiversListCount === 0,
    );
  }

  /** A part of the receivers list, from `firstIndex` on, `entriesLimit` (1 or more) at most. */
  receiversGet(
    to: Distributor,
    firstIndex: number,
    entriesLimit: number,
    done: Answered<FirmwareDistributionReceiversList>,
  ): Cancel {
    const value = { firstIndex, entriesLimit };
    const response = FirmwareDistributionReceiversList;
    return this.#ask(to, FirmwareDistributionReceiversGet, value, response, done, (answer) => {
      return answer.firstIndex === firstIndex;
    });
  }

  get(to: Distributor, done: Answered<FirmwareDistributionStatus>): Cancel {
    return this.#ask(to, FirmwareDistributionGet, {}, FirmwareDistributionStatus, done);
  }

  start(to: Distributor, start: FirmwareDistributionStart, done: Answered<FirmwareDistributionStatus>): Cancel {
    const matches = phaseOtherThan(Phase.idle, Phase.cancelingUpdate);
    return this.#ask(to, FirmwareDistributionStart, start, FirmwareDistributionStatus, done, matches);
  }

  suspend(to: Distributor, done: Answered<FirmwareDistributionStatus>): Cancel {
    const matches = phaseOtherThan(Phase.idle, Phase.transferActive);
    return this.#ask(to, FirmwareDistributionSuspend, {}, FirmwareDistributionStatus, done, matches);
  }

  apply(to: Distributor, done: Answered<FirmwareDistributionStatus>): Cancel {
    const matches = phaseOtherThan(Phase.idle, Phase.transferActive, Phase.transferSuccess, Phase.transferSuspended);
    return this.#ask(to, FirmwareDistributionApply, {}, FirmwareDistributionStatus, done, matches);
  }

  /** Answered with Canceling Update while the targets are told, with Idle when that is over. */
  cancel(to: Distributor, done: Answered<FirmwareDistributionStatus>): Cancel {
    return this.#ask(to, FirmwareDistributionCancel, {}, FirmwareDistributionStatus, done, (answer) => {
      return isRefusal(answer) || answer.phase === Phase.idle || answer.phase === Phase.cancelingUpdate;
    });
  }

  uploadGet(to: Distributor, done: Answered<FirmwareDistributionUploadStatus>): Cancel {
    return this.#ask(to, FirmwareDistributionUploadGet, {}, FirmwareDistributionUploadStatus, done);
  }

  uploadStart(
    to: Distributor,
    start: FirmwareDistributionUploadStart,
    done: Answered<FirmwareDistributionUploadStatus>,
  ): Cancel {
    return this.#ask(to, FirmwareDistributionUploadStart, start, FirmwareDistributionUploadStatus, done, (answer) => {
      return isRefusal(answer) || isFirmware(answer, start.firmwareId);
    });
  }

  /** The Distributor answers when it has looked at the URI, which may take it a while. */
  uploadOobStart(
    to: Distributor,
    start: FirmwareDistributionUploadOobStart,
    done: Answered<FirmwareDistributionUploadStatus>,
  ): Cancel {
    const response = FirmwareDistributionUploadStatus;
    return this.#ask(to, FirmwareDistributionUploadOobStart, start, response, done, (answer) => {
      return isRefusal(answer) || isFirmware(answer, start.currentFirmwareId);
    });
  }

  uploadCancel(to: Distributor, done: Answered<FirmwareDistributionUploadStatus>): Cancel {
    const response = FirmwareDistributionUploadStatus;
    return this.#ask(to, FirmwareDistributionUploadCancel, {}, response, done, (answer) => {
      return isRefusal(answer) || answer.phase === UploadPhase.idle;
    });
  }

  /** Where an image stands in the list: Success, or Firmware Not Found. */
  firmwareGet(to: Distributor, firmwareId: Uint8Array, done: Answered<FirmwareDistributionFirmwareStatus>): Cancel {
    const response = FirmwareDistributionFirmwareStatus;
    return this.#ask(to, FirmwareDistributionFirmwareGet, { firmwareId }, response, done, (answer) => {
      return isFirmware(answer, firmwareId);
    });
  }

  firmwareGetByIndex(to: Distributor, imageIndex: number, done: Answered<FirmwareDistributionFirmwareStatus>): Cancel {
    const response = FirmwareDistributionFirmwareStatus;
    return this.#ask(to, FirmwareDistributionFirmwareGetByIndex, { imageIndex }, response, done, (answer) => {
      return (answer.imageIndex ?? 0xffff) === imageIndex;
    });
  }

  /** Success also when the image was not there. The later images move down. */
  firmwareDelete(to: Distributor, firmwareId: Uint8Array, done: Answered<FirmwareDistributionFirmwareStatus>): Cancel {
    const response = FirmwareDistributionFirmwareStatus;
    return this.#ask(to, FirmwareDistributionFirmwareDelete, { firmwareId }, response, done, (answer) => {
      return answer.status === Status.busyWithDistribution || isFirmware(answer, firmwareId);
    });
  }

  firmwareDeleteAll(to: Distributor, done: Answered<FirmwareDistributionFirmwareStatus>): Cancel {
    const response = FirmwareDistributionFirmwareStatus;
    return this.#ask(to, FirmwareDistributionFirmwareDeleteAll, {}, response, done, (answer) => {
      return isRefusal(answer) || answer.entryCount === 0;
    });
  }

  #ask<T, R>(
    { address, appIndex, ttl }: Distributor,
    type: MessageType<T>,
    value: T,
    response: MessageType<R>,
    done: Answered<R>,
    matches?: (answer: R) => boolean,
  ): Cancel {
    return request(
      this.model,
      {
        type,
        value,
        to: { dst: address, appIndex, ...(ttl === undefined ? {} : { ttl }) },
        response,
        attempts: this.#attempts,
        intervalMs: this.#intervalMs,
        ...(matches === undefined ? {} : { matches }),
      },
      (outcome) => {
        const isSilent = !outcome.ok && outcome.error.code === 'no-response';
        done(isSilent ? fail(distributorSilent(address, type.name, outcome.error)) : outcome);
      },
    );
  }
}
