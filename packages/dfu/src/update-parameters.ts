import { addressKind, equal, formatAddress, isUnicast, MeshError } from '@meshferry/core';
import { type MutableReceiver, newReceiver } from './update-receivers.ts';
import type { SavedUpdate, UpdateParameters, UpdatePlan } from './update-types.ts';

/**
 * The part of the parameters that is stored. What the targets have been told already is taken from the saved update:
 * only an identical Start resumes [MshDFU 6.1.3.4].
 */
export function planOf(parameters: UpdateParameters, saved: SavedUpdate | undefined): UpdatePlan {
  const { appIndex, ttl, timeoutBase, group, label, mode, blobId, metadata, firmwareId } = saved ?? parameters;
  const { policy, settings, verifyMs, rebootMs } = parameters;
  return {
    appIndex,
    ttl,
    timeoutBase,
    ...(group === undefined ? {} : { group }),
    ...(label === undefined ? {} : { label }),
    ...(mode === undefined ? {} : { mode }),
    blobId,
    metadata,
    firmwareId,
    policy,
    ...(settings === undefined ? {} : { settings }),
    ...(verifyMs === undefined ? {} : { verifyMs }),
    ...(rebootMs === undefined ? {} : { rebootMs }),
  };
}

/** The receivers of an update, as they were saved when it is resumed. Throws what `update` throws. */
export function receiversOf(parameters: UpdateParameters, saved: SavedUpdate | undefined): MutableReceiver[] {
  checkSendable(parameters);
  if (parameters.resume !== true) return parameters.receivers.map(newReceiver);
  if (saved === undefined) {
    throw new MeshError('nothing-to-resume', 'the store holds no unfinished update', {
      hint: 'Start the update without resuming.',
    });
  }
  checkSame(parameters, saved);
  return saved.receivers.map((receiver) => ({ ...receiver }));
}

function checkSendable(parameters: UpdateParameters): void {
  const { metadata, firmwareId, source } = parameters;
  checkReceivers(parameters.receivers);
  checkNumbers(parameters);
  checkGroup(parameters.group ?? 0, parameters.label);
  if (metadata.length > 255) throw badUpdate(`metadata of ${metadata.length} octets`, 'Give at most 255.');
  if (firmwareId.length < 2 || firmwareId.length > 108) {
    throw badUpdate(`firmware id of ${firmwareId.length} octets`, 'Give the company identifier and up to 106 octets.');
  }
  if (source.size < 1) throw badUpdate('the image is empty', 'Give a file with an image in it.');
  if (source.size > 0xffff_ffff) throw badUpdate(`an image of ${source.size} octets`, 'Give one of less than 4 GiB.');
}

function checkReceivers(receivers: UpdateParameters['receivers']): void {
  if (receivers.length === 0) throw badUpdate('there are no receivers', 'Name one target at least.');
  const seen = new Set<number>();
  for (const { address, imageIndex } of receivers) {
    const name = formatAddress(address);
    if (!isUnicast(address)) throw badUpdate(`receiver ${name} is no unicast address`, 'Name elements, not groups.');
    if (seen.has(address)) throw badUpdate(`receiver ${name} is there twice`, 'Update one image of a node at a time.');
    if (!isWhole(imageIndex, 0xff)) throw badUpdate(`image index ${imageIndex} of ${name}`, 'Give 0 to 255.');
    seen.add(address);
  }
}

function checkNumbers({ ttl, timeoutBase, blobId, verifyMs = 0, rebootMs = 0 }: UpdateParameters): void {
  if (!isWhole(ttl, 0x7f) && ttl !== 0xff) throw badUpdate(`TTL ${ttl}`, 'Give 0 to 127, or 255 for the default.');
  if (!isWhole(timeoutBase, 0xffff)) throw badUpdate(`time-out base ${timeoutBase}`, 'Give 0 to 65535.');
  if (blobId < 0n || blobId >> 64n !== 0n) throw badUpdate(`BLOB ID ${blobId}`, 'Give 64 random bits.');
  for (const ms of [verifyMs, rebootMs])
    if (!(ms >= 0)) throw badUpdate(`a limit of ${ms} ms`, 'Give a time of 0 or more.');
}

function checkGroup(group: number, label: Uint8Array | undefined): void {
  const kind = addressKind(group);
  if (kind === 'unicast') {
    throw badUpdate(`the group ${formatAddress(group)} is a unicast address`, 'Name a group, or none for unicast.');
  }
  if (kind === 'virtual' && label?.length !== 16) {
    throw badUpdate(
      `no Label UUID for ${formatAddress(group)}`,
      'Give the 16 octets that the virtual address is made of.',
    );
  }
}

function isWhole(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

function checkSame(parameters: UpdateParameters, saved: SavedUpdate): void {
  const same =
    parameters.blobId === saved.blobId &&
    parameters.source.size === saved.size &&
    equal(parameters.metadata, saved.metadata) &&
    equal(parameters.firmwareId, saved.firmwareId);
  if (same) return;
  throw new MeshError('resume-mismatch', 'the unfinished update in the store is one of another image', {
    hint: 'Resume with the same package, or start anew without resuming.',
  });
}

function badUpdate(message: string, hint: string): MeshError {
  return new MeshError('bad-update', message, { hint });
}
