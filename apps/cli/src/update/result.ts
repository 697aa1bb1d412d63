import { formatAddress, MeshError, toHex } from '@meshferry/core';
import type { JobReport, TargetPhase, TargetProgress, UpdatePlan } from '@meshferry/node';
import { airBoundSeconds, settingsBoundSeconds } from '@meshferry/sim';
import type { Session } from '../network/session.ts';
import { ExitCode } from '../shell/exit.ts';
import { formatFirmwareId, formatRate, formatSeconds, formatSize, plural } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';
import type { Mesh } from './mesh.ts';
import { paintPhase } from './progress-bars.ts';
import { type FinishedUpdate, sameNetwork } from './run-update.ts';
import { describeUpdateImage, type UpdateImage } from './update-image.ts';

/** How a target may end when all went as asked. */
const GOOD: ReadonlySet<TargetPhase> = new Set(['applied', 'verified', 'unprovisioned']);

/** Figures of a finished update; times in seconds of the network but `wallSeconds`. */
export interface UpdateStats {
  readonly simulatedSeconds: number;
  readonly transferSeconds: number;
  /** Of the upload to a Distributor, where there was one. */
  readonly uploadSeconds?: number;
  readonly wallSeconds: number;
  /** Advertising events of all nodes of the simulated air, in this process: relays and answers are among them. */
  readonly advertisingPdus: number;
  readonly chunksSent: number;
  readonly chunksResent: number;
  readonly goodputBytesPerSecond: number;
  readonly airBoundSeconds: number;
  readonly settingsBoundSeconds: number;
}

/** What was sent, and how it came to its Distributor. */
type SentImage = UpdateImage & Pick<UpdatePlan, 'via' | 'distributor'>;

/** Writes the result of an update, as JSON or as a table, and gives the exit code. */
export function finishUpdate(shell: Shell, mesh: Mesh, image: SentImage, finished: FinishedUpdate): ExitCode {
  const { report } = finished;
  const stats = statsOf(mesh, image, finished);
  const exit = exitCodeOf(report);
  const error = exit === ExitCode.done ? undefined : failure(shell, mesh.session, report);
  const { notUndone } = report;
  shell.result(
    {
      image: describeUpdateImage(image),
      targets: report.targets.map(describeTarget),
      stats,
      ...(notUndone && { notUndone }),
      ...(error && { error }),
    },
    error === undefined,
  );
  if (notUndone !== null && !shell.json) shell.complain(notUndone);
  if (!shell.json) sayResult(shell, mesh.session, image, report, stats);
  if (error !== undefined && !shell.json) shell.complain(error);
  return exit;
}

function statsOf(mesh: Mesh, image: UpdateImage, { report, wallSeconds }: FinishedUpdate): UpdateStats {
  const { totalSeconds, transferSeconds, uploadSeconds, chunksSent, chunksResent } = report.stats;
  const size = image.bytes.length;
  const targets = report.targets.length;
  return {
    simulatedSeconds: round(totalSeconds),
    transferSeconds: round(transferSeconds),
    ...(uploadSeconds > 0 && { uploadSeconds: round(uploadSeconds) }),
    wallSeconds: round(wallSeconds),
    advertisingPdus: mesh.session.traffic.events,
    chunksSent,
    chunksResent,
    goodputBytesPerSecond: transferSeconds > 0 ? round(size / transferSeconds) : 0,
    airBoundSeconds: round(airBoundSeconds(size, targets)),
    settingsBoundSeconds: round(settingsBoundSeconds(size, targets, mesh.session.traffic.controller)),
  };
}

function exitCodeOf({ targets }: JobReport): ExitCode {
  const good = targets.filter(({ phase }) => GOOD.has(phase)).length;
  if (good === targets.length) return ExitCode.done;
  return good > 0 ? ExitCode.partly : ExitCode.failed;
}

