import type { Clock } from '@meshferry/core';

/** How far a transfer is. */
export interface TransferProgress {
  /** Octets that are over. */
  readonly offset: number;
  readonly total: number;
  /** As it went in the last seconds; undefined before there is anything to tell it by. */
  readonly bytesPerSecond: number | undefined;
  /** At that rate; undefined likewise. */
  readonly secondsLeft: number | undefined;
}

/** Whom a transfer tells how far it is. */
export interface ProgressOptions {
  readonly onProgress?: (progress: TransferProgress) => void;
}

/** The rate is that of the last so many ms. */
const SPAN_MS = 8000;
/** It is not told before this has gone by: the first octets come in bursts. */
const FIRST_MS = 500;
/** Samples are so far apart at least. */
const STEP_MS = 200;

/** Tells how a transfer goes, its rate smoothed over the last seconds. What was there before does not count for the rate. */
export class ProgressTeller {
  readonly #clock: Clock;
  readonly #total: number;
  readonly #options: ProgressOptions;
  /** When how many octets had been moved. */
  readonly #samples: { readonly at: number; readonly moved: number }[];
  #moved = 0;

  constructor(clock: Clock, total: number, options: ProgressOptions) {
    this.#clock = clock;
    this.#total = total;
    this.#options = options;
    this.#samples = [{ at: clock.now, moved: 0 }];
  }

  /** Octets moved so far. */
  get octets(): number {
    return this.#moved;
  }

  /** It is at `offset`, by `octets` that were moved. */
  moved(offset: number, octets: number): void {
    const { now } = this.#clock;
    this.#moved += octets;
    const samples = this.#samples;
    if (now - samples.at(-1)!.at >= STEP_MS) {
      samples.push({ at: now, moved: this.#moved });
      while (samples.length > 2 && now - samples[1]!.at >= SPAN_MS) samples.shift();
    }
    const bytesPerSecond = this.#rate(now);
    const secondsLeft = bytesPerSecond === undefined ? undefined : (this.#total - offset) / bytesPerSecond;
    this.#options.onProgress?.({ offset, total: this.#total, bytesPerSecond, secondsLeft });
  }

  #rate(now: number): number | undefined {
    const first = this.#samples[0]!;
    if (now - first.at < FIRST_MS || this.#moved === first.moved) return undefined;
    return ((this.#moved - first.moved) * 1000) / (now - first.at);
  }
}
