import { equal } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { crc32 } from '@meshferry/firmware';
import type { SmpClient } from '../client/client.ts';
import type { SmpRequestOptions } from '../client/client-types.ts';
import { SmpRefusedError } from '../client/errors.ts';
import { FileHash } from '../messages/file-system.ts';
import { fileDamaged } from './errors.ts';

/** The better one first; the device may have one of them, or none. */
const TYPES = ['sha256', 'crc32'] as const;

/** Whether a file of the device has this content, by its hash; undefined where the device has no hash of it. */
export async function hasContent(
  client: SmpClient,
  name: string,
  content: Uint8Array,
  options?: SmpRequestOptions,
): Promise<boolean | undefined> {
  for (const type of TYPES) {
    try {
      const { output, len } = await client.request(FileHash, { name, type }, options);
      if (len !== content.length) return false;
      return typeof output === 'number' ? output === crc32(content) : equal(output, portableCrypto.sha256(content));
    } catch (error) {
      if (!(error instanceof SmpRefusedError)) throw error;
    }
  }
  return undefined;
}

/** {@link hasContent}; rejects with `smp-file-damaged` when it has another. */
export async function checkContent(
  client: SmpClient,
  name: string,
  content: Uint8Array,
  options?: SmpRequestOptions,
): Promise<true | undefined> {
  const same = await hasContent(client, name, content, options);
  if (same === false) throw fileDamaged(name);
  return same;
}
