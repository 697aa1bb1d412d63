import { type Clock, MeshError, type Random } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';

/** What links need from outside. */
export interface LinkGround {
  readonly clock: Clock;
  readonly random: Random;
}

/** What announcing a device needs besides. */
export interface AnnounceGround extends LinkGround {
  /** For the hash of the URI. */
  readonly crypto: CryptoProvider;
}

/** A link that cannot be established, or on which nothing comes to begin with, ends after this time, ms [5.3.2]. */
export const LINK_TIMEOUT_MS = 60_000;
/**
 * Once the protocol runs it has the timers, up to 120 s while a user is waited for, and nothing is on the air meanwhile.
 * This is for when it has forgotten the link, ms.
 */
export const LINK_QUIET_MS = 150_000;

/** The error of what is sent over a link that has ended. */
export function linkClosed(): MeshError {
  return new MeshError('link-closed', 'the provisioning link is closed', {
    hint: 'Open a link to the device again; it has to be in reach and unprovisioned.',
  });
}

/** The error of a PDU that a link cannot carry, or undefined for one that it can. */
export function pduLengthError(pdu: Uint8Array, most: number): MeshError | undefined {
  if (pdu.length >= 1 && pdu.length <= most) return undefined;
  return new MeshError('bad-pdu-length', `a Provisioning PDU of ${pdu.length} octets, the link takes 1 to ${most}`, {
    hint: 'Ask for records in smaller fragments.',
  });
}

/** The error of {@link ProvisioningBearer.open}. */
export function linkOpenFailed(message: string, hint: string, cause?: MeshError): MeshError {
  return new MeshError('link-open-failed', message, { hint, ...(cause && { cause }) });
}

/** 16 octets as text, for messages. Throws `bad-field` for another length. */
export function checkUuid(uuid: Uint8Array): Uint8Array {
  if (uuid.length === 16) return uuid.slice();
  throw new MeshError('bad-field', `Device UUID of ${uuid.length} octets`, { hint: 'Give 16 octets.' });
}
