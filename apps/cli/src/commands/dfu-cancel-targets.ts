import { formatAddress, type MeshError, type Result, type Unicast } from '@meshferry/core';
import { type FirmwareUpdateStatus, updatePhaseName } from '@meshferry/dfu';
import { badInput, ExitCode } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';
import { type Mesh, withMesh } from '../update/mesh.ts';
import { sameNetwork } from '../update/run-update.ts';
import { checkInterrupted } from './dfu-targets.ts';

interface Cancelled {
  readonly address: Unicast;
  readonly outcome: Result<FirmwareUpdateStatus, MeshError>;
}

/**
 * `dfu cancel --targets`: ends whatever update these targets are in, whoever began it. For those that somebody left in the
 * middle and that refuse every other.
 */
export function dfuCancelTargets(shell: Shell, wanted: readonly number[]): Promise<ExitCode> {
  return withMesh(shell, async (mesh) => {
    if (mesh.job.saved() !== undefined) {
      throw badInput(
        'job-unfinished',
        'an update of this process is not finished: its targets are told when it is cancelled',
        `Cancel it, without --targets: meshferry dfu cancel ${sameNetwork(shell)}`,
      );
    }
    const cancelled = await mesh.run(cancelAll(mesh, mesh.chooseTargets(wanted)), checkInterrupted);
    const isDone = cancelled.every(({ outcome }) => outcome.ok);
    shell.result({ targets: cancelled.map(describe) }, isDone);
    if (!shell.json) say(shell, cancelled);
    return isDone ? ExitCode.done : ExitCode.partly;
  });
}

/** One after the other: they are few, and their answers would collide. */
async function cancelAll({ role, appIndex }: Mesh, targets: readonly Unicast[]): Promise<readonly Cancelled[]> {
  const cancelled: Cancelled[] = [];
  for (const address of targets) {
    const outcome = await new Promise<Cancelled['outcome']>((resolve) => {
      role.update.updateCancel(address, appIndex, resolve);
    });
    cancelled.push({ address, outcome });
  }
  return cancelled;
}

function describe({ address, outcome }: Cancelled): Record<string, unknown> {
  const phase = outcome.ok ? updatePhaseName(outcome.value.phase) : null;
  return { address: formatAddress(address), phase, error: outcome.ok ? null : outcome.error };
}

function say(shell: Shell, cancelled: readonly Cancelled[]): void {
  const { dim, red } = shell.style;
  const rows = cancelled.map(({ address, outcome }) => [
    formatAddress(address),
    outcome.ok ? updatePhaseName(outcome.value.phase) : red(outcome.error.message),
  ]);
  for (const line of alignColumns([['target', 'phase'].map(dim), ...rows])) shell.say(line);
}
