import { MeshError } from '@meshferry/core';

export function bearerClosed(): MeshError {
  return new MeshError('bearer-closed', 'the Bluetooth adapter was closed', { hint: 'Open the bearer again.' });
}

export function bearerLost(state: string): MeshError {
  return new MeshError('bearer-lost', `the Bluetooth adapter is gone: it is "${state}"`, {
    hint: 'Plug it in or switch it on again, then open the bearer again.',
  });
}

export function linkClosed(): MeshError {
  return new MeshError('bearer-closed', 'the GATT link is disconnected', { hint: 'Connect again.' });
}

export function valueTooLong(length: number, most: number): MeshError {
  return new MeshError('value-too-long', `a value of ${length} octets, the link takes ${most}`, {
    hint: 'Segment the message for the MTU of the link.',
  });
}

/** As people know it: the libraries use addresses without colons as identifiers. */
export function printPeer(peer: string): string {
  return /^[0-9a-f]{12}$/i.test(peer) ? peer.toUpperCase().match(/../g)!.join(':') : peer;
}

export function connectFailed(peer: string, reason: string, cause?: unknown): MeshError {
  return new MeshError('connect-failed', `no connection to ${printPeer(peer)}: ${reason}`, {
    hint: 'Discover again: the device may have changed its address, be out of reach or have no connection free.',
    cause,
  });
}
