import type { AppIndex, MeshError, Result, Unicast } from '@meshferry/core';
import {
  type FirmwareInformation,
  type FirmwareUpdateClient,
  type MetadataVerdict,
  refusedError,
  UpdateStatus,
} from '@meshferry/dfu';
import type { TargetCheck } from './update-job-types.ts';

/** Targets that are asked at the same time: more would only collide. */
const PARALLEL = 4;

export interface CheckOptions {
  readonly client: FirmwareUpdateClient;
  readonly targets: readonly Unicast[];
  readonly appIndex: AppIndex;
  /** What the targets shall check; absent: only what they run is asked. */
  readonly metadata?: Uint8Array;
  /** Called as soon as a target is known. */
  readonly onChecked?: (check: TargetCheck) => void;
}

/** Asks each target what it runs and whether it would take the image; in the order of `targets`. Never rejects. */
export async function checkTargets(options: CheckOptions): Promise<TargetCheck[]> {
  const checks: TargetCheck[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < options.targets.length; i = next++) {
      const check = await checkTarget(options, options.targets[i] as Unicast);
      checks[i] = check;
      options.onChecked?.(check);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return checks;
}

async function checkTarget({ client, appIndex, metadata }: CheckOptions, address: Unicast): Promise<TargetCheck> {
  const information = await outcome<{ readonly entries: readonly FirmwareInformation[] }>((done) =>
    client.informationGet(address, appIndex, done),
  );
  if (!information.ok) return { address, firmwareId: null, accepts: false, effect: null, error: information.error };
  const firmwareId = information.value.entries[0]?.firmwareId ?? null;
  if (metadata === undefined) return { address, firmwareId, accepts: true, effect: null, error: null };
  const answer = await outcome<MetadataVerdict>((done) => client.metadataCheck(address, appIndex, 0, metadata, done));
  if (!answer.ok) return { address, firmwareId, accepts: false, effect: null, error: answer.error };
  const { status, effect } = answer.value;
  if (status === UpdateStatus.success) return { address, firmwareId, accepts: true, effect, error: null };
  return { address, firmwareId, accepts: false, effect: null, error: refusedError(address, status, 'Metadata Check') };
}

/** A callback of the stack as a promise that never rejects. */
function outcome<T>(start: (done: (result: Result<T, MeshError>) => void) => unknown): Promise<Result<T, MeshError>> {
  return new Promise((resolve) => {
    start(resolve);
  });
}
