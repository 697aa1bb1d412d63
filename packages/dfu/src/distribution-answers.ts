import { equal } from '@meshferry/core';
import { DistributionStatus } from './distribution-codes.ts';
import type { FirmwareDistributionStatus } from './distribution-messages.ts';

// Which answer belongs to which request of a Firmware Distribution Client: late answers to earlier ones come in between.

/** An answer that says no, whatever was asked for. */
export function isRefusal({ status }: { readonly status: number }): boolean {
  return status !== DistributionStatus.success;
}

/** An answer about this image. */
export function isFirmware(answer: { readonly firmwareId: Uint8Array | undefined }, firmwareId: Uint8Array): boolean {
  return answer.firmwareId !== undefined && equal(answer.firmwareId, firmwareId);
}

/** A Success in one of these phases is a late answer to an earlier request. */
export function phaseOtherThan(...phases: readonly number[]): (answer: FirmwareDistributionStatus) => boolean {
  return (answer) => isRefusal(answer) || !phases.includes(answer.phase);
}
