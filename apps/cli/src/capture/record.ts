import { resolve } from 'node:path';
import type { Shell } from '../shell/shell.ts';
import type { Mesh } from '../update/mesh.ts';
import { keysOfAir } from './air.ts';
import { CaptureWriter } from './capture-writer.ts';

/** Records the air of a network in a file, and its keys beside it, while `work` goes on. No file: just the work. */
export async function recordingTo<T>(
  file: string | undefined,
  shell: Shell,
  mesh: Mesh,
  work: () => Promise<T>,
): Promise<T> {
  if (file === undefined) return work();
  const writer = new CaptureWriter(resolve(shell.io.cwd, file), keysOfAir(mesh.session));
  const unlisten = mesh.session.traffic.listen((event) => writer.add(event));
  try {
    return await work();
  } finally {
    unlisten();
    writer.close();
  }
}
