import { formatAddress, MeshError, toHex, toMeshError } from '@meshferry/core';
import { type DistributionReport, distributionPhaseName, listedReceiverError } from '@meshferry/dfu';
import type { SavedJob } from '@meshferry/node';
import { ExitCode } from '../shell/exit.ts';
import { formatFirmwareId, formatSeconds, formatSize } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';
import type { Mesh } from '../update/mesh.ts';
import { phaseText } from '../update/progress-text.ts';
import { withState } from '../update/with-state.ts';

/** `dfu status`: what the state holds; of a job through a Distributor also what that says now. */
export function dfuStatus(shell: Shell): Promise<ExitCode> {
  return withState(shell, async (mesh) => {
    const job = mesh.job.saved();
    const left = mesh.job.notUndone().map(formatAddress);
    const retry = job === undefined ? (mesh.job.last() ?? null) : null;
    const told = job?.request.distributor === undefined ? null : await askDistributor(mesh);
    const distribution =
      told === null ? {} : { distribution: describeDistribution(told, job?.request.timeoutBase ?? 3) };
    shell.result({
      job: job === undefined ? null : { ...describeJob(job), ...distribution },
      ...(retry && { retry: describeJob(retry) }),
      ...(left.length > 0 && { notUndone: left }),
    });
    if (job === undefined) shell.say('There is no unfinished update.');
    else sayJob(shell, job);
    if (told !== null) sayDistribution(shell, told);
    if (retry !== null)
      shell.say(
        `The last one, to ${formatFirmwareId(retry.request.firmwareId)}, left targets out: "dfu retry" tries them again.`,
      );
    if (left.length > 0)
      shell.say(`Its preparation was not taken back at ${left.join(', ')}: "dfu cancel" tries it again.`);
    return ExitCode.done;
  });
}

/** What a Distributor said, or why it did not. */
type Told = { readonly report: DistributionReport } | { readonly error: MeshError };

async function askDistributor(mesh: Mesh): Promise<Told> {
  try {
    const report = await mesh.run(
      mesh.job.distribution(),
      () => new MeshError('interrupted', 'interrupted while asking the Distributor', { hint: 'Nothing was changed.' }),
    );
    return { report };
  } catch (thrown) {
    if (thrown instanceof MeshError) return { error: toMeshError(thrown) };
    throw thrown;
  }
}

function describeDistribution(told: Told, timeoutBase: number): Record<string, unknown> {
  if ('error' in told) return { phase: null, error: told.error };
  const { status, receivers } = told.report;
  return {
    phase: distributionPhaseName(status.phase),
    receivers: receivers.map((receiver) => ({
      address: formatAddress(receiver.address),
      percent: receiver.transferProgress,
      error: listedReceiverError(receiver, timeoutBase) ?? null,
    })),
  };
}

function sayDistribution(shell: Shell, told: Told): void {
  if ('error' in told) {
    shell.complain(told.error);
    return;
  }
  const { status, receivers } = told.report;
  const slowest = receivers.length === 0 ? 0 : Math.min(...receivers.map(({ transferProgress }) => transferProgress));
  shell.say(
    `The Distributor says: ${distributionPhaseName(status.phase)}, ${slowest} % at the slowest of ${receivers.length}.`,
  );
}

/** What JSON says of a job. */
export function describeJob({ request, targets, ...job }: SavedJob): Record<string, unknown> {
  return {
    phase: job.phase,
    image: { size: job.imageSize, sha256: job.imageSha256, firmwareId: toHex(request.firmwareId) },
    policy: request.policy ?? 'apply',
    group: request.group === undefined ? null : formatAddress(request.group),
    distributor: request.distributor === undefined ? 'self' : formatAddress(request.distributor),
    ...(request.via === 'smp' && { via: 'smp' }),
    targets: targets.map(({ address, phase, effect, firmwareIdBefore, error, notice }) => ({
      address: formatAddress(address),
      phase,
      effect,
      firmwareIdBefore: firmwareIdBefore && toHex(firmwareIdBefore),
      error,
      notice,
    })),
    simulatedSeconds: job.totalSeconds,
    transferSeconds: job.transferSeconds,
    chunksSent: job.chunksSent,
    chunksResent: job.chunksResent,
  };
}

function distributorText({ distributor, via }: SavedJob['request']): string {
  if (distributor === undefined) return 'this process';
  return `${formatAddress(distributor)}${via === 'smp' ? ', its image by SMP' : ''}`;
}

/** The same for people. */
export function sayJob(shell: Shell, { request, targets, ...job }: SavedJob): void {
  const { bold, red } = shell.style;
  shell.say(bold(`Unfinished update to ${formatFirmwareId(request.firmwareId)}: ${phaseText(job.phase)}`));
  const rows = [
    ['image', `${formatSize(job.imageSize)}, sha256 ${job.imageSha256}`],
    ['policy', request.policy ?? 'apply'],
    ['sent to', request.group === undefined ? 'each target alone' : `group ${formatAddress(request.group)}`],
    ['distributor', distributorText(request)],
    ['so far', `${formatSeconds(job.totalSeconds)}, transfer ${formatSeconds(job.transferSeconds)}`],
    ...targets.map(({ address, firmwareIdBefore, firmwareIdAfter, error }) => [
      formatAddress(address),
      error === null ? `runs ${formatFirmwareId(firmwareIdAfter ?? firmwareIdBefore)}` : red(error.message),
    ]),
  ];
  for (const line of alignColumns(rows)) shell.say(`  ${line}`);
  shell.say(`Go on with "dfu ${job.phase === 'verified' ? 'apply' : 'resume'}", or give it up with "dfu cancel".`);
}
