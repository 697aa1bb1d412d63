import { type Address, encodeRecord, equal, readRecord, type Store } from '@meshferry/core';
import { DistributionPhase } from './distribution-codes.ts';
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

export function loadDistribution(store: Store): DistributionRecord | undefined {
  return readRecord<DistributionRecord>(store, KEY);
}

export function saveDistribution(store: Store, record: DistributionRecord | undefined): void {
  store.batch([[KEY, record === undefined ? null : encodeRecord(record)]]);
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
