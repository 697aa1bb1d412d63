import { MeshError } from '@meshferry/core';
import type { JobProgress, JobReport, UpdateRequest } from '@meshferry/node';
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

/**
 * Runs a job of the network to its end and shows its progress. Ends the command with 130 on Ctrl-C, and with 2 when the
 * job does not fit what the state holds.
 */
export async function runUpdate(
  shell: Shell,
  mesh: Mesh,
  request: UpdateRequest,
  options: { readonly resume?: boolean } = {},
): Promise<FinishedUpdate> {
  const view = openProgressView(shell, request);
  let last: JobProgress | undefined;
  const begun = shell.io.now();
  try {
    const onProgress = (progress: JobProgress): void => {
      last = progress;
      view.show(progress);
    };
    if (!options.resume) mesh.image = request.image;
    const work = mesh.job.run(request, { resume: options.resume === true, onProgress });
    const report = await mesh.run(work, () => interrupted(shell, last));
    if (!report.resumable) mesh.image = undefined;
    return { report, wallSeconds: (shell.io.now() - begun) / 1000 };
  } catch (thrown) {
    const misfit = thrown instanceof MeshError && ['job-unfinished', 'no-job', 'other-image'].includes(thrown.code);
    throw misfit ? new Stop(ExitCode.usage, thrown) : thrown;
  } finally {
    view.close();
  }
}

/** The options that name this network and state again, for a command line to type. */
export function sameNetwork(shell: Shell): string {
  const words = shell.bearers.flatMap((uri) => ['--bearer', uri]);
  if (shell.state !== undefined) words.push('--state', shell.state);
  return quoteArguments(words);
}

function interrupted(shell: Shell, last: JobProgress | undefined): MeshError {
  const where = last === undefined ? '' : ` while ${last.phase}, ${Math.floor(last.percent)} % of the image sent`;
  if (shell.state === undefined) {
    return new MeshError('interrupted', `interrupted${where}; nothing could be saved`, {
      hint: 'A simulated world without --state ends with the process: give --state DIR to be able to resume.',
    });
  }
  return new MeshError('interrupted', `interrupted${where}; the state is saved in ${shell.state}`, {
    hint: `Go on with: meshferry dfu resume ${sameNetwork(shell)}`,
  });
}
