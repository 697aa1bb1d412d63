import { type Address, encodeRecord, equal, type Log, readRecord, type Store, toMeshError } from '@meshferry/core';
import { DistributionPhase, distributionPhaseName } from './distribution-codes.ts';
import type { FirmwareDistributionStart, FirmwareDistributionStatus } from './distribution-messages.ts';

/** The state of a distribution as the store holds it; none in Idle. */
export interface DistributionRecord {
  readonly parameters: FirmwareDistributionStart;
  /** The virtual address when `parameters.multicast` is a Label UUID. */
  readonly multicastAddress: Address;
  readonly blobId: bigint;
  readonly phase: number;
}

const KEY = 'distribution';

export function saveDistribution(store: Store, record: DistributionRecord | undefined): void {
  store.batch([[KEY, record === undefined ? null : encodeRecord(record)]]);
}

/** The phase of a distribution and what belongs to it, durable. */
export class DistributionState {
  readonly #store: Store;
  readonly #log: Log;
  readonly #changed: (phase: number) => void;
  #record: DistributionRecord | undefined;

  /** `changed` is told each new phase, after it was stored. */
  constructor(store: Store, log: Log, changed: (phase: number) => void) {
    this.#store = store;
    this.#log = log;
    this.#changed = changed;
    this.#record = readRecord<DistributionRecord>(store, KEY);
  }

  /** Undefined in Idle. */
  get record(): DistributionRecord | undefined {
    return this.#record;
  }

  /** One of {@link DistributionPhase}. */
  get phase(): number {
    return this.#record?.phase ?? DistributionPhase.idle;
  }

  /** What a request changes: when the store refuses it (`store-failed`), everything is as it was. */
  enter(record: DistributionRecord | undefined): void {
    saveDistribution(this.#store, record);
    this.#take(record);
  }

  /** {@link enter} with another phase; nothing in Idle, or when it is the phase already. */
  enterPhase(phase: number): void {
    if (this.#record !== undefined && this.phase !== phase) this.enter({ ...this.#record, phase });
  }

  /** What has happened counts also when the store refuses it: then only a power cut would cost it. */
  follow(record: DistributionRecord | undefined): void {
    this.attempt(() => saveDistribution(this.#store, record));
    this.#take(record);
  }

  /** {@link follow} with another phase; nothing in Idle. */
  followPhase(phase: number): void {
    if (this.#record !== undefined) this.follow({ ...this.#record, phase });
  }

  /** A write that may fail without harm to what runs. */
  attempt(write: () => void): void {
    try {
      write();
    } catch (thrown) {
      this.#log('error', 'the distribution could not be stored', toMeshError(thrown).toJSON());
    }
  }

  #take(record: DistributionRecord | undefined): void {
    this.#record = record;
    this.#log('info', `Distribution Phase ${distributionPhaseName(this.phase)}`);
    this.#changed(this.phase);
  }
}

/** Whether a Start repeats another one, or resumes what it began. */
export function isSameDistribution(a: FirmwareDistributionStart, b: FirmwareDistributionStart): boolean {
  return (
    a.appKeyIndex === b.appKeyIndex &&
    a.distributionTtl === b.distributionTtl &&
    a.timeoutBase === b.timeoutBase &&
    a.transferMode === b.transferMode &&
    a.updatePolicy === b.updatePolicy &&
    a.imageIndex === b.imageIndex &&
    isSameDestination(a.multicast, b.multicast)
  );
}

/** The Status message in a state. */
export function distributionStatus(status: number, record: DistributionRecord | undefined): FirmwareDistributionStatus {
  const parameters = record?.parameters;
  return {
    status,
    phase: record?.phase ?? DistributionPhase.idle,
    multicastAddress: record?.multicastAddress,
    appKeyIndex: parameters?.appKeyIndex,
    distributionTtl: parameters?.distributionTtl,
    timeoutBase: parameters?.timeoutBase,
    transferMode: parameters?.transferMode,
    updatePolicy: parameters?.updatePolicy,
    imageIndex: parameters?.imageIndex,
  };
}

function isSameDestination(a: Address | Uint8Array, b: Address | Uint8Array): boolean {
  return typeof a === 'number' || typeof b === 'number' ? a === b : equal(a, b);
}
