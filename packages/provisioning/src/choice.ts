import { fail, MeshError, ok, type Result } from '@meshferry/core';
import type { AlgorithmName, InputAction, OutputAction, ProvisioningCapabilities } from './capabilities.ts';
import type { ProvisionerOob, ProvisionerPolicy } from './provisioner-options.ts';
import { type Authentication, notOffered, type ProvisioningStart } from './start.ts';

/** What the choice depends on besides the device. */
export interface Wishes {
  readonly policy: ProvisionerPolicy;
  readonly oob: ProvisionerOob;
  /** The only method that is wanted. */
  readonly authentication: Authentication | undefined;
}

/**
 * What a Provisioner chooses of a device's capabilities [Mesh Protocol 1.1, 5.4.2.3]: never the older algorithm when there
 * is the enhanced one; the OOB public key when it is known; static OOB, else the output or input method whose values are
 * hardest to guess, else none.
 */
export function chooseStart(
  capabilities: ProvisioningCapabilities,
  wishes: Wishes,
): Result<ProvisioningStart, MeshError> {
  const algorithm = chooseAlgorithm(capabilities, wishes.policy);
  if (!algorithm.ok) return algorithm;
  const publicKeyOob = wishes.oob.publicKey !== undefined;
  if (publicKeyOob && !capabilities.publicKeyOob) return notOfferedError('OOB public key');
  const authentication = wishes.authentication ?? strongest(capabilities, wishes.oob);
  const start = { algorithm: algorithm.value, publicKeyOob, authentication };
  const error = checkAuthentication(start, capabilities, wishes);
  return error === undefined ? ok(start) : fail(error);
}

function chooseAlgorithm(
  { algorithms, onlyOobAuthenticated }: ProvisioningCapabilities,
  { allowCmac = false }: ProvisionerPolicy,
): Result<AlgorithmName, MeshError> {
  if (algorithms.includes('hmac')) return ok('hmac');
  if (!algorithms.includes('cmac') || onlyOobAuthenticated) {
    return fail(
      new MeshError('no-algorithm', 'the device offers no provisioning algorithm that may be used', {
        hint: 'Meshferry knows BTM_ECDH_P256_HMAC_SHA256_AES_CCM and BTM_ECDH_P256_CMAC_AES128_AES_CCM.',
      }),
    );
  }
  if (allowCmac) return ok('cmac');
  return fail(
    new MeshError('cmac-not-allowed', 'the device offers only the older algorithm BTM_ECDH_P256_CMAC_AES128_AES_CCM', {
      hint: 'It can be attacked during provisioning. Allow it for this device where nobody else is in reach of the radio.',
    }),
  );
}

function strongest(capabilities: ProvisioningCapabilities, oob: ProvisionerOob): Authentication {
  if (capabilities.staticOob && oob.staticValue !== undefined) return { method: 'static' };
  let best: Authentication = { method: 'none' };
  let most = 1;
  if (oob.enter !== undefined) {
    for (const action of capabilities.outputOobActions) {
      const size = usefulSize(action, capabilities.outputOobSize);
      if (possibilities(action, size) > most) {
        most = possibilities(action, size);
        best = { method: 'output', action, size };
      }
    }
  }
  if (oob.show !== undefined) {
    for (const action of capabilities.inputOobActions) {
      const size = usefulSize(action, capabilities.inputOobSize);
      if (possibilities(action, size) > most) {
        most = possibilities(action, size);
        best = { method: 'input', action, size };
      }
    }
  }
  return best;
}

function checkAuthentication(
  start: ProvisioningStart,
  capabilities: ProvisioningCapabilities,
  { policy, oob, authentication: wanted }: Wishes,
): MeshError | undefined {
  const { method } = start.authentication;
  if (method === 'none') {
    if (policy.requireAuthentication || capabilities.onlyOobAuthenticated) return authenticationRequired(capabilities);
    // A device that hides its static OOB may be an impostor that does not know it.
    if (oob.staticValue !== undefined && wanted === undefined) return notOfferedError('static OOB').error;
    return undefined;
  }
  const missing = notOffered(start, capabilities);
  if (missing !== undefined) return notOfferedError(missing).error;
  const has = { static: oob.staticValue, output: oob.enter, input: oob.show }[method];
  if (has !== undefined) return undefined;
  return new MeshError('authentication-required', `no way was given to authenticate the device by ${method} OOB`, {
    hint: 'Give the static OOB data, or a way to ask or tell the user.',
  });
}

/** Nobody counts more than nine blinks or pushes reliably. */
function usefulSize(action: OutputAction | InputAction, offered: number): number {
  return isText(action) || action === 'numeric' ? offered : Math.min(offered, 1);
}

function possibilities(action: OutputAction | InputAction, size: number): number {
  return (isText(action) ? 36 : 10) ** size;
}

function isText(action: OutputAction | InputAction): boolean {
  return action === 'alphanumeric';
}

function authenticationRequired(capabilities: ProvisioningCapabilities): MeshError {
  const { staticOob, outputOobSize, outputOobActions, inputOobSize, inputOobActions } = capabilities;
  const ways = [
    ...(staticOob ? ['static OOB'] : []),
    ...(outputOobSize > 0 ? outputOobActions.map((action) => `output ${action}`) : []),
    ...(inputOobSize > 0 ? inputOobActions.map((action) => `input ${action}`) : []),
  ];
  return new MeshError('authentication-required', 'the device cannot be provisioned without authentication', {
    hint:
      ways.length === 0
        ? 'The device offers no way to authenticate it: allow provisioning without, if you trust the place.'
        : `The device offers: ${ways.join(', ')}.`,
  });
}

function notOfferedError(what: string): { readonly ok: false; readonly error: MeshError } {
  return fail(
    new MeshError('oob-not-offered', `the device does not offer this: ${what}`, {
      hint: 'Check that the OOB data belong to this device. If they do, something else may be answering in its place.',
    }),
  );
}
