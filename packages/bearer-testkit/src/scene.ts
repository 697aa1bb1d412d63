import type { Stage } from './stage.ts';

/** What a check does, on a stage of its own. */
export interface Scene {
  readonly name: string;
  /** What the subject must have given for it to apply. */
  readonly needs?: 'garble' | 'lose' | 'scans';
  play(stage: Stage): Promise<void>;
}
