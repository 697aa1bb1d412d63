import { MeshError } from '@meshferry/core';
import {
  cancelDistribution,
  DistributionPhase,
  type FirmwareDistributionFirmwareStatus,
  type FirmwareDistributionStatus,
  type FirmwareDistributionUploadStatus,
  suspendDistribution,
} from '@meshferry/dfu';
import { nothingToSuspend } from './job-errors.ts';
import type { SavedJob } from './job-record.ts';
import { settled } from './job-settled.ts';
import { distributorOf, isOurDistribution } from './remote-update.ts';
import type { UpdaterRole } from './roles.ts';
import type { JobPhase } from './update-job-types.ts';

/** Where the image has been sent: what the targets are at does not wait for anybody but Apply. */
const SENT: ReadonlySet<JobPhase> = new Set([
  'verifying',
  'verified',
  'applying',
  'confirming',
  'refreshing',
  'undoing',
]);

/** Pauses the transfer of a job, wherever it runs. Rejects with `nothing-to-suspend`, and as `suspendDistribution`. */
export async function suspendUpdate({ distribution, update }: UpdaterRole, saved: SavedJob): Promise<void> {
  if (saved.request.distributor === undefined) {
    if (SENT.has(saved.phase)) throw nothingToSuspend(saved.phase);
    // While no process runs it, nothing is sent anyway.
    update.running?.suspend();
    return;
  }
  const to = distributorOf(saved.request);
  await settled<FirmwareDistributionStatus>((done) => suspendDistribution(distribution, to, done));
}

/** Tells the targets of a job, or its Distributor, to forget it. Rejects with `distributor-silent`. */
export async function cancelUpdate(role: UpdaterRole, saved: SavedJob): Promise<void> {
  if (saved.request.distributor !== undefined) await cancelAtDistributor(role, saved);
  const kept = role.update.saved();
  if (kept === undefined) return;
  const { running } = role.update;
  const source = { size: kept.size, read: neverRead };
  await new Promise<void>((resolve) => {
    (running ?? role.update.update({ ...kept, source, resume: true }, () => {})).cancel(resolve);
  });
}

/** Only what is the job's own: somebody else may use the Distributor by now. */
async function cancelAtDistributor({ distribution }: UpdaterRole, saved: SavedJob): Promise<void> {
  const to = distributorOf(saved.request);
  if (saved.wave?.begun === true) {
    const now = await settled<FirmwareDistributionStatus>((done) => distribution.get(to, done));
    if (now.phase === DistributionPhase.idle || !isOurDistribution(saved, saved.wave, now)) return;
    await settled<FirmwareDistributionStatus>((done) => cancelDistribution(distribution, to, done));
  } else if (saved.remote.slotIndex !== undefined) {
    // A half image that is listed must not be taken for a whole one.
    const { firmwareId } = saved.request;
    await settled<FirmwareDistributionFirmwareStatus>((done) => distribution.firmwareDelete(to, firmwareId, done));
  } else if (saved.phase === 'uploading') {
    await settled<FirmwareDistributionUploadStatus>((done) => distribution.uploadCancel(to, done));
  }
}

function neverRead(): never {
  throw new MeshError('internal', 'the image of an update that is being cancelled was asked for');
}
