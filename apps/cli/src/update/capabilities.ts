import { request } from '@meshferry/access';
import { type BlobCapabilities, BlobInformationGet, BlobInformationStatus } from '@meshferry/blob';
import type { Unicast } from '@meshferry/core';
import type { Mesh } from './mesh.ts';

/** Asks each target in turn what its BLOB Transfer Server takes; what all that answer can take, undefined when none does. */
export async function commonCapabilities(
  mesh: Mesh,
  targets: readonly Unicast[],
): Promise<BlobCapabilities | undefined> {
  let common: BlobCapabilities | undefined;
  for (const target of targets) {
    const own = await capabilitiesOf(mesh, target);
    if (own !== undefined) common = common === undefined ? own : both(common, own);
  }
  return common;
}

function capabilitiesOf(mesh: Mesh, target: Unicast): Promise<BlobCapabilities | undefined> {
  return new Promise((resolve) => {
    request(
      mesh.role.blob.model,
      {
        type: BlobInformationGet,
        value: {},
        to: { dst: target, appIndex: mesh.appIndex },
        response: BlobInformationStatus,
        attempts: 3,
        intervalMs: 2000,
      },
      (outcome) => resolve(outcome.ok ? outcome.value : undefined),
    );
  });
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
