/** What one exchange tells: the dongle's clock was at `us` while the host's went from `from` to `until`, ms. */
interface Sample {
  readonly us: number;
  readonly from: number;
  readonly until: number;
}

/** A minute of exchanges at one a second. */
const SAMPLES = 60;
/** How much two clocks go apart, ms per ms: crystals of 50 ppm on either side; after it was measured; more than that is none. */
const DRIFT = 100e-6;
const DRIFT_LEFT = 20e-6;
const DRIFT_MAX = 500e-6;
/** The drift counts as measured when it is known that well. */
const DRIFT_UNCERTAINTY_MAX = 50e-6;

/**
 * The clock of the dongle on the clock of the host. Each exchange bounds it by the time that it took; the shortest counts,
 * an older one less, and two of them far apart give the drift.
 */
export class TimeMap {
  #samples: Sample[] = [];
  #us = 0;
  #ms = 0;
  /** ms of the host per µs of the dongle. */
  #rate = 1 / 1000;
  #drift = DRIFT;

  /** Forgets everything: the dongle has started anew. */
  reset(): void {
    this.#samples = [];
    this.#rate = 1 / 1000;
    this.#drift = DRIFT;
  }

  /** The dongle's clock was at `us` at some moment while the host's went from `from` to `until`, ms. */
  add(us: number, from: number, until: number): void {
    const sample = { us, from, until };
    this.#samples.push(sample);
    if (this.#samples.length > SAMPLES) this.#samples.shift();
    const best = this.#best(this.#samples, until);
    this.#us = best.us;
    this.#ms = middle(best);
    const early = this.#samples.slice(0, Math.ceil(this.#samples.length / 3));
    this.#measureRate(this.#best(early, early[0]!.until), best);
  }

  /** ms of the host's clock at a time of the dongle's, µs. */
  toHost(us: number): number {
    return this.#ms + (us - this.#us) * this.#rate;
  }

  #measureRate(early: Sample, late: Sample): void {
    const span = middle(late) - middle(early);
    if ((width(early) + width(late)) / 2 >= span * DRIFT_UNCERTAINTY_MAX) return;
    const rate = span / (late.us - early.us);
    if (Math.abs(rate * 1000 - 1) > DRIFT_MAX) return;
    this.#rate = rate;
    this.#drift = DRIFT_LEFT;
  }

  /** The most certain of them at a time `now`. */
  #best(samples: readonly Sample[], now: number): Sample {
    let best = samples[0]!;
    let least = Number.POSITIVE_INFINITY;
    for (const sample of samples) {
      const uncertainty = width(sample) / 2 + Math.abs(now - sample.until) * this.#drift;
      if (uncertainty > least) continue;
      best = sample;
      least = uncertainty;
    }
    return best;
  }
}

function width({ from, until }: Sample): number {
  return until - from;
}

function middle({ from, until }: Sample): number {
  return (from + until) / 2;
}
