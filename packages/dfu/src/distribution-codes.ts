/** Model identifiers. */
export const FIRMWARE_DISTRIBUTION_SERVER = 0x1404;
export const FIRMWARE_DISTRIBUTION_CLIENT = 0x1405;

/** Status of a Firmware Distribution message [MshDFU 1.0]; 14 and above are reserved for future use. */
export const DistributionStatus = {
  success: 0,
  insufficientResources: 1,
  wrongPhase: 2,
  internalError: 3,
  firmwareNotFound: 4,
  invalidAppKeyIndex: 5,
  receiversListEmpty: 6,
  busyWithDistribution: 7,
  busyWithUpload: 8,
  uriNotSupported: 9,
  uriMalformed: 10,
  uriUnreachable: 11,
  newFirmwareNotAvailable: 12,
  suspendFailed: 13,
} as const;

/** Distribution Phase of a Distributor; 8 and above are prohibited [MshDFU 1.0]. */
export const DistributionPhase = {
  idle: 0,
  transferActive: 1,
  transferSuccess: 2,
  applyingUpdate: 3,
  completed: 4,
  failed: 5,
  cancelingUpdate: 6,
  transferSuspended: 7,
} as const;

/** Upload Phase of a Distributor; 4 and above are prohibited [MshDFU 1.0]. */
export const UploadPhase = {
  idle: 0,
  transferActive: 1,
  transferError: 2,
  transferSuccess: 3,
} as const;

const STATUS_NAMES = [
  'Success',
  'Insufficient Resources',
  'Wrong Phase',
  'Internal Error',
  'Firmware Not Found',
  'Invalid AppKey Index',
  'Receivers List Empty',
  'Busy With Distribution',
  'Busy With Upload',
  'URI Not Supported',
  'URI Malformed',
  'URI Unreachable',
  'New Firmware Not Available',
  'Suspend Failed',
];

const PHASE_NAMES = [
  'Idle',
  'Transfer Active',
  'Transfer Success',
  'Applying Update',
  'Completed',
  'Failed',
  'Canceling Update',
  'Transfer Suspended',
];

const UPLOAD_PHASE_NAMES = ['Idle', 'Transfer Active', 'Transfer Error', 'Transfer Success'];

/** The name of a status for people: `Firmware Not Found`. */
export function distributionStatusName(status: number): string {
  return STATUS_NAMES[status] ?? `reserved status ${status}`;
}

/** The name of a Distribution Phase for people: `Transfer Suspended`. */
export function distributionPhaseName(phase: number): string {
  return PHASE_NAMES[phase] ?? `reserved phase ${phase}`;
}

/** The name of an Upload Phase for people: `Transfer Error`. */
export function uploadPhaseName(phase: number): string {
  return UPLOAD_PHASE_NAMES[phase] ?? `reserved phase ${phase}`;
}