function failure(shell: Shell, { folder }: Session, { targets, resumable, retryable }: JobReport): MeshError {
  const failed = targets.filter(({ phase }) => !GOOD.has(phase));
  const who = failed.length === targets.length ? 'all' : `${failed.length} of ${targets.length}`;
  const first = failed.find(({ error }) => error !== null)?.error;
  const reason = first === null || first === undefined ? '' : `: ${first.message}`;
  const code = failed.length === targets.length ? 'update-failed' : 'some-targets-failed';
  const again = `Go on when they answer: meshferry dfu resume ${sameNetwork(shell)}`;
  const retry = `${first?.hint ?? ''} Then: meshferry dfu retry ${sameNetwork(shell)}`.trim();
  const kept = resumable ? again : retryable ? retry : first?.hint;
  const hint = folder === undefined ? first?.hint : kept;
  return new MeshError(code, `${who} targets were not updated${reason}`, hint === undefined ? {} : { hint });
}

function describeTarget({ address, phase, firmwareIdBefore, firmwareIdAfter, error, notice }: TargetProgress): object {
  return {
    address: formatAddress(address),
    phase,
    firmwareIdBefore: firmwareIdBefore && toHex(firmwareIdBefore),
    firmwareIdAfter: firmwareIdAfter && toHex(firmwareIdAfter),
    error,
    ...(notice !== null && { notice }),
  };
}

function sayResult(
  shell: Shell,
  { folder, traffic }: Session,
  image: SentImage,
  { targets, outcome, resumable }: JobReport,
  stats: UpdateStats,
): void {
  const { bold, dim, green, red } = shell.style;
  const rows = targets.map(({ address, phase, firmwareIdBefore, firmwareIdAfter, error, notice }) => [
    formatAddress(address),
    paintPhase(phase, shell.style),
    firmwareIdAfter === null
      ? formatFirmwareId(firmwareIdBefore)
      : `${formatFirmwareId(firmwareIdBefore)} → ${green(formatFirmwareId(firmwareIdAfter))}`,
    error === null ? (notice ?? '') : red(error.message),
  ]);
  shell.say();
  for (const line of alignColumns([['target', 'phase', 'firmware', ''].map(dim), ...rows])) shell.say(line);
  const good = targets.filter(({ phase }) => GOOD.has(phase)).length;
  const reached = targets.some(({ phase }) => phase === 'verified') ? 'verified' : 'updated';
  shell.say();
  shell.say(
    `${bold(`${good} of ${plural(targets.length, 'target')} ${reached}`)}: ${formatSize(image.bytes.length)} in ` +
      traffic.duration(stats.simulatedSeconds, stats.wallSeconds),
  );
  if (outcome === 'complete' && resumable) {
    shell.say(
      folder === undefined
        ? 'Verified, not applied; without --state the simulated world ends here.'
        : `Verified, not applied. Apply with: meshferry dfu apply ${sameNetwork(shell)}`,
    );
  }
  if (image.distributor !== undefined && stats.uploadSeconds !== undefined) {
    const way = image.via === 'smp' ? 'by SMP' : 'over the mesh';
    shell.say(
      dim(`upload to Distributor ${formatAddress(image.distributor)} ${way} ${formatSeconds(stats.uploadSeconds)}`),
    );
  }
  if (stats.transferSeconds === 0) return;
  const ratio = (stats.transferSeconds / stats.settingsBoundSeconds).toFixed(2);
  shell.say(
    dim(
      `transfer ${formatSeconds(stats.transferSeconds)} (${formatRate(stats.goodputBytesPerSecond)}), ${ratio} × what the ` +
        `controller's settings allow (${formatSeconds(stats.settingsBoundSeconds)}); physics allows ${formatSeconds(stats.airBoundSeconds)}`,
    ),
  );
  shell.say(
    dim(
      `${plural(stats.chunksSent, 'chunk')} sent, ${stats.chunksResent} of them again; ${stats.advertisingPdus} advertising events on the air`,
    ),
  );
}

/** Milliseconds are enough. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
