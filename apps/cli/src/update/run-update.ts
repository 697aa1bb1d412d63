import { MeshError } from '@meshferry/core';
import type { JobProgress, JobReport, UpdateJob } from '@meshferry/node';
import { ExitCode, Stop } from '../shell/exit.ts';
import { quoteArguments } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import type { Mesh } from './mesh.ts';
import { openProgressView } from './progress-view.ts';

/** A job that has ended, with what was measured around it. */
export interface FinishedUpdate {
  readonly report: JobReport;
  readonly wallSeconds: number;
}

/** Starts a job, or goes on with one. */
export type StartJob = (job: UpdateJob, onProgress: (progress: JobProgress) => void) => Promise<JobReport>;

/**
 * Runs a job of the network to its end and shows its progress. Ends the command with 130 on Ctrl-C, and with 2 when the
 * job does not fit what the state holds. `targets`: how many there are.
 */
export async function runUpdate(shell: Shell, mesh: Mesh, targets: number, start: StartJob): Promise<FinishedUpdate> {
  const view = openProgressView(shell, targets);
  let last: JobProgress | undefined;
  let closed = false;
  const begun = shell.io.now();
  mesh.limitAir(mesh.airtime);
  try {
    const work = start(mesh.job, (progress) => {
      // Switching the network off after Ctrl-C suspends the job: that is no progress to show.
      if (closed) return;
      last = progress;
      view.show(progress);
    });
    const report = await mesh.run(work, () => interrupted(shell, mesh.session.folder, last));
    return { report, wallSeconds: (shell.io.now() - begun) / 1000 };
  } catch (thrown) {
    throw exitOf(thrown);
  } finally {
    // Kept as long as somebody may go on with it, or try again.
    if (mesh.job.saved() === undefined && mesh.job.last() === undefined) {
      mesh.image = undefined;
      mesh.airtime = undefined;
      mesh.smpUri = undefined;
    }
    closed = true;
    view.close();
  }
}

/** What a job says of a command that does not fit the state. */
const MISFITS = [
  'job-unfinished',
  'no-job',
  'other-image',
  'not-verified',
  'nothing-to-retry',
  'nothing-to-suspend',
  'no-smp-way',
];
/** What says that the Distributor, or the way to it, is not there. */
const UNREACHABLE = ['distributor-silent', 'distributor-no-smp', 'upload-interrupted'];

/** The same work; what does not fit the state ends the command with 2, a Distributor that does not answer with 4. */
export function reachable<T>(work: Promise<T>): Promise<T> {
  return work.catch((thrown: unknown) => {
    throw exitOf(thrown);
  });
}

function exitOf(thrown: unknown): unknown {
  if (!(thrown instanceof MeshError)) return thrown;
  if (MISFITS.includes(thrown.code)) return new Stop(ExitCode.usage, thrown);
  return UNREACHABLE.includes(thrown.code) ? new Stop(ExitCode.unavailable, thrown) : thrown;
}

/** The options that name this network and state again, for a command line to type. */
export function sameNetwork(shell: Shell): string {
  return quoteArguments(shell.network);
}

function interrupted(shell: Shell, folder: string | undefined, last: JobProgress | undefined): MeshError {
  const where = last === undefined ? '' : ` while ${last.phase}, ${Math.floor(last.percent)} % of the image sent`;
  if (folder === undefined) {
    return new MeshError('interrupted', `interrupted${where}; nothing could be saved`, {
      hint: 'A simulated world without --state ends with the process: give --state DIR to be able to resume.',
    });
  }
  return new MeshError('interrupted', `interrupted${where}; the state is saved in ${folder}`, {
    hint: `Go on with: meshferry dfu resume ${sameNetwork(shell)}`,
  });
}
