import { formatAddress, MeshError } from '@meshferry/core';
import type { LinkCloseReason } from './link.ts';
import type { ProvisioningPduError } from './pdu-error.ts';
import type { ProvisionedNode } from './provisioner-options.ts';

const ECHO = 'Something that echoes is on the link: an attack, or a broken device.';
const BROKEN = 'Try again; if it stays so, the device does not follow the specification.';

/** The device's public key is refused. */
export function badPublicKey(kind: 'own-public-key' | 'bad-public-key'): MeshError {
  if (kind === 'own-public-key') {
    return new MeshError(kind, "the device answered with the Provisioner's own public key", { hint: ECHO });
  }
  return new MeshError(kind, "the device's public key is no point of the curve P-256", {
    hint: 'An attack, or a broken device. A key given out of band may have been mistyped.',
  });
}

/** The own Confirmation came back. */
export function ownConfirmation(): MeshError {
  return new MeshError('own-confirmation', "the device answered with the Provisioner's own confirmation", {
    hint: ECHO,
  });
}

/** Octets that are no PDU. */
export function badPdu({ field, offset, reason }: ProvisioningPduError): MeshError {
  return new MeshError('bad-pdu', `the device sent a malformed PDU: ${field} at octet ${offset}: ${reason}`, {
    hint: BROKEN,
  });
}

/** A PDU that does not belong there. */
export function unexpectedPdu(pdu: string, state: string): MeshError {
  return new MeshError('unexpected-pdu', `the device sent ${pdu} in the state ${state}`, { hint: BROKEN });
}

/** The device is not heard any more. */
export function linkTimeout(state: string): MeshError {
  return new MeshError('link-timeout', `the device stopped answering (state ${state})`, {
    hint: 'Bring the device nearer, see that it has power, and try again.',
  });
}

/** The link has ended under the Provisioner. */
export function linkEnded(reason: LinkCloseReason, state: string): MeshError {
  if (reason === 'timeout') return linkTimeout(state);
  return new MeshError('link-closed', `the provisioning link was closed (${reason}) in the state ${state}`, {
    hint: 'Bring the device nearer and try again.',
  });
}

/** Stopped by the caller. */
export function cancelled(): MeshError {
  return new MeshError('cancelled', 'provisioning was cancelled', { hint: 'Start it again when you like.' });
}

/** An answer for which nobody waits. */
export function tooLate(): MeshError {
  return new MeshError('too-late', 'the device does not wait for a value any more', {
    hint: 'Start provisioning again.',
  });
}

/** The elements would not all have unicast addresses. */
export function noRoom(node: Pick<ProvisionedNode, 'data' | 'capabilities'>): MeshError {
  const { elements } = node.capabilities;
  const from = formatAddress(node.data.unicastAddress);
  return new MeshError('bad-field', `Unicast Address of the provisioning data: ${elements} elements from ${from}`, {
    hint: 'Give a range that ends at 0x7FFF or below.',
  });
}

/** The data have left, the Complete has not come: `cause` came instead, which anybody in reach could have sent. */
export function provisioningUncertain(node: ProvisionedNode, cause: MeshError): MeshError {
  const address = formatAddress(node.data.unicastAddress);
  return new MeshError(
    'provisioning-uncertain',
    `the device for ${address} may be provisioned or not, it did not confirm its data: ${cause.message}`,
    { hint: `Keep ${address} reserved and try to reach the node with its device key; else reset the device.`, cause },
  );
}
