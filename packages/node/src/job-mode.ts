import { request } from '@meshferry/access';
import { type BlobCapabilities, type BlobClient, BlobInformationGet, BlobInformationStatus } from '@meshferry/blob';
import type { AppIndex, Unicast } from '@meshferry/core';
import { inParallel } from './job-parallel.ts';

/** Asks the BLOB Transfer Server of each target what it takes, in the order of `targets`; undefined: it did not answer. */
export async function blobCapabilitiesOf(
  client: BlobClient,
  targets: readonly Unicast[],
  appIndex: AppIndex,
): Promise<readonly (BlobCapabilities | undefined)[]> {
  const heard = await heardCapabilitiesOf(client, targets, appIndex);
  return heard.map((each) => each?.capabilities);
}

/** What a BLOB Transfer Server takes, and the TTL that its answer came with. */
export interface HeardCapabilities {
  readonly capabilities: BlobCapabilities;
  readonly ttl: number;
}

/** The same, with how far away each is. */
export async function heardCapabilitiesOf(
  client: BlobClient,
  targets: readonly Unicast[],
  appIndex: AppIndex,
): Promise<readonly (HeardCapabilities | undefined)[]> {
  const heard: (HeardCapabilities | undefined)[] = [];
  await inParallel(targets, async (target, i) => {
    heard[i] = await ask(client, target, appIndex);
  });
  return heard;
}

/** Push when all of them can, else what most can: who cannot do that is left out by the Distributor [firmware-update.md 5]. */
export function modeFor(capabilities: readonly (BlobCapabilities | undefined)[]): 'push' | 'pull' {
  const known = capabilities.filter((one) => one !== undefined);
  const push = known.filter((one) => one.push).length;
  const pull = known.filter((one) => one.pull).length;
  return push === known.length || push >= pull ? 'push' : 'pull';
}

function ask(client: BlobClient, target: Unicast, appIndex: AppIndex): Promise<HeardCapabilities | undefined> {
  let ttl = 0;
  return new Promise((resolve) => {
    request(
      client.model,
      {
        type: BlobInformationGet,
        value: {},
        to: { dst: target, appIndex },
        response: BlobInformationStatus,
        matches: (_, context) => {
          ttl = context.ttl;
          return true;
        },
        attempts: 3,
        intervalMs: 2000,
      },
      (outcome) => resolve(outcome.ok ? { capabilities: outcome.value, ttl } : undefined),
    );
  });
}
