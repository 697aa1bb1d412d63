import type { Cancel, MeshError } from '@meshferry/core';
import type { OobValue } from './auth-value.ts';
import type { InputAction, OutputAction, ProvisioningCapabilities } from './capabilities.ts';
import type { ProvisioningData } from './provisioning-data.ts';
import type { RecordsReader } from './records-reader.ts';
import type { Authentication } from './start.ts';

/** What the Provisioner's user knows of a device, and how to ask him. Each part is used only when the device offers it. */
export interface ProvisionerOob {
  /**
   * The device's public key, 64 octets X ‖ Y, from its label or certificate. When given, the device must use it: one
   * that sends a key over the link instead is refused, as an impostor would do that.
   */
  readonly publicKey?: Uint8Array;
  /** Static OOB octets (16 or 32 random ones) of this very device; when given, it is never provisioned without authentication. */
  readonly staticValue?: Uint8Array;
  /**
   * Asks the user for the value that the device shows. `answer` may be called until it returns undefined: for what cannot
   * be the value it returns `bad-oob-value`, and the question stands. The result is called when the question is over.
   */
  enter?(shown: { readonly action: OutputAction; readonly size: number }, answer: Answer): Cancel;
  /** Shows the value that the user is to enter at the device. The result is called when it need not be shown any more. */
  show?(value: { readonly action: InputAction; readonly size: number; readonly value: OobValue }): Cancel;
}

/** Takes what a user entered; returns what is wrong with it, or undefined when it is taken. */
export type Answer = (entered: OobValue) => MeshError | undefined;

/** What the Provisioner insists on. */
export interface ProvisionerPolicy {
  /** Whether a device that has only the older, weaker algorithm may be provisioned with it. Default false. */
  readonly allowCmac?: boolean;
  /** Whether a device is refused when nothing can authenticate it. Default false. */
  readonly requireAuthentication?: boolean;
}

/** Where a Provisioner stands with a device. */
export type ProvisionerState =
  /** Reading provisioning records. */
  | 'records'
  | 'wait-capabilities'
  | 'wait-public-key'
  /** The user reads a value at the device and enters it here. */
  | 'wait-user'
  /** The user enters a value at the device. */
  | 'wait-input-complete'
  | 'wait-confirmation'
  | 'wait-random'
  /** The device has, or may have, the data. */
  | 'wait-complete'
  | 'ended';

/** A device that has become a node. */
export interface ProvisionedNode {
  /** DevKey, 16 octets. */
  readonly deviceKey: Uint8Array;
  readonly data: ProvisioningData;
  readonly capabilities: ProvisioningCapabilities;
}

/** How a device is to be provisioned. */
export interface ProvisionerOptions {
  /** How long the device draws attention to itself: 0 to 255 s. Default 0. */
  readonly attentionSeconds?: number;
  readonly policy?: ProvisionerPolicy;
  readonly oob?: ProvisionerOob;
  /** Use this method and no other. Default: the strongest that both sides have. */
  readonly authentication?: Authentication;
  /**
   * Reads provisioning records before the Invite, for devices whose beacon says that they have some. `proceed` goes on,
   * with what the records told about the device, or ends with an error.
   */
  beforeInvite?(
    records: RecordsReader,
    proceed: (learnt?: Pick<ProvisionerOob, 'publicKey' | 'staticValue'> | MeshError) => void,
  ): void;
  /** Told the capabilities before anything depends on them; an error ends here. */
  inspect?(capabilities: ProvisioningCapabilities): MeshError | undefined;
  /**
   * The data for the device, asked when the device has proved itself. The address range is chosen **and durably
   * reserved** here, for as many elements as the capabilities say. An error, returned or thrown, ends here.
   */
  dataFor(capabilities: ProvisioningCapabilities): ProvisioningData | MeshError;
  /**
   * Called before the data leave: after a crash from here on the device may be provisioned. The caller stores the node as
   * pending, durably, before it returns; when it throws, nothing is sent.
   */
  aboutToFinish(node: ProvisionedNode): void;
  /** Told each change of state. */
  progress?(state: ProvisionerState): void;
  /**
   * Called once, when all is over. Codes: `provisioning-uncertain` when the device may have got the data but has not said
   * so (keep the address reserved, try to reach it with the device key), also when a Provisioning Failed came, which others
   * can forge: its `cause` says which; all others mean that the device is not provisioned:
   * `link-timeout`, `link-closed`, `two-devices`, `cancelled`, `confirmation-failed`, `own-public-key`, `bad-public-key`,
   * `own-confirmation`, `cmac-not-allowed`, `no-algorithm`, `authentication-required`, `oob-not-offered`, `bad-pdu`,
   * `unexpected-pdu`, `provisioning-failed` (the device's error in words), and those of the callbacks.
   */
  done(outcome: ProvisionedNode | MeshError): void;
}
