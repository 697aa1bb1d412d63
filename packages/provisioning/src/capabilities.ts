import { ok, type Result } from '@meshferry/core';
import { badFormat, type ProvisioningPduError } from './pdu-error.ts';

/** How a device can tell its user a value, by bit of Output OOB Actions [Mesh Protocol 1.1, 5.4.1.2]. */
export const OUTPUT_ACTIONS = ['blink', 'beep', 'vibrate', 'numeric', 'alphanumeric'] as const;
/** How a user can tell a device a value, by bit of Input OOB Actions [Mesh Protocol 1.1, 5.4.1.2]. */
export const INPUT_ACTIONS = ['push', 'twist', 'numeric', 'alphanumeric'] as const;

/** See {@link OUTPUT_ACTIONS}; `numeric` and `alphanumeric` are Output Numeric and Output Alphanumeric. */
export type OutputAction = (typeof OUTPUT_ACTIONS)[number];
/** See {@link INPUT_ACTIONS}; `numeric` and `alphanumeric` are Input Numeric and Input Alphanumeric. */
export type InputAction = (typeof INPUT_ACTIONS)[number];

/** `hmac` is BTM_ECDH_P256_HMAC_SHA256_AES_CCM, the stronger one; `cmac` BTM_ECDH_P256_CMAC_AES128_AES_CCM. */
export type AlgorithmName = 'cmac' | 'hmac';

const ALGORITHMS: readonly AlgorithmName[] = ['cmac', 'hmac'];
/** Octets of the parameters. */
const CAPABILITIES_OCTETS = 11;
/** Largest size of an OOB value. */
export const OOB_SIZE_MAX = 8;

/** What a device can do when it is provisioned [Mesh Protocol 1.1, 5.4.1.2]. Reserved bits are not kept. */
export interface ProvisioningCapabilities {
  /** Number of Elements, 1 to 255. */
  readonly elements: number;
  readonly algorithms: readonly AlgorithmName[];
  /** Whether the device's public key can be had out of band. */
  readonly publicKeyOob: boolean;
  /** Whether static OOB data is available. */
  readonly staticOob: boolean;
  /** Whether the device refuses to be provisioned without authentication. */
  readonly onlyOobAuthenticated: boolean;
  /** 0 (none) to 8. */
  readonly outputOobSize: number;
  readonly outputOobActions: readonly OutputAction[];
  /** 0 (none) to 8. */
  readonly inputOobSize: number;
  readonly inputOobActions: readonly InputAction[];
}

/** The 11 octets of the parameters. Fields are cut to their width. */
export function encodeCapabilities(capabilities: ProvisioningCapabilities): Uint8Array {
  const octets = new Uint8Array(CAPABILITIES_OCTETS);
  const view = new DataView(octets.buffer);
  octets[0] = capabilities.elements;
  view.setUint16(1, bits(ALGORITHMS, capabilities.algorithms));
  octets[3] = capabilities.publicKeyOob ? 1 : 0;
  octets[4] = (capabilities.staticOob ? 1 : 0) | (capabilities.onlyOobAuthenticated ? 2 : 0);
  octets[5] = capabilities.outputOobSize;
  view.setUint16(6, bits(OUTPUT_ACTIONS, capabilities.outputOobActions));
  octets[8] = capabilities.inputOobSize;
  view.setUint16(9, bits(INPUT_ACTIONS, capabilities.inputOobActions));
  return octets;
}

/** The parameters of a Capabilities PDU. Reserved bits are ignored, a reserved size above 8 reads as 8: what is known works. */
export function decodeCapabilities(parameters: Uint8Array): Result<ProvisioningCapabilities, ProvisioningPduError> {
  if (parameters.length !== CAPABILITIES_OCTETS) return badFormat('Capabilities', 0, 'not 12 octets');
  if (parameters[0] === 0) return badFormat('Number of Elements', 1, '0 is prohibited');
  const view = new DataView(parameters.buffer, parameters.byteOffset);
  return ok({
    elements: parameters[0]!,
    algorithms: named(ALGORITHMS, view.getUint16(1)),
    publicKeyOob: (parameters[3]! & 1) !== 0,
    staticOob: (parameters[4]! & 1) !== 0,
    onlyOobAuthenticated: (parameters[4]! & 2) !== 0,
    outputOobSize: Math.min(parameters[5]!, OOB_SIZE_MAX),
    outputOobActions: named(OUTPUT_ACTIONS, view.getUint16(6)),
    inputOobSize: Math.min(parameters[8]!, OOB_SIZE_MAX),
    inputOobActions: named(INPUT_ACTIONS, view.getUint16(9)),
  });
}

function bits<T>(names: readonly T[], chosen: readonly T[]): number {
  let value = 0;
  for (let bit = 0; bit < names.length; bit++) if (chosen.includes(names[bit]!)) value |= 1 << bit;
  return value;
}

function named<T>(names: readonly T[], value: number): T[] {
  return names.filter((_, bit) => (value & (1 << bit)) !== 0);
}
