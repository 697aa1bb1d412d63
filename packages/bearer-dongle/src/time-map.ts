/** What one exchange tells: the dongle's clock was at `us` while the host's went from `from` to `until`, ms. */
interface Sample {
  readonly us: number;
  readonly from: number;
  readonly until: number;
}

/** A minute of exchanges at one a second. */
const SAMPLES = 60;
/** How much the two clocks can go apart at the worst: crystals of 50 ppm on either side, and room. */
const DRIFT_MAX = 500e-6;
/** What the clocks may have gone apart unknown since an exchange makes it less certain: ms per ms. */
const DRIFT_UNKNOWN = 20e-6;
/** Exchanges nearer than that say nothing of the drift, ms. */
const BASELINE_MS = 5000;

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

  /** Forgets everything: the dongle has started anew. */
  reset(): void {
    this.#samples = [];
    this.#rate = 1 / 1000;
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
    if (span < BASELINE_MS) return;
    const rate = span / (late.us - early.us);
    if (Math.abs(rate * 1000 - 1) <= DRIFT_MAX) this.#rate = rate;
  }

  /** The most certain of them at a time `now`. */
  #best(samples: readonly Sample[], now: number): Sample {
    let best = samples[0]!;
    let least = Number.POSITIVE_INFINITY;
    for (const sample of samples) {
      const uncertainty = (sample.until - sample.from) / 2 + Math.abs(now - sample.until) * DRIFT_UNKNOWN;
      if (uncertainty > least) continue;
      best = sample;
      least = uncertainty;
    }
    return best;
  }
}

function middle({ from, until }: Sample): number {
  return (from + until) / 2;
}
