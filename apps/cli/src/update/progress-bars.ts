import { stripVTControlCharacters } from 'node:util';
import { formatAddress } from '@meshferry/core';
import type { JobProgress, TargetPhase, TargetProgress } from '@meshferry/node';
import { formatSeconds } from '../shell/format.ts';
import type { Io } from '../shell/io.ts';
import { type Style, visibleLength } from '../shell/style.ts';
import { isMoving, phaseText, rateText } from './progress-text.ts';
import type { ProgressView } from './progress-view.ts';

/** More targets than this are shown as counts. */
const MOST_LINES = 12;
/** Between two drawings, ms of wall time. */
const FRAME = 80;
const BAR_WIDTH = 24;

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const CLEAR_LINE = '\u001b[K';

/** One bar for the job and one for each target, redrawn in place on a terminal. */
export class ProgressBars implements ProgressView {
  readonly #io: Io;
  readonly #style: Style;
  readonly #each: boolean;
  #last: JobProgress | undefined;
  #lines = 0;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #drawnPhase = '';

  constructor(io: Io, style: Style, targets: number) {
    this.#io = io;
    this.#style = style;
    this.#each = targets <= MOST_LINES;
  }

  show(progress: JobProgress): void {
    this.#last = progress;
    const now = this.#io.now();
    if (progress.phase === this.#drawnPhase && now - this.#drawnAt < FRAME) return;
    this.#drawnAt = now;
    this.#drawnPhase = progress.phase;
    this.#draw(progress);
  }

  /** Leaves the last state on the screen, the cursor below it. */
  close(): void {
    if (this.#last === undefined) return;
    this.#draw(this.#last);
    this.#io.stdout.write(SHOW_CURSOR);
    this.#last = undefined;
  }

  #draw(progress: JobProgress): void {
    const { columns } = this.#io;
    const lines = [
      this.#jobLine(progress),
      `  ${'all'.padEnd(6)} ${this.#bar(progress.percent)}`,
      ...(this.#each
        ? progress.targets.map((target) => this.#targetLine(target))
        : [this.#countLine(progress.targets)]),
    ];
    const up = this.#lines === 0 ? HIDE_CURSOR : `\u001b[${this.#lines}A`;
    this.#io.stdout.write(up + lines.map((line) => `\r${cut(line, columns - 1)}${CLEAR_LINE}\n`).join(''));
    this.#lines = lines.length;
  }

  #jobLine(progress: JobProgress): string {
    const { phase, elapsedSeconds } = progress;
    const { bold, dim } = this.#style;
    const rate = isMoving(phase) ? rateText(progress) : '';
    return `${bold(phaseText(phase))}  ${rate}${rate === '' ? '' : '  '}${dim(formatSeconds(elapsedSeconds))}`;
  }

  #targetLine({ address, phase, percent, error }: TargetProgress): string {
    const text = error === null ? this.#paint(phase) : `${this.#paint(phase)} ${this.#style.dim(error.message)}`;
    return `  ${formatAddress(address)} ${this.#bar(percent)} ${text}`;
  }

  #countLine(targets: readonly TargetProgress[]): string {
    const counts = new Map<TargetPhase, number>();
    for (const { phase } of targets) counts.set(phase, (counts.get(phase) ?? 0) + 1);
    return `  ${[...counts].map(([phase, count]) => `${count} ${this.#paint(phase)}`).join(', ')}`;
  }

  #bar(percent: number): string {
    const full = Math.floor((Math.min(100, Math.max(0, percent)) / 100) * BAR_WIDTH);
    const { green, dim } = this.#style;
    return `${green('█'.repeat(full))}${dim('░'.repeat(BAR_WIDTH - full))} ${String(Math.floor(percent)).padStart(3)} %`;
  }

  #paint(phase: TargetPhase): string {
    return paintPhase(phase, this.#style);
  }
}

/** Green for what is done, red for what failed. */
export function paintPhase(phase: TargetPhase, { green, red, yellow }: Style): string {
  if (phase === 'failed') return red(phase);
  if (phase === 'unknown' || phase === 'unprovisioned') return yellow(phase);
  return phase === 'applied' || phase === 'verified' ? green(phase) : phase;
}

/** At most `width` characters of a line; a line that is cut loses its colours. */
function cut(line: string, width: number): string {
  if (visibleLength(line) <= width) return line;
  return `${stripVTControlCharacters(line).slice(0, Math.max(0, width - 1))}…`;
}
