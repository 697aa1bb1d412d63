import { MeshError } from '@meshferry/core';

/** The device says that it has more than there is. */
export function beyondEnd(offset: number, total: number): MeshError {
  return new MeshError('smp-bad-offset', `the device asks for offset ${offset} of ${total} octets`, {
    hint: 'Another upload may be open on the device: reset it and try again.',
  });
}

export function damaged(): MeshError {
  return new MeshError(
    'smp-upload-corrupt',
    'the device compared what it stored with the file: they differ (match: false)',
    {
      hint: 'Erase the slot and upload again; if it stays so, the flash of the device is damaged.',
    },
  );
}

/** The device has not got a chunk. */
export function chunkLost(offset: number, expected: number): MeshError {
  return new MeshError('smp-chunk-lost', `the device answers offset ${offset}, ${expected} was to be expected`);
}

export function noProgress(offset: number, why: MeshError): MeshError {
  return new MeshError('smp-no-progress', `no progress at offset ${offset}: ${why.message}`, {
    hint: why.hint ?? 'Reset the device and upload again with a smaller window or buffer size.',
    cause: why,
  });
}

export function fallsBack(times: number, highest: number): MeshError {
  return new MeshError('smp-no-progress', `the device fell back ${times} times, it had ${highest} octets at most`, {
    hint: 'It resets during the upload, or somebody else uploads to it at the same time.',
  });
}

/** Nothing more is heard, though the link stands: a half packet may stick in the device. */
export function silent(offset: number, why: MeshError): MeshError {
  return new MeshError('smp-silent', `the device is silent since offset ${offset}: ${why.message}`, {
    hint: 'Connect again: the upload goes on where it stopped.',
    cause: why,
  });
}

export function packetTooSmall(octets: number, needed: number): MeshError {
  return new MeshError('smp-packet-too-small', `packets of ${octets} octets, the first of an upload needs ${needed}`, {
    hint: 'A larger MTU of the link or buffer of the device is needed.',
  });
}

export function fileDamaged(name: string): MeshError {
  return new MeshError('smp-file-damaged', `"${name}" on the device and here differ by their hash`, {
    hint: 'Move the file again.',
  });
}
