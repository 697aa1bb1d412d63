import { badInput, type ExitCode } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';
import { chooseSim } from './bearers.ts';
import { type Mesh, withMesh } from './mesh.ts';

/** Opens the network whose state holds a job, for `use`. */
export function withState(shell: Shell, use: (mesh: Mesh) => Promise<ExitCode>): Promise<ExitCode> {
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
