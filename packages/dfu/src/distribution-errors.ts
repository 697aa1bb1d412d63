import { formatAddress, MeshError, toHex, type Unicast } from '@meshferry/core';
import { DistributionStatus, distributionPhaseName, distributionStatusName } from './distribution-codes.ts';

const Status = DistributionStatus;

/** Code, what the Distributor said, and what to do, by status. */
const REFUSED: Readonly<Record<number, readonly [code: string, said: string, hint: string]>> = {
  [Status.insufficientResources]: [
    'no-room-on-distributor',
    'has no room',
    'Delete firmware images that it does not need any more, or take another Distributor.',
  ],
  [Status.wrongPhase]: [
    'distributor-wrong-phase',
    'cannot do that in its present phase',
    'Ask it for its phase: somebody else may have changed it.',
  ],
  [Status.internalError]: [
    'distributor-error',
    'reports an internal error',
    'Restart the Distributor and try again; its own log may say more.',
  ],
  [Status.firmwareNotFound]: [
    'image-not-on-distributor',
    'does not have this firmware image',
    'Upload the image first; the index of an image changes when another one is deleted.',
  ],
  [Status.invalidAppKeyIndex]: [
    'app-key-unknown-to-distributor',
    'does not know this AppKey or has not bound it',
    'Bind the AppKey to its Firmware Update Client (0x1403) and its BLOB Transfer Client (0x1401).',
  ],
  [Status.receiversListEmpty]: [
    'receivers-list-empty',
    'has no receivers in its list',
    'Add the nodes to be updated before the start.',
  ],
  [Status.busyWithDistribution]: [
    'distributor-busy',
    'is busy with a distribution',
    'Wait until it ends, or cancel it.',
  ],
  [Status.busyWithUpload]: [
    'distributor-busy',
    'is busy with another upload',
    'Wait until that upload has ended, or cancel it.',
  ],
  [Status.uriNotSupported]: [
    'uri-not-supported',
    'cannot fetch from this kind of URI',
    'Look at the URI schemes in its capabilities, or upload the image over the mesh.',
  ],
  [Status.uriMalformed]: ['uri-malformed', 'does not understand the URI', 'Give a URI such as https://example.com/fw.'],
  [Status.uriUnreachable]: ['uri-unreachable', 'cannot reach the URI', 'Check its connection to the Internet.'],
  [Status.newFirmwareNotAvailable]: [
    'no-newer-firmware',
    'found no newer firmware at the URI',
    'Nothing is to be done.',
  ],
  [Status.suspendFailed]: [
    'suspend-failed',
    'cannot pause now',
    'Only the transfer of blocks can pause: try again later.',
  ],
};

/** What a status other than Success means. */
export function distributorRefused(address: Unicast, status: number, during: string): MeshError {
  const [code, said, hint] = REFUSED[status] ?? [
    'distributor-error',
    'answers with an unknown status',
    'Its firmware may follow a later specification.',
  ];
  const message = `Distributor ${formatAddress(address)} ${said} (${during}: ${distributionStatusName(status)})`;
  return new MeshError(code, message, { hint });
}

export function distributorSilent(address: Unicast, during: string, cause?: MeshError): MeshError {
  const message = `Distributor ${formatAddress(address)} does not answer (${during})`;
  return new MeshError('distributor-silent', message, {
    hint: 'Check that it has power, is in reach, and has the AppKey bound to its Firmware Distribution Server (0x1404) and its BLOB Transfer Server (0x1400).',
    ...(cause === undefined ? {} : { cause }),
  });
}

export function receiversFull(address: Unicast, added: number, wanted: number): MeshError {
  const message = `the receivers list of Distributor ${formatAddress(address)} is full after ${added} of ${wanted} nodes`;
  return new MeshError('receivers-full', message, {
    hint: `Update the nodes in several distributions of at most ${added}.`,
  });
}

export function receiversMiscounted(address: Unicast, count: number, expected: number): MeshError {
  const message = `Distributor ${formatAddress(address)} has ${count} receivers in its list, not ${expected}`;
  return new MeshError('receivers-miscounted', message, {
    hint: 'Somebody else may be filling the list too: try again when nobody does.',
  });
}

export function distributorOccupied(address: Unicast, phase: number): MeshError {
  const message = `Distributor ${formatAddress(address)} is busy: ${distributionPhaseName(phase)}`;
  return new MeshError('distributor-busy', message, { hint: 'Wait until its distribution ends, or cancel it.' });
}

export function uploadFailed(address: Unicast, why: string, cause?: MeshError): MeshError {
  return new MeshError('upload-failed', `the upload to Distributor ${formatAddress(address)} failed: ${why}`, {
    hint: cause?.hint ?? 'Upload the image again.',
    ...(cause === undefined ? {} : { cause }),
  });
}

export function noOobRetrieval(address: Unicast): MeshError {
  return new MeshError('oob-not-supported', `Distributor ${formatAddress(address)} cannot fetch images by itself`, {
    hint: 'Upload the image over the mesh, or take a Distributor with a connection to the Internet.',
  });
}

export function otherFirmwareFetched(address: Unicast, wanted: Uint8Array, fetched: Uint8Array | undefined): MeshError {
  const other = fetched === undefined ? 'something else' : toHex(fetched);
  const message = `Distributor ${formatAddress(address)} fetched firmware ${other}, not ${toHex(wanted)}`;
  return new MeshError('other-firmware-fetched', message, {
    hint: 'The archive offers another version than the file: update with that one, or upload the file over the mesh.',
  });
}

/** The end of something that its caller cancelled. */
export function cancelledError(what: string): MeshError {
  return new MeshError('cancelled', `${what} was cancelled`);
}
