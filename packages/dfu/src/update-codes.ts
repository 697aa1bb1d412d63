/** Status of a Firmware Update message, 3 bits [MshDFU table 3.7]. */
export const UpdateStatus = {
  success: 0,
  insufficientResources: 1,
  wrongPhase: 2,
  /** Also what a client records for a target that never answered. */
  internalError: 3,
  wrongFirmwareIndex: 4,
  metadataCheckFailed: 5,
  temporarilyUnavailable: 6,
  blobTransferBusy: 7,
} as const;

/**
 * Where a target is in its update: 0 to 6 are the Update Phase of the target itself, all together are the Retrieved
 * Update Phase that a Distributor keeps of it [MshDFU 4.1.1.2 and 4.2.1].
 */
export const UpdatePhase = {
  idle: 0,
  transferError: 1,
  transferActive: 2,
  verifyingUpdate: 3,
  verificationSucceeded: 4,
  verificationFailed: 5,
  applyingUpdate: 6,
  transferCanceled: 7,
  applySuccess: 8,
  applyFailed: 9,
  unknown: 10,
} as const;

/** Additional Information: what applying the image does to the node; 4 to 31 are reserved for future use. */
export const UpdateEffect = {
  /** The composition data does not change: same node, new firmware. */
  unchanged: 0,
  /** It changes, but only a new provisioning by hand shows it. */
  compositionChangedWithoutRemoteProvisioning: 1,
  /** It changes and shows as Composition Data Page 128 until a node provisioning protocol interface procedure. */
  compositionChangedWithRemoteProvisioning: 2,
  /** The node leaves the network. */
  unprovisioned: 3,
} as const;

const PHASE_NAMES = [
  'Idle',
  'Transfer Error',
  'Transfer Active',
  'Verifying Update',
  'Verification Succeeded',
  'Verification Failed',
  'Applying Update',
  'Transfer Canceled',
  'Apply Success',
  'Apply Failed',
  'Unknown',
];

const STATUS_NAMES = [
  'Success',
  'Insufficient Resources',
  'Wrong Phase',
  'Internal Error',
  'Wrong Firmware Index',
  'Metadata Check Failed',
  'Temporarily Unavailable',
  'BLOB Transfer Busy',
];

/** The name of a (Retrieved) Update Phase for people: `Verification Succeeded`. */
export function updatePhaseName(phase: number): string {
  return PHASE_NAMES[phase] ?? `reserved phase ${phase}`;
}

/** The name of an Update Status for people: `Metadata Check Failed`. */
export function updateStatusName(status: number): string {
  return STATUS_NAMES[status] ?? `reserved status ${status}`;
}
