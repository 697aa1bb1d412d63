import { Model, request } from '@meshferry/access';
import type { BlobClient } from '@meshferry/blob';
import {
  type AppIndex,
  type Cancel,
  type Clock,
  fail,
  type Log,
  MemoryStore,
  MeshError,
  ok,
  type Random,
  type Result,
  type Store,
  silent,
  type Unicast,
} from '@meshferry/core';
import {
  type FirmwareInformation,
  FirmwareUpdateCancel,
  FirmwareUpdateFirmwareMetadataCheck,
  FirmwareUpdateFirmwareMetadataStatus,
  FirmwareUpdateGet,
  FirmwareUpdateInformationGet,
  FirmwareUpdateInformationStatus,
  FirmwareUpdateStatus,
} from './firmware-update-messages.ts';
import { planOf, receiversOf } from './update-parameters.ts';
import { UpdateRun } from './update-run.ts';
import { UpdateStore } from './update-store.ts';
import type { SavedUpdate, Update, UpdateEvent, UpdateParameters } from './update-types.ts';

/** Model identifier of the Firmware Update Client. */
export const FIRMWARE_UPDATE_CLIENT = 0x1403;

/** What a {@link FirmwareUpdateClient} stands on. */
export interface FirmwareUpdateClientOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** The BLOB Transfer Client of the same element. */
  readonly blob: BlobClient;
  /** A view of its own, in which a running update survives the process. Default: in memory. */
  readonly store?: Store;
  readonly log?: Log;
  /** The node's Default TTL, for the time-outs of updates with TTL 0xFF. Default 5. */
  readonly defaultTtl?: number;
}

/** The answer to a metadata check. */
export interface MetadataVerdict {
  /** See `UpdateStatus`: 0 accepted, 5 refused, 4 no such image. */
  readonly status: number;
  /** See `UpdateEffect`. */
  readonly effect: number;
}

/** A single request, such as a metadata check, is sent so often, with so many ms between: 10 s in all. */
const ATTEMPTS = 5;
const INTERVAL_MS = 2000;

/**
 * Firmware Update Client, 0x1403 [MshDFU 4.2 and 6.2]: asks nodes about their firmware, and updates many at once.
 * All requests of an update go by unicast, also when the image goes to a group: an answer outside Idle takes two
 * segments, and those of many targets at once would collide.
 */
export class FirmwareUpdateClient {
  readonly model: Model;
  readonly #options: FirmwareUpdateClientOptions;
  readonly #store: UpdateStore;
  #run: UpdateRun | undefined;

  constructor(options: FirmwareUpdateClientOptions) {
    this.#options = options;
    this.#store = new UpdateStore(options.store ?? new MemoryStore());
    this.model = new Model({
      id: FIRMWARE_UPDATE_CLIENT,
      name: 'Firmware Update Client',
      extends: [options.blob.model],
      priority: 'bulk',
    });
    this.model.handle(FirmwareUpdateInformationStatus);
    this.model.handle(FirmwareUpdateFirmwareMetadataStatus);
    this.model.handle(FirmwareUpdateStatus);
  }

  /**
   * The whole Firmware Information List of a node, page by page of at most `entriesLimit` images, 1 to 255 (default: as many
   * as fit a message). Errors: `no-response` and those of sending.
   */
  informationGet(
    address: Unicast,
    appIndex: AppIndex,
    done: (outcome: Result<{ readonly entries: readonly FirmwareInformation[] }, MeshError>) => void,
    entriesLimit: number = 255,
  ): Cancel {
    const entries: FirmwareInformation[] = [];
    let cancel: Cancel = () => {};
    const page = (): void => {
      const firstIndex = entries.length;
      cancel = request(
        this.model,
        {
          type: FirmwareUpdateInformationGet,
          value: { firstIndex, entriesLimit },
          to: { dst: address, appIndex },
          response: FirmwareUpdateInformationStatus,
          matches: (status) => status.firstIndex === firstIndex,
          attempts: ATTEMPTS,
          intervalMs: INTERVAL_MS,
        },
        (outcome) => {
          if (!outcome.ok) return done(outcome);
          entries.push(...outcome.value.entries);
          const more = outcome.value.entries.length > 0 && entries.length < outcome.value.listCount;
          return more ? page() : done(ok({ entries }));
        },
      );
    };
    page();
    return () => cancel();
  }

