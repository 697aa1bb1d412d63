import type { BlobCapabilities } from '@meshferry/blob';
import type { Unicast } from '@meshferry/core';
import { blobCapabilitiesOf } from '@meshferry/node';
import type { Mesh } from './mesh.ts';

/** Asks each target what its BLOB Transfer Server takes; what all that answer can take, undefined when none does. */
export async function commonCapabilities(
  mesh: Mesh,
  targets: readonly Unicast[],
): Promise<BlobCapabilities | undefined> {
  const known = await blobCapabilitiesOf(mesh.role.blob, targets, mesh.appIndex);
  return known.reduce(
    (common, own) => (common === undefined ? own : own === undefined ? common : both(common, own)),
    undefined,
  );
}

function both(a: BlobCapabilities, b: BlobCapabilities): BlobCapabilities {
  return {
    minBlockSizeLog: Math.max(a.minBlockSizeLog, b.minBlockSizeLog),
    maxBlockSizeLog: Math.min(a.maxBlockSizeLog, b.maxBlockSizeLog),
    maxChunksNumber: Math.min(a.maxChunksNumber, b.maxChunksNumber),
    maxChunkSize: Math.min(a.maxChunkSize, b.maxChunkSize),
    maxBlobSize: Math.min(a.maxBlobSize, b.maxBlobSize),
    mtuSize: Math.min(a.mtuSize, b.mtuSize),
    push: a.push && b.push,
    pull: a.pull && b.pull,
  };
}
