import { formatAddress, MeshError } from '@meshferry/core';
import type { SavedJob } from '@meshferry/node';
import { badInput, ExitCode } from '../shell/exit.ts';
import { formatFirmwareId } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import type { Mesh } from '../update/mesh.ts';
import { finishUpdate } from '../update/result.ts';
import { reachable, runUpdate, type StartJob, sameNetwork } from '../update/run-update.ts';
import { withState } from '../update/with-state.ts';
import { dfuCancelTargets } from './dfu-cancel-targets.ts';
import { describeJob } from './dfu-status.ts';

/** `dfu resume` */
export function dfuResume(shell: Shell): Promise<ExitCode> {
  return withState(shell, (mesh) => {
    const { image, job } = savedUpdate(mesh);
    return goOn(shell, mesh, (running, onProgress) =>
      running.run({ ...job.request, image }, { resume: true, onProgress }),
    );
  });
}

/** `dfu apply` */
export function dfuApply(shell: Shell): Promise<ExitCode> {
  return withState(shell, (mesh) => goOn(shell, mesh, (running, onProgress) => running.apply(onProgress)));
}

export interface CancelFlags {
  readonly onlyHere?: boolean;
  /** These instead of the update in the state. */
  readonly targets?: readonly number[];
}

/** `dfu cancel` */
export function dfuCancel(
  shell: Shell,
  _args: readonly string[],
  { onlyHere, targets }: CancelFlags,
): Promise<ExitCode> {
  if (targets !== undefined) return dfuCancelTargets(shell, targets);
  return withState(shell, async (mesh) => {
    // What an earlier update could not take back is also given up.
    const job = mesh.job.notUndone().length > 0 ? mesh.job.saved() : savedJob(mesh);
    const cancelling = mesh.job.cancel({ onlyHere: onlyHere === true });
    const notUndone = await mesh.run(
      reachable(cancelling),
      () => new MeshError('interrupted', 'interrupted while cancelling', { hint: 'Cancel again.' }),
    );
    mesh.image = undefined;
    shell.result(
      { cancelled: job === undefined ? null : describeJob(job), ...(notUndone && { error: notUndone }) },
      notUndone === null,
    );
    if (job !== undefined) shell.say(`The update to ${formatFirmwareId(job.request.firmwareId)} is cancelled.`);
    if (notUndone === null) return ExitCode.done;
    if (!shell.json) shell.complain(notUndone);
    return ExitCode.partly;
  });
}

/** `dfu suspend` */
export function dfuSuspend(shell: Shell): Promise<ExitCode> {
  return withState(shell, async (mesh) => {
    const { request } = savedJob(mesh);
    await mesh.run(
      reachable(mesh.job.suspend()),
      () => new MeshError('interrupted', 'interrupted while suspending', { hint: 'Ask for its status.' }),
    );
    const job = mesh.job.saved();
    shell.result({ suspended: job === undefined ? null : describeJob(job) });
    const where = request.distributor === undefined ? '' : ` at Distributor ${formatAddress(request.distributor)}`;
    shell.say(`The update to ${formatFirmwareId(request.firmwareId)} is suspended${where}.`);
    shell.say(`Go on with: meshferry dfu resume ${sameNetwork(shell)}`);
    return ExitCode.done;
  });
}

/** `dfu retry` */
export function dfuRetry(shell: Shell): Promise<ExitCode> {
  return withState(shell, async (mesh) => {
    const last = mesh.job.last();
    const { image } = mesh;
    const unfinished = mesh.job.saved();
    if (unfinished !== undefined) {
      throw badInput(
        'job-unfinished',
        `the update is not finished (${unfinished.phase})`,
        `Go on with it first: meshferry dfu resume ${sameNetwork(shell)}`,
      );
    }
    if (last === undefined || image === undefined) {
      throw badInput(
        'nothing-to-retry',
        'no target of the last update has failed, or there was none',
        'Check --bearer and --state: each URI has a state of its own. Start an update with "dfu run".',
      );
    }
    const targets = last.targets.filter(({ phase }) => phase === 'failed' || phase === 'unknown').length;
    const finished = await runUpdate(shell, mesh, targets, (job, onProgress) => job.retry(image, onProgress));
    return finishUpdate(shell, mesh, { ...last.request, bytes: image, warnings: [] }, finished);
  });
}

async function goOn(shell: Shell, mesh: Mesh, start: StartJob): Promise<ExitCode> {
  const { image, job } = savedUpdate(mesh);
  const finished = await runUpdate(shell, mesh, job.targets.length, start);
  return finishUpdate(shell, mesh, { ...job.request, bytes: image, warnings: [] }, finished);
}

function savedUpdate(mesh: Mesh): { readonly job: SavedJob; readonly image: Uint8Array } {
  const job = savedJob(mesh);
  const { image } = mesh;
  if (image !== undefined) return { job, image };
  throw badInput('no-image', 'the state does not hold the image of the update', 'Give it: "dfu run FILE --resume".');
}

function savedJob(mesh: Mesh): SavedJob {
  const saved = mesh.job.saved();
  if (saved !== undefined) return saved;
  throw badInput(
    'no-job',
    'there is no unfinished update',
    'Check --bearer and --state: each URI has a state of its own.',
  );
}
