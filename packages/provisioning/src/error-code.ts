import { MeshError } from '@meshferry/core';

/** Why a device gave up, by Error Code from 0x01 [Mesh Protocol 1.1, 5.4.4]. */
export const PROVISIONING_ERRORS = [
  'invalid-pdu',
  'invalid-format',
  'unexpected-pdu',
  'confirmation-failed',
  'out-of-resources',
  'decryption-failed',
  'unexpected-error',
  'cannot-assign-addresses',
  'invalid-data',
] as const;

/** See {@link PROVISIONING_ERRORS}. */
export type ProvisioningErrorName = (typeof PROVISIONING_ERRORS)[number];

const EXPLAINED: Readonly<Record<ProvisioningErrorName, readonly [what: string, hint: string]>> = {
  'invalid-pdu': ['it does not know a PDU (Invalid PDU)', 'Its firmware may be older than what was asked for.'],
  'invalid-format': [
    'a PDU or key was malformed to it (Invalid Format)',
    'Try again; if it stays so, report the device and this message.',
  ],
  'unexpected-pdu': ['a PDU came out of order (Unexpected PDU)', 'Try again: another link may have been left open.'],
  'confirmation-failed': ['', ''], // an error of its own, see below
  'out-of-resources': ['it is short of resources (Out of Resources)', 'Wait a while or restart the device.'],
  'decryption-failed': ['the data did not decrypt (Decryption Failed)', 'Try again; someone may disturb the link.'],
  'unexpected-error': ['of an error of its own (Unexpected Error)', 'Restart the device and try again.'],
  'cannot-assign-addresses': [
    'it could not take its addresses (Cannot Assign Addresses)',
    'Choose a range with room for all its elements.',
  ],
  'invalid-data': ['the provisioning data did not suit it (Invalid Data)', 'Check address, key index and IV Index.'],
};

/** The Error Code octet of a name. */
export function errorCode(name: ProvisioningErrorName): number {
  return PROVISIONING_ERRORS.indexOf(name) + 1;
}

/** A device's Provisioning Failed in words: `confirmation-failed`, or `provisioning-failed` for every other code. */
export function deviceFailed(code: number): MeshError {
  const name = PROVISIONING_ERRORS[code - 1];
  if (name === 'confirmation-failed') return confirmationFailed('the device');
  const [what, hint] =
    name === undefined
      ? [`of the reserved error code 0x${code.toString(16).padStart(2, '0')}`, 'Try again.']
      : EXPLAINED[name];
  const because = what.startsWith('of') ? what : `because ${what}`;
  return new MeshError('provisioning-failed', `the device refused to be provisioned ${because}`, { hint });
}

/** The two sides do not share the same secret: told by `witness`. */
export function confirmationFailed(witness: string): MeshError {
  return new MeshError('confirmation-failed', `${witness} found the confirmation wrong: the OOB values do not match`, {
    hint: 'Check the OOB value and try again. Do not use the same value many times: someone else may be on the link.',
  });
}
