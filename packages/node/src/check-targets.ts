import { type AppIndex, equal, formatAddress, MeshError, type Result, type Unicast } from '@meshferry/core';
import {
  type FirmwareInformation,
  type FirmwareUpdateClient,
  type MetadataVerdict,
  refusedError,
  UpdateStatus,
} from '@meshferry/dfu';
import { inParallel } from './job-parallel.ts';
import type { TargetCheck } from './update-job-types.ts';

export interface CheckOptions {
  readonly client: FirmwareUpdateClient;
  readonly targets: readonly Unicast[];
  readonly appIndex: AppIndex;
  /** Which image of the targets. Default 0. */
  readonly imageIndex?: number;
  /** What the targets shall check; absent: only what they run is asked. */
  readonly metadata?: Uint8Array;
  /** What they run afterwards: who is of another company, or may be left out because it runs it already, is not asked on. Default: all are. */
  readonly expected?: { readonly firmwareId: Uint8Array; readonly skipCurrent: boolean; readonly anyCompany: boolean };
  /** Called as soon as a target is known. */
  readonly onChecked?: (check: TargetCheck) => void;
}

/** Asks each target what it runs and whether it would take the image; in the order of `targets`. Never rejects. */
export async function checkTargets(options: CheckOptions): Promise<TargetCheck[]> {
  const checks: TargetCheck[] = [];
  await inParallel(options.targets, async (address, i) => {
    const check = await checkTarget(options, address);
    checks[i] = check;
    options.onChecked?.(check);
  });
  return checks;
}

async function checkTarget(options: CheckOptions, address: Unicast): Promise<TargetCheck> {
  const { client, appIndex, metadata, imageIndex = 0, expected } = options;
  const information = await outcome<{ readonly entries: readonly FirmwareInformation[] }>((done) =>
    client.informationGet(address, appIndex, done),
  );
  if (!information.ok)
    return { address, firmwareId: null, images: [], accepts: false, effect: null, error: information.error };
  const images = information.value.entries;
  const firmwareId = images[imageIndex]?.firmwareId ?? null;
  const known = { address, firmwareId, images, effect: null };
  if (metadata === undefined) return { ...known, accepts: true, error: null };
  if (firmwareId !== null && expected !== undefined) {
    if (expected.skipCurrent && equal(firmwareId, expected.firmwareId))
      return { ...known, accepts: true, error: null, isCurrent: true };
    if (!expected.anyCompany && companyOf(firmwareId) !== companyOf(expected.firmwareId))
      return { ...known, accepts: false, error: otherCompany(address, firmwareId, expected.firmwareId) };
  }
  const answer = await outcome<MetadataVerdict>((done) =>
    client.metadataCheck(address, appIndex, imageIndex, metadata, done),
  );
  if (!answer.ok) return { ...known, accepts: false, error: answer.error };
  const { status, effect } = answer.value;
  if (status === UpdateStatus.success) return { ...known, effect, accepts: true, error: null };
  return { ...known, accepts: false, error: refusedError(address, status, 'Metadata Check') };
}

/** The Company Identifier that a Firmware ID begins with. */
function companyOf(firmwareId: Uint8Array): number {
  return (firmwareId[0] ?? 0) | ((firmwareId[1] ?? 0) << 8);
}

/** Found out only after the whole transfer otherwise: the node would report a firmware id that is not the expected one. */
function otherCompany(address: Unicast, runs: Uint8Array, offered: Uint8Array): MeshError {
  const [its, ours] = [runs, offered].map((id) => `0x${companyOf(id).toString(16).padStart(4, '0')}`);
  return new MeshError(
    'other-company',
    `${formatAddress(address)} runs firmware of company ${its}, the image is one of company ${ours}`,
    {
      hint:
        `If the image is meant for it, its firmware id has the wrong company: give --company ${its}. ` +
        'If the node is to change its company, give --any-company.',
    },
  );
}

/** A callback of the stack as a promise that never rejects. */
function outcome<T>(start: (done: (result: Result<T, MeshError>) => void) => unknown): Promise<Result<T, MeshError>> {
  return new Promise((resolve) => {
    start(resolve);
  });
}
