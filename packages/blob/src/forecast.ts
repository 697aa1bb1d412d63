import { blockCount, blockShape } from './arithmetic.ts';
import { hasBit } from './bits.ts';
import type { Sending } from './cost-model.ts';
import type { Receiver } from './receiver.ts';
import { boundsOf } from './settings.ts';
import type { TransferContext } from './transfer-context.ts';

/** How much the first guess counts against what was measured, in blocks of this one's size. */
const GUESS_BLOCKS = 1.5;
/** What of earlier blocks still counts after a new one. */
const MEMORY = 0.9;
/** Share of a block that is taken for outstanding at least while it is under way. */
const LEAST_LEFT = 0.03;

/**
 * How long the transfer under way still takes: what the strategy expects of each block that is left, as it sees the radio
 * now, corrected by what the blocks so far have taken against what it expects of such blocks.
 */
export class Forecast {
  readonly #context: TransferContext;
  #measuredMs = 0;
  #expectedMs = 0;
  /** The block under way, and since when. */
  #block:
    | { readonly number: number; readonly size: number; readonly sending: Sending; readonly since: number }
    | undefined;

  constructor(context: TransferContext) {
    this.#context = context;
  }

  /** Chunks of a block are about to be sent so. */
  begin(number: number, size: number, sending: Sending): void {
    this.#block = { number, size, sending, since: this.#context.clock.now };
  }

  /** All have the block, or are lost. */
  end(): void {
    const block = this.#block;
    this.#block = undefined;
    if (block === undefined) return;
    const { clock, strategy, active, mode } = this.#context;
    if (active.length === 0) return;
    this.#measuredMs = MEMORY * this.#measuredMs + (clock.now - block.since);
    this.#expectedMs = MEMORY * this.#expectedMs + strategy.blockMs(block.size, block.sending, active, mode === 'pull');
  }

  /** The transfer rests: the time does not count. */
  pause(): void {
    this.#block = undefined;
  }

  /** Until all have the BLOB, s; undefined until it is known how it is sent. */
  get secondsLeft(): number | undefined {
    const { active, log2: log, terms, strategy, mode, clock } = this.#context;
    if (log === undefined || mode === undefined || active.length === 0) return undefined;
    const isPull = mode === 'pull';
    const full = Math.min(2 ** log, terms.size);
    const bounds = boundsOf(terms, active, log);
    const sending =
      this.#block?.sending ?? strategy.sending(log, bounds, active, this.#context.sendsToGroup, () => false);
    const fullMs = strategy.blockMs(full, sending, active, isPull);
    const guess = GUESS_BLOCKS * fullMs;
    const ratio = (this.#measuredMs + guess) / (this.#expectedMs + guess);
    let left = strategy.roundMs(active);
    for (let number = 0; number < blockCount(terms.size, log); number++) {
      if (number === this.#block?.number || !isMissing(active, number)) continue;
      const { size } = blockShape(terms.size, log, number, 1);
      left += ratio * (size === full ? fullMs : strategy.blockMs(size, sending, active, isPull));
    }
    if (this.#block !== undefined) {
      const { size, since } = this.#block;
      const whole = ratio * (size === full ? fullMs : strategy.blockMs(size, sending, active, isPull));
      left += Math.max(whole - (clock.now - since), LEAST_LEFT * whole);
    }
    return left / 1000;
  }
}

/** Somebody misses it, or has not said. */
function isMissing(receivers: readonly Receiver[], number: number): boolean {
  return receivers.some(({ blocksMissing }) => blocksMissing === undefined || hasBit(blocksMissing, number));
}
