import type { Clock, Random } from '@meshferry/core';
import type { CryptoProvider, P256KeyPair } from '@meshferry/crypto';

/** What provisioning stands on, at either end. */
export interface ProvisioningGround {
  readonly clock: Clock;
  /** Must be cryptographic outside tests: keys and OOB values come from it. */
  readonly random: Random;
  readonly crypto: CryptoProvider;
  /** A key pair for one attempt, used for nothing else and overwritten after it. Default: from `random`. */
  newKeyPair?(): P256KeyPair;
}

/** At least 60 s without a PDU [Mesh Protocol 1.1, 5.4.4]. */
export const PROTOCOL_TIMEOUT_MS = 60_000;
/** As long as a user has to enter a value. */
export const USER_TIMEOUT_MS = 120_000;
