import { type Address, addressKind, formatAddress, isUnicast, MeshError } from '@meshferry/core';
import { maxChunkSizeOfMtu } from './arithmetic.ts';
import type { BlobReceiver, BlobTransferParameters } from './client-contract.ts';
import { BLOB_MTU } from './constants.ts';

/** Where something is sent, as {@link BlobTransferParameters} have it. */
export interface Destination {
  readonly receivers: readonly BlobReceiver[];
  readonly group?: Address | undefined;
  readonly label?: Uint8Array | undefined;
}

/** Throws for what no transfer can be; the codes are those of `BlobClient.start`. */
export function checkTransfer(parameters: BlobTransferParameters): void {
  const { source, blockSizeLog, chunkSize } = parameters;
  if (source.size < 1) throw new MeshError('blob-empty', 'the BLOB is empty', { hint: 'A BLOB has 1 octet or more.' });
  if (source.size > 0xffff_ffff) {
    throw new MeshError('blob-too-large', `a BLOB of ${source.size} octets`, {
      hint: 'A BLOB has at most 2^32 − 1 octets.',
    });
  }
  checkField('blockSizeLog', blockSizeLog, 6, 32);
  checkField('chunkSize', chunkSize, 1, maxChunkSizeOfMtu(BLOB_MTU));
  checkDestination(parameters);
}

/** Throws `no-receivers`, `bad-address`, `bad-label-uuid`. */
export function checkDestination({ receivers, group, label }: Destination): void {
  if (!receivers.some(({ skip }) => !skip)) {
    throw new MeshError('no-receivers', 'nobody is to receive the BLOB', {
      hint: 'Name at least one receiver that takes part.',
    });
  }
  for (const { address } of receivers) {
    if (isUnicast(address)) continue;
    throw new MeshError('bad-address', `receiver ${formatAddress(address)} is no unicast address`, {
      hint: 'Name the element of each BLOB Transfer Server; the group is told separately.',
    });
  }
  const kind = group === undefined ? 'unassigned' : addressKind(group);
  if (kind === 'unicast') {
    throw new MeshError('bad-address', `group ${formatAddress(group as Address)} is a unicast address`, {
      hint: 'Name a group or virtual address that the receivers subscribe to, or none.',
    });
  }
  if ((kind === 'virtual') === (label?.length === 16) && (kind === 'virtual' || label === undefined)) return;
  throw new MeshError(
    'bad-label-uuid',
    `group ${formatAddress(group ?? 0)} with a label of ${label?.length ?? 0} octets`,
    {
      hint: 'A virtual address needs its Label UUID of 16 octets, no other any.',
    },
  );
}

function checkField(name: string, value: number | undefined, min: number, max: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return;
  throw new MeshError('bad-field', `${name} ${value} is not in ${min} to ${max}`, { hint: 'Leave it to the client.' });
}
