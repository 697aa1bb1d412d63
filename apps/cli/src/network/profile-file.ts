import { type NodeProfile, readProfile } from '@meshferry/node';
import { input } from '../shell/exit.ts';
import { readInputText } from '../shell/files.ts';
import type { Io } from '../shell/io.ts';

/** The profile in a file; what cannot be used ends the command with exit code 2. */
export function readProfileFile(io: Io, path: string): NodeProfile {
  return input(readProfile(readInputText(io, path, 'profile')));
}
