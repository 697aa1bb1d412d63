import { chooseWay } from '../bearers/way.ts';
import { badInput, type ExitCode } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';
import { type Mesh, withMesh } from './mesh.ts';

/** Opens the network whose state holds a job, for `use`. */
export function withState(shell: Shell, use: (mesh: Mesh) => Promise<ExitCode>): Promise<ExitCode> {
  const way = chooseWay(shell);
  if (way.folder === undefined) {
    throw badInput(
      'no-state',
      'no --state given: without it no update is kept',
      'Give the folder that "dfu run" had: --state DIR',
    );
  }
  return withMesh(shell, use, way);
}
