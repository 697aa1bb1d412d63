/** Status of a Firmware Update message, 3 bits [MshDFU table 3.7]. */
export const UpdateStatus = {
  Success: 0,
  InsufficientResources: 1,
  WrongPhase: 2,
  /** Also what a client records for a target that never answered. */
  InternalError: 3,
  WrongFirmwareIndex: 4,
  MetadataCheckFailed: 5,
  TemporarilyUnavailable: 6,
  BlobTransferBusy: 7,
} as const;

/**
 * Where a target is in its update: 0 to 6 are the Update Phase of the target itself, all together are the Retrieved
 * Update Phase that a Distributor keeps of it [MshDFU 4.1.1.2 and 4.2.1].
 */
export const UpdatePhase = {
  Idle: 0,
  TransferError: 1,
  TransferActive: 2,
  VerifyingUpdate: 3,
  VerificationSucceeded: 4,
  VerificationFailed: 5,
  ApplyingUpdate: 6,
  TransferCanceled: 7,
  ApplySuccess: 8,
  ApplyFailed: 9,
  Unknown: 10,
} as const;

/** Additional Information: what applying the image does to the node; 4 to 31 are reserved for future use. */
export const UpdateEffect = {
  /** The composition data does not change: same node, new firmware. */
  Unchanged: 0,
  /** It changes, but only a new provisioning by hand shows it. */
  CompositionChangedWithoutRemoteProvisioning: 1,
  /** It changes and shows as Composition Data Page 128 until a node provisioning protocol interface procedure. */
  CompositionChangedWithRemoteProvisioning: 2,
  /** The node leaves the network. */
  Unprovisioned: 3,
} as const;

/** `Verification Succeeded`: the specification's name of a (Retrieved) Update Phase, or `phase 12` for another number. */
export function updatePhaseName(phase: number): string {
  return nameOf(UpdatePhase, phase, 'phase');
}

/** `Metadata Check Failed`: the specification's name of an Update Status, or `status 9` for another number. */
export function updateStatusName(status: number): string {
  return nameOf(UpdateStatus, status, 'status');
}

function nameOf(names: Readonly<Record<string, number>>, value: number, kind: string): string {
  for (const name in names) if (names[name] === value) return name.replace(/(?<=[a-z])[A-Z]/g, ' $&');
  return `${kind} ${value}`;
}
