import type { NetworkDocument } from '@meshferry/cdb';
import { formatAddress, MeshError, type Unicast } from '@meshferry/core';

/** The document is here, but this process has no node in it. */
export function notAdopted({ meshName }: NetworkDocument): MeshError {
  return new MeshError('not-adopted', `this process has no node in the network "${meshName}"`, {
    hint: 'Type "meshferry net adopt" first: it gives this process an address of its own.',
  });
}

export function alreadyProvisioning(uuid: string): MeshError {
  return new MeshError('already-provisioning', `the device ${uuid} is being provisioned already`, {
    hint: 'Wait for the end of that, or cancel it.',
  });
}

export function notPending(uuid: string): MeshError {
  return new MeshError('not-pending', `there is nothing to recover of the device ${uuid}`, {
    hint: 'It is a node (see "meshferry node list"), or it never got an address: provision it.',
  });
}

export function badComposition(address: Unicast, reason: string): MeshError {
  return new MeshError(
    'bad-composition',
    `the Composition Data of ${formatAddress(address)} cannot be read: ${reason}`,
    {
      hint: 'The node does not keep to the specification: update its firmware.',
    },
  );
}

export function ownNode(address: Unicast): MeshError {
  return new MeshError('own-node', `${formatAddress(address)} is the node of this process`, {
    hint: 'Name another node: without its own this process could not reach the network any more.',
  });
}
