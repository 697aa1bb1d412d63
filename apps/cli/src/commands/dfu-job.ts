import { formatAddress, MeshError, toHex } from '@meshferry/core';
import type { SavedJob } from '@meshferry/node';
import { badInput, ExitCode } from '../shell/exit.ts';
import { formatFirmwareId, formatSeconds, formatSize } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';
import { chooseSim } from '../update/bearers.ts';
import { type Mesh, withMesh } from '../update/mesh.ts';
import { phaseText } from '../update/progress-text.ts';
import { finishUpdate } from '../update/result.ts';
import { runUpdate, type StartJob } from '../update/run-update.ts';

/** `dfu status` */
export function dfuStatus(shell: Shell): Promise<ExitCode> {
  return withState(shell, async (mesh) => {
    const job = mesh.job.saved();
    shell.result({ job: job === undefined ? null : describeJob(job) });
    if (job === undefined) shell.say('There is no unfinished update.');
    else sayJob(shell, job);
    return ExitCode.done;
  });
}

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

/** `dfu cancel` */
export function dfuCancel(shell: Shell): Promise<ExitCode> {
  return withState(shell, async (mesh) => {
    const job = savedJob(mesh);
    await mesh.run(
      mesh.job.cancel(),
      () => new MeshError('interrupted', 'interrupted while cancelling', { hint: 'Cancel again.' }),
    );
    mesh.image = undefined;
    shell.result({ cancelled: describeJob(job) });
    shell.say(`The update to ${formatFirmwareId(job.request.firmwareId)} is cancelled.`);
    return ExitCode.done;
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

function withState(shell: Shell, use: (mesh: Mesh) => Promise<ExitCode>): Promise<ExitCode> {
  const sim = chooseSim(shell.bearers);
  if (shell.state === undefined) {
    throw badInput(
      'no-state',
      'no --state given: without it no update is kept',
      'Give the folder that "dfu run" had: --state DIR',
    );
  }
  return withMesh(shell, use, sim);
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

function describeJob({ request, targets, ...job }: SavedJob): Record<string, unknown> {
  return {
    phase: job.phase,
    image: { size: job.imageSize, sha256: job.imageSha256, firmwareId: toHex(request.firmwareId) },
    policy: request.policy ?? 'apply',
    group: request.group === undefined ? null : formatAddress(request.group),
    distributor: request.distributor === undefined ? 'self' : formatAddress(request.distributor),
    targets: targets.map(({ address, effect, firmwareIdBefore, error }) => ({
      address: formatAddress(address),
      effect,
      firmwareIdBefore: firmwareIdBefore && toHex(firmwareIdBefore),
      error,
    })),
    simulatedSeconds: job.totalSeconds,
    transferSeconds: job.transferSeconds,
    chunksSent: job.chunksSent,
    chunksResent: job.chunksResent,
  };
}

function sayJob(shell: Shell, { request, targets, ...job }: SavedJob): void {
  const { bold, red } = shell.style;
  shell.say(bold(`Unfinished update to ${formatFirmwareId(request.firmwareId)}: ${phaseText(job.phase)}`));
  const rows = [
    ['image', `${formatSize(job.imageSize)}, sha256 ${job.imageSha256}`],
    ['policy', request.policy ?? 'apply'],
    ['sent to', request.group === undefined ? 'each target alone' : `group ${formatAddress(request.group)}`],
    ['distributor', request.distributor === undefined ? 'this process' : formatAddress(request.distributor)],
    ['so far', `${formatSeconds(job.totalSeconds)}, transfer ${formatSeconds(job.transferSeconds)}`],
    ...targets.map(({ address, firmwareIdBefore, error }) => [
      formatAddress(address),
      error === null ? `runs ${formatFirmwareId(firmwareIdBefore)}` : red(error.message),
    ]),
  ];
  for (const line of alignColumns(rows)) shell.say(`  ${line}`);
  shell.say(`Go on with "dfu ${job.phase === 'verified' ? 'apply' : 'resume'}", or give it up with "dfu cancel".`);
}
