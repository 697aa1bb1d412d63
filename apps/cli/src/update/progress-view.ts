import { formatAddress } from '@meshferry/core';
import type { JobProgress } from '@meshferry/node';
import type { Shell } from '../shell/shell.ts';
import { ProgressBars } from './progress-bars.ts';
import { ProgressLines } from './progress-lines.ts';

/** Shows how a job gets on. */
export interface ProgressView {
  show(progress: JobProgress): void;
  close(): void;
}

/** Bars on a terminal, lines in a pipe, events with `--json`; for so many targets. */
export function openProgressView(shell: Shell, targets: number): ProgressView {
  if (shell.json) return new ProgressEvents(shell);
  if (shell.io.isTTY) return new ProgressBars(shell.io, shell.style, targets);
  return new ProgressLines((line) => shell.say(line));
}

/** At most so long between two events while anything is told, ms of wall time. */
const EVENT_INTERVAL = 1000;

/** One JSON event at each change of a phase or a percent, and once a second. */
class ProgressEvents implements ProgressView {
  readonly #shell: Shell;
  #shown = '';
  #shownAt = Number.NEGATIVE_INFINITY;

  constructor(shell: Shell) {
    this.#shell = shell;
  }

  show(progress: JobProgress): void {
    const now = this.#shell.io.now();
    const state = `${progress.phase} ${Math.floor(progress.percent)} ${progress.targets.map(({ phase }) => phase).join()}`;
    if (state === this.#shown && now - this.#shownAt < EVENT_INTERVAL) return;
    this.#shown = state;
    this.#shownAt = now;
    this.#shell.event({ type: 'progress', ...progressEvent(progress) });
  }

  close(): void {}
}

/** A progress as JSON: what an event holds beside its type. */
export function progressEvent({ targets, ...progress }: JobProgress): Record<string, unknown> {
  return {
    ...progress,
    targets: targets.map(({ address, phase, percent, error }) => ({
      address: formatAddress(address),
      phase,
      percent,
      error,
    })),
  };
}
