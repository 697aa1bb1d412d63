import { type Cancel, MeshError } from '@meshferry/core';
import type { P256KeyPair } from '@meshferry/crypto';
import { checkStaticOob, type OobValue } from './auth-value.ts';
import {
  type AlgorithmName,
  type InputAction,
  OOB_SIZE_MAX,
  type OutputAction,
  type ProvisioningCapabilities,
} from './capabilities.ts';
import type { ProvisioningErrorName } from './error-code.ts';
import type { Answer, ProvisionedNode } from './provisioner-options.ts';

/** How the device can tell its user a value. */
export interface DeviceOutput {
  /** 1 to 8. */
  readonly size: number;
  /** One or more. */
  readonly actions: readonly OutputAction[];
  /** Shows the value until the result is called. */
  show(value: { readonly action: OutputAction; readonly size: number; readonly value: OobValue }): Cancel;
}

/** How the device's user can tell it a value. */
export interface DeviceInput {
  /** 1 to 8. */
  readonly size: number;
  /** One or more. */
  readonly actions: readonly InputAction[];
  /**
   * Waits for the user's value until the result is called. `answer` returns `bad-oob-value` for what cannot be it, and
   * the question stands.
   */
  enter(wanted: { readonly action: InputAction; readonly size: number }, answer: Answer): Cancel;
}

/** Where a device stands with its Provisioner. */
export type DeviceState =
  /** Records may be read. */
  | 'wait-invite'
  | 'wait-start'
  | 'wait-public-key'
  /** The user enters the value that the Provisioner shows. */
  | 'wait-input'
  | 'wait-confirmation'
  | 'wait-random'
  | 'wait-data'
  /** It has its data; the Provisioner closes the link. */
  | 'complete'
  /** It has sent Failed and waits for the link to close. */
  | 'failed'
  | 'ended';

/** A link to the device. */
export interface DeviceSession {
  readonly state: DeviceState;
  /** Closes the link with Fail; harmless when it has ended. */
  close(): void;
}

/** How a link to the device ended. */
export interface DeviceOutcome {
  /** Whether Complete was sent on this link. */
  readonly complete: boolean;
  /** Whether the Provisioner closed the link with Success, as it does after Complete. */
  readonly success: boolean;
  /** The Failed that was sent. */
  readonly error?: ProvisioningErrorName;
  /** What a callback threw, when that was why. */
  readonly cause?: MeshError;
}

/** What a device offers, and what becomes of its data. */
export interface ProvisioningDeviceOptions {
  /** Number of Elements, 1 to 255 (during NPPI: after the refresh). */
  readonly elements: number;
  /** Default: both; only HMAC with `onlyOobAuthenticated`, which forbids the older one. */
  readonly algorithms?: readonly AlgorithmName[];
  /** The key pair whose public key is known out of band. It is never sent over a link, where another one is used. */
  readonly oobKeyPair?: P256KeyPair;
  /** Static OOB octets: 16 or 32 random ones of this very device. */
  readonly staticOob?: Uint8Array;
  /** Refuse to be provisioned without authentication. Default false. */
  readonly onlyOobAuthenticated?: boolean;
  readonly output?: DeviceOutput;
  readonly input?: DeviceInput;
  /** Provisioning records by Record ID. Without, questions for them are answered with Invalid PDU. */
  readonly records?: ReadonlyMap<number, Uint8Array>;
  /** Draw attention for so many seconds; 0: stop, also when the link has closed. */
  attention?(seconds: number): void;
  /** Judges the data, which are well-formed and have room for all elements: an error refuses them. Default: all are taken. */
  accept?(data: ProvisionedNode['data']): ProvisioningErrorName | undefined;
  /**
   * Called before Complete is sent. The caller stores all that the node needs, durably, before it returns; when it throws,
   * provisioning fails with Unexpected Error.
   */
  provisioned(node: ProvisionedNode): void;
  /** Told each change of state. */
  progress?(state: DeviceState): void;
  /** Called once for each link, when it has ended. */
  ended?(outcome: DeviceOutcome): void;
}

/** The capabilities that follow from the options; throws `bad-field` or `bad-static-oob` for what no device can offer. */
export function capabilitiesOf(options: ProvisioningDeviceOptions): ProvisioningCapabilities {
  const { elements, oobKeyPair, staticOob, onlyOobAuthenticated = false, output, input } = options;
  const { algorithms = onlyOobAuthenticated ? ['hmac'] : ['cmac', 'hmac'] } = options;
  if (!(elements >= 1 && elements <= 0xff)) throw badOption('elements', elements, 'Give 1 to 255.');
  if (staticOob !== undefined) checkStaticOob(staticOob);
  checkWay('output', output);
  checkWay('input', input);
  if (algorithms.length === 0) throw badOption('algorithms', 'none', 'Offer hmac, and cmac for older provisioners.');
  if (onlyOobAuthenticated) {
    if (algorithms.includes('cmac'))
      throw badOption('algorithms', 'cmac', 'Offer only hmac with onlyOobAuthenticated.');
    if (!staticOob && !output && !input) {
      throw badOption('onlyOobAuthenticated', 'true', 'Offer static, output or input OOB with it.');
    }
  }
  return {
    elements,
    algorithms,
    publicKeyOob: oobKeyPair !== undefined,
    staticOob: staticOob !== undefined,
    onlyOobAuthenticated,
    outputOobSize: output?.size ?? 0,
    outputOobActions: output?.actions ?? [],
    inputOobSize: input?.size ?? 0,
    inputOobActions: input?.actions ?? [],
  };
}

function checkWay(name: string, way: { size: number; actions: readonly string[] } | undefined): void {
  if (way === undefined) return;
  const { size, actions } = way;
  if (!(size >= 1 && size <= OOB_SIZE_MAX)) throw badOption(`${name}.size`, size, 'Give 1 to 8.');
  if (actions.length === 0) throw badOption(`${name}.actions`, 'none', `Leave ${name} out when there is no way.`);
}

function badOption(field: string, value: string | number, hint: string): MeshError {
  return new MeshError('bad-field', `${field} of a device to be provisioned: ${value}`, { hint });
}
