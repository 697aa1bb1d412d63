import { ok, type Result } from '@meshferry/core';
import {
  type AlgorithmName,
  INPUT_ACTIONS,
  type InputAction,
  OOB_SIZE_MAX,
  OUTPUT_ACTIONS,
  type OutputAction,
  type ProvisioningCapabilities,
} from './capabilities.ts';
import { badFormat, type ProvisioningPduError } from './pdu-error.ts';

/** How the two sides make sure of one another [Mesh Protocol 1.1, 5.4.1.3]. `size`: 1 to 8. */
export type Authentication =
  /** Not at all: whoever is on the link gets the keys. */
  | { readonly method: 'none' }
  /** By octets known to both beforehand. */
  | { readonly method: 'static' }
  /** The device shows a value, the user enters it at the Provisioner. */
  | { readonly method: 'output'; readonly action: OutputAction; readonly size: number }
  /** The Provisioner shows a value, the user enters it at the device. */
  | { readonly method: 'input'; readonly action: InputAction; readonly size: number };

/** What the Provisioner has chosen [Mesh Protocol 1.1, 5.4.1.3]. */
export interface ProvisioningStart {
  readonly algorithm: AlgorithmName;
  /** Whether the device's public key is the one known out of band. */
  readonly publicKeyOob: boolean;
  readonly authentication: Authentication;
}

const METHODS = ['none', 'static', 'output', 'input'] as const;
/** Octets of the parameters. */
const START_OCTETS = 5;

/** The 5 octets of the parameters. */
export function encodeStart({ algorithm, publicKeyOob, authentication }: ProvisioningStart): Uint8Array {
  const { method } = authentication;
  const octets = Uint8Array.of(algorithm === 'hmac' ? 1 : 0, publicKeyOob ? 1 : 0, METHODS.indexOf(method), 0, 0);
  if (method === 'output') octets[3] = OUTPUT_ACTIONS.indexOf(authentication.action);
  if (method === 'input') octets[3] = INPUT_ACTIONS.indexOf(authentication.action);
  if (method === 'output' || method === 'input') octets[4] = authentication.size;
  return octets;
}

/** The parameters of a Start PDU; every reserved or prohibited value is an error. */
export function decodeStart(parameters: Uint8Array): Result<ProvisioningStart, ProvisioningPduError> {
  if (parameters.length !== START_OCTETS) return badFormat('Start', 0, 'not 6 octets');
  if (parameters[0]! > 1) return badFormat('Algorithm', 1, `${parameters[0]} is reserved`);
  if (parameters[1]! > 1) return badFormat('Public Key', 2, `${parameters[1]} is reserved`);
  const authentication = decodeAuthentication(parameters[2]!, parameters[3]!, parameters[4]!);
  if (!authentication.ok) return authentication;
  return ok({
    algorithm: parameters[0] === 1 ? 'hmac' : 'cmac',
    publicKeyOob: parameters[1] === 1,
    authentication: authentication.value,
  });
}

/** What in `start` the device with these capabilities has not offered, or undefined when all of it is. */
export function notOffered(start: ProvisioningStart, capabilities: ProvisioningCapabilities): string | undefined {
  if (!capabilities.algorithms.includes(start.algorithm)) return `algorithm ${start.algorithm}`;
  if (start.publicKeyOob && !capabilities.publicKeyOob) return 'OOB public key';
  const { authentication } = start;
  switch (authentication.method) {
    case 'none':
      return capabilities.onlyOobAuthenticated ? 'provisioning without authentication' : undefined;
    case 'static':
      return capabilities.staticOob ? undefined : 'static OOB';
    case 'output': {
      const { action, size } = authentication;
      const offered = capabilities.outputOobActions.includes(action) && size <= capabilities.outputOobSize;
      return offered ? undefined : `output ${action} of size ${size}`;
    }
    case 'input': {
      const { action, size } = authentication;
      const offered = capabilities.inputOobActions.includes(action) && size <= capabilities.inputOobSize;
      return offered ? undefined : `input ${action} of size ${size}`;
    }
  }
}

function decodeAuthentication(
  methodCode: number,
  actionCode: number,
  size: number,
): Result<Authentication, ProvisioningPduError> {
  const method = METHODS[methodCode];
  if (method === undefined) return badFormat('Authentication Method', 3, `${methodCode} is prohibited`);
  if (method === 'none' || method === 'static') {
    if (actionCode !== 0) return badFormat('Authentication Action', 4, `${actionCode} without an action`);
    if (size !== 0) return badFormat('Authentication Size', 5, `${size} without an action`);
    return ok({ method });
  }
  if (size < 1 || size > OOB_SIZE_MAX) return badFormat('Authentication Size', 5, `${size}, not 1 to 8`);
  if (method === 'output') {
    const action = OUTPUT_ACTIONS[actionCode];
    if (action !== undefined) return ok({ method, action, size });
  } else {
    const action = INPUT_ACTIONS[actionCode];
    if (action !== undefined) return ok({ method, action, size });
  }
  return badFormat('Authentication Action', 4, `${actionCode} is reserved`);
}
