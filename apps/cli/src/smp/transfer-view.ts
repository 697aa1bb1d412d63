import { formatRate, formatSeconds } from '../shell/format.ts';
import type { Io } from '../shell/io.ts';
import type { Shell } from '../shell/shell.ts';
import type { Style } from '../shell/style.ts';

/** How far something with one device has come. */
export interface TransferState {
  /** What is being done, for people. */
  readonly doing: string;
  /** 0 to 100 of the octets; null where there are none to count. */
  readonly percent: number | null;
  readonly bytesPerSecond: number | null;
  /** To the end of all of it. */
  readonly secondsLeft: number | null;
  readonly elapsedSeconds: number;
}

/** Shows that. */
export interface TransferView {
  show(state: TransferState): void;
  close(): void;
}

/** A bar on a terminal, lines in a pipe; programs get `event` from the caller. */
export function openTransferView(shell: Shell): TransferView {
  if (shell.json) return { show: () => {}, close: () => {} };
  return shell.io.isTTY ? new TransferBar(shell.io, shell.style) : new TransferLines((line) => shell.say(line));
}

/** Percent between two lines of one kind. */
const STEP = 10;
/** Between two drawings, ms of wall time. */
const FRAME = 80;
const BAR_WIDTH = 24;
const CLEAR_LINE = '\r\u001b[K';

/** One line for each thing that is done, and for every 10 % of it. */
class TransferLines implements TransferView {
  readonly #write: (line: string) => void;
  #doing = '';
  #nextPercent = 0;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  show(state: TransferState): void {
    const { doing, percent, elapsedSeconds } = state;
    const time = formatSeconds(elapsedSeconds).padStart(11);
    if (doing !== this.#doing) {
      this.#doing = doing;
      this.#nextPercent = (Math.floor((percent ?? 0) / STEP) + 1) * STEP;
      this.#write(`${time}  ${doing}`);
      return;
    }
    if (percent === null || percent < this.#nextPercent) return;
    this.#nextPercent = (Math.floor(percent / STEP) + 1) * STEP;
    this.#write(`${time}  ${String(Math.floor(percent)).padStart(3)} %  ${paceText(state)}`.trimEnd());
  }

  close(): void {}
}

/** One line that is drawn again and again; what was done before stays above it. */
class TransferBar implements TransferView {
  readonly #io: Io;
  readonly #style: Style;
  #last: TransferState | undefined;
  #drawnAt = Number.NEGATIVE_INFINITY;

  constructor(io: Io, style: Style) {
    this.#io = io;
    this.#style = style;
  }

  show(state: TransferState): void {
    const before = this.#last;
    this.#last = state;
    if (before !== undefined && before.doing !== state.doing) {
      this.#draw(before);
      this.#io.stdout.write('\n');
    } else if (this.#io.now() - this.#drawnAt < FRAME) return;
    this.#drawnAt = this.#io.now();
    this.#draw(state);
  }

  close(): void {
    if (this.#last === undefined) return;
    this.#draw(this.#last);
    this.#io.stdout.write('\n');
    this.#last = undefined;
  }

  #draw(state: TransferState): void {
    const { bold, dim, green } = this.#style;
    const { doing, percent, elapsedSeconds } = state;
    const full = Math.floor((Math.min(100, Math.max(0, percent ?? 0)) / 100) * BAR_WIDTH);
    const bar =
      percent === null
        ? ''
        : `  ${green('█'.repeat(full))}${dim('░'.repeat(BAR_WIDTH - full))} ${String(Math.floor(percent)).padStart(3)} %  ${paceText(state)}`;
    this.#io.stdout.write(`${CLEAR_LINE}${bold(doing)}${bar}  ${dim(formatSeconds(elapsedSeconds))}`);
  }
}

function paceText({ bytesPerSecond, secondsLeft }: TransferState): string {
  const parts = [];
  if (bytesPerSecond !== null) parts.push(formatRate(bytesPerSecond));
  if (secondsLeft !== null) parts.push(`${formatSeconds(secondsLeft)} left`);
  return parts.join(', ');
}
