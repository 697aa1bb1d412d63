import type { Unicast } from '@meshferry/core';
import type { JobProgress } from '@meshferry/node';
import { formatSeconds } from '../shell/format.ts';
import { expectedText, isMoving, phaseText, rateText } from './progress-text.ts';
import type { ProgressView } from './progress-view.ts';

/** Percent between two lines of one phase. */
const STEP = 10;

/** Plain lines for a pipe or a file: one per phase, one for every 10 % of the image, one for each target that fails. */
export class ProgressLines implements ProgressView {
  readonly #write: (line: string) => void;
  readonly #failed = new Set<Unicast>();
  #phase: JobProgress['phase'] | undefined;
  #nextPercent = 0;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  show(progress: JobProgress): void {
    const { phase, percent, targets, elapsedSeconds } = progress;
    const time = formatSeconds(elapsedSeconds).padStart(11);
    for (const { address, phase: at, error } of targets) {
      if (at !== 'failed' || error === null || this.#failed.has(address)) continue;
      this.#failed.add(address);
      this.#write(`${time}  failed: ${error.message}`);
    }
    if (phase !== this.#phase) {
      this.#phase = phase;
      this.#nextPercent = STEP;
      if (phase !== 'done') this.#write(`${time}  ${phaseText(phase)}${expectedText(progress)}`);
    }
    if (!isMoving(phase) || percent < this.#nextPercent) return;
    this.#nextPercent = (Math.floor(percent / STEP) + 1) * STEP;
    this.#write(`${time}  ${String(Math.floor(percent)).padStart(3)} %  ${rateText(progress)}`.trimEnd());
  }

  close(): void {}
}
