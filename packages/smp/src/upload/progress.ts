/** How far a transfer is. */
export interface TransferProgress {
  /** Octets that the device has. */
  readonly offset: number;
  readonly total: number;
  /** As it went in the last seconds; undefined before there is anything to tell it by. */
  readonly bytesPerSecond: number | undefined;
  /** At that rate; undefined likewise. */
  readonly secondsLeft: number | undefined;
}

/** The rate is that of the last so many ms. */
const SPAN_MS = 8000;
/** It is not told before this has gone by: the first octets come in bursts. */
const FIRST_MS = 500;
/** Samples are so far apart at least. */
const STEP_MS = 200;

interface Sample {
  readonly at: number;
  /** Octets moved since the beginning: those that were there already do not count. */
  readonly moved: number;
}

/** Smooths the rate of a transfer: the mean of the last seconds, with what was there before and what was lost left out. */
export class RateMeter {
  readonly #samples: Sample[] = [];
  #moved = 0;

  /** Octets moved since the beginning. */
  get moved(): number {
    return this.#moved;
  }

  /** `octets` more have arrived at clock time `now`; the first call starts the measurement, with 0. */
  add(now: number, octets: number): void {
    this.#moved += octets;
    const last = this.#samples.at(-1);
    if (last !== undefined && now - last.at < STEP_MS) return;
    this.#samples.push({ at: now, moved: this.#moved });
    while (this.#samples.length > 2 && now - this.#samples[1]!.at >= SPAN_MS) this.#samples.shift();
  }

  /** Octets a second at clock time `now`. */
  rate(now: number): number | undefined {
    const first = this.#samples[0];
    if (first === undefined || now - first.at < FIRST_MS || this.#moved === first.moved) return undefined;
    return ((this.#moved - first.moved) * 1000) / (now - first.at);
  }
}