  /** Whether a node would take an image with this metadata, and what it would do. Errors as {@link informationGet}. */
  metadataCheck(
    address: Unicast,
    appIndex: AppIndex,
    imageIndex: number,
    metadata: Uint8Array,
    done: (outcome: Result<MetadataVerdict, MeshError>) => void,
  ): Cancel {
    return request(
      this.model,
      {
        type: FirmwareUpdateFirmwareMetadataCheck,
        value: { imageIndex, metadata },
        to: { dst: address, appIndex },
        response: FirmwareUpdateFirmwareMetadataStatus,
        matches: (status) => status.imageIndex === imageIndex,
        attempts: ATTEMPTS,
        intervalMs: INTERVAL_MS,
      },
      (outcome) =>
        done(
          outcome.ok
            ? ok({ status: outcome.value.status, effect: outcome.value.additionalInformation })
            : fail(outcome.error),
        ),
    );
  }

  /** The state of whatever update a node is in. Errors as {@link informationGet}. */
  updateGet(
    address: Unicast,
    appIndex: AppIndex,
    done: (outcome: Result<FirmwareUpdateStatus, MeshError>) => void,
  ): Cancel {
    return this.#askStatus(FirmwareUpdateGet, address, appIndex, done);
  }

  /** Ends whatever update a node is in, whoever began it. Errors as {@link informationGet}. */
  updateCancel(
    address: Unicast,
    appIndex: AppIndex,
    done: (outcome: Result<FirmwareUpdateStatus, MeshError>) => void,
  ): Cancel {
    return this.#askStatus(FirmwareUpdateCancel, address, appIndex, done);
  }

  /** The update that the store holds because it was not finished, whether it runs or not. */
  saved(): SavedUpdate | undefined {
    return this.#store.load();
  }

  /** The update that runs now. */
  get running(): Update | undefined {
    return this.#run;
  }

  /**
   * Updates the receivers; an unfinished update in the store is replaced, or taken up with `resume`. Nothing is sent and
   * no event told before this call has returned.
   * Throws `update-running`, `bad-update` for parameters that cannot be sent, `key-not-bound`, `nothing-to-resume`,
   * `resume-mismatch`.
   */
  update(parameters: UpdateParameters, listener: (event: UpdateEvent) => void): Update {
    if (this.#run !== undefined) {
      throw new MeshError('update-running', 'a firmware update is running on this node', {
        hint: 'Wait until it ends, or cancel it.',
      });
    }
    const saved = parameters.resume === true ? this.saved() : undefined;
    const receivers = receiversOf(parameters, saved);
    const plan = planOf(parameters, saved);
    this.#checkBound(plan.appIndex);
    this.#store.begin(plan, parameters.source.size, saved?.phase ?? 'starting', receivers);
    const { clock, random, blob, log = silent, defaultTtl = 5 } = this.#options;
    const run = new UpdateRun(
      {
        clock,
        random,
        model: this.model,
        blob,
        store: this.#store,
        log,
        defaultTtl,
        outlook: parameters.outlook,
        listener,
        released: () => {
          this.#run = undefined;
        },
      },
      plan,
      parameters.source,
      receivers,
      saved?.phase,
    );
    this.#run = run;
    return run;
  }

  /** Found before anything is sent: every message would fail, and all targets seem silent. */
  #checkBound(appIndex: AppIndex): void {
    for (const model of [this.model, this.#options.blob.model]) {
      if (model.appKeys.includes(appIndex)) continue;
      throw new MeshError('key-not-bound', `AppKey ${appIndex} is not bound to the ${model.name} of this node`, {
        hint: 'Bind the AppKey of the update to both the Firmware Update Client and the BLOB Transfer Client.',
      });
    }
  }

  #askStatus(
    type: typeof FirmwareUpdateGet,
    address: Unicast,
    appIndex: AppIndex,
    done: (outcome: Result<FirmwareUpdateStatus, MeshError>) => void,
  ): Cancel {
    return request(
      this.model,
      {
        type,
        value: {},
        to: { dst: address, appIndex },
        response: FirmwareUpdateStatus,
        attempts: ATTEMPTS,
        intervalMs: INTERVAL_MS,
      },
      done,
    );
  }
}
