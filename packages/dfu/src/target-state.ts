import { Emitter, encodeRecord, equal, type Log, readRecord, type Store, toMeshError } from '@meshferry/core';
import type { FirmwareUpdateStart, FirmwareUpdateStatus } from './firmware-update-messages.ts';
import { UpdatePhase, updatePhaseName } from './update-codes.ts';

/** The state of a Firmware Update Server outside Idle [MshDFU 4.1.1]; the metadata is kept whole to recognise it again. */
export interface TargetUpdate {
  phase: number;
  readonly ttl: number;
  readonly timeoutBase: number;
  readonly blobId: bigint;
  readonly imageIndex: number;
  readonly effect: number;
  readonly metadata: Uint8Array;
}

const KEY = 'update';

/** Where the update of a Target stands, in memory and in its store: the one place where its Update Phase changes. */
export class TargetState {
  /** Each new Update Phase. */
  readonly phases: Emitter<number> = new Emitter();
  readonly #store: Store;
  readonly #log: Log;
  /** Undefined in Idle. A new update is a new object, by which late callbacks are told from those that still count. */
  #update: TargetUpdate | undefined;

  /** Begins with what the store holds. */
  constructor(store: Store, log: Log) {
    this.#store = store;
    this.#log = log;
    this.#update = this.#load();
  }

  get update(): TargetUpdate | undefined {
    return this.#update;
  }

  /** The phase of this update, or of a new one in place of the old, durably; false: the store refused, all is as it was. */
  commit(update: TargetUpdate, phase: number): boolean {
    if (!this.#save({ ...update, phase })) return false;
    this.#enter(update, phase);
    return true;
  }

  /** The same for what has happened already: it counts until the power fails, also when the store refuses. */
  note(update: TargetUpdate, phase: number): void {
    this.#save({ ...update, phase });
    this.#enter(update, phase);
  }

  /** Idle, durably; false: the store refused, all is as it was. */
  commitIdle(): boolean {
    if (!this.#save(undefined)) return false;
    this.#leave();
    return true;
  }

  /** The same for an update that has ended already. */
  noteIdle(): void {
    this.#save(undefined);
    this.#leave();
  }

  #load(): TargetUpdate | undefined {
    if (this.#store.get(KEY) === undefined) return undefined;
    const update = readRecord<Partial<TargetUpdate> | null>(this.#store, KEY);
    if (isUpdate(update ?? {})) return update as TargetUpdate;
    this.#log('error', 'the state of the firmware update cannot be read: there is none');
    return undefined;
  }

  #enter(update: TargetUpdate, phase: number): void {
    update.phase = phase;
    this.#update = update;
    this.#log('info', `Update Phase ${updatePhaseName(phase)}`);
    this.phases.emit(phase);
  }

  #leave(): void {
    this.#update = undefined;
    this.phases.emit(UpdatePhase.idle);
  }

  #save(update: TargetUpdate | undefined): boolean {
    try {
      this.#store.batch([[KEY, update === undefined ? null : encodeRecord(update)]]);
      return true;
    } catch (thrown) {
      this.#log('error', 'the state of the firmware update could not be stored', toMeshError(thrown).toJSON());
      return false;
    }
  }
}

/** Whether a Start asks for exactly the update that runs [MshDFU 6.1.3.4]. */
export function isIdentical(update: TargetUpdate, start: FirmwareUpdateStart): boolean {
  return sameTransfer(update, start) && equal(update.metadata, start.metadata);
}

/** Whether a Start resumes an interrupted update: the same one, or the same without its metadata. */
export function isResumption(update: TargetUpdate, start: FirmwareUpdateStart): boolean {
  return sameTransfer(update, start) && (start.metadata.length === 0 || equal(update.metadata, start.metadata));
}

/** The Status of an update, or of Idle. */
export function statusOf(status: number, update: TargetUpdate | undefined): FirmwareUpdateStatus {
  return {
    status,
    phase: update?.phase ?? UpdatePhase.idle,
    updateTtl: update?.ttl,
    additionalInformation: update?.effect,
    updateTimeoutBase: update?.timeoutBase,
    updateBlobId: update?.blobId,
    imageIndex: update?.imageIndex,
  };
}

function isUpdate(record: Partial<TargetUpdate>): boolean {
  const { phase = UpdatePhase.idle, ttl, timeoutBase, blobId, imageIndex, effect, metadata } = record;
  const isCounted = [ttl, timeoutBase, imageIndex, effect].every((value) => Number.isInteger(value));
  const isPhase = phase > UpdatePhase.idle && phase <= UpdatePhase.applyingUpdate;
  return isCounted && isPhase && typeof blobId === 'bigint' && metadata instanceof Uint8Array;
}

function sameTransfer(update: TargetUpdate, start: FirmwareUpdateStart): boolean {
  return (
    update.blobId === start.updateBlobId &&
    update.ttl === start.updateTtl &&
    update.timeoutBase === start.updateTimeoutBase &&
    update.imageIndex === start.imageIndex
  );
}
