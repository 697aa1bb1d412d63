import type { BlobEvent } from '@meshferry/blob';
import type { Clock } from '@meshferry/core';

/** The figures of one BLOB transfer as it runs: percent, blocks, rate and time left. What somebody else transfers has no blocks. */
export class JobMeter {
  readonly #clock: Clock;
  readonly #size: number;
  /** When the first block of this run began. */
  #startedAt: number | undefined;
  /** Octets that were there by then: a resumed transfer must not count them as its own speed. */
  #startedWith = 0;
  #acknowledged = 0;
  /** Time left as it was told, and when. */
  #left: { readonly seconds: number; readonly at: number } | undefined;
  /** In earlier transfers. */
  #sentBefore = { sent: 0, resent: 0 };
  percent = 0;
  blocksDone = 0;
  blocks = 0;
  chunksSent = 0;
  chunksResent = 0;

  /** `size` of the image in octets. */
  constructor(clock: Clock, size: number) {
    this.#clock = clock;
    this.#size = size;
  }

  /** Of the slowest receiver; null before anything arrived. */
  get bytesPerSecond(): number | null {
    if (this.#startedAt === undefined) return null;
    const seconds = (this.#clock.now - this.#startedAt) / 1000;
    const octets = this.#acknowledged - this.#startedWith;
    return seconds > 0 && octets > 0 ? octets / seconds : null;
  }

  /** As the client foresees it, or whoever planned it; else as the rate so far lets expect. */
  get secondsLeft(): number | null {
    const left = this.#left;
    if (left !== undefined) return Math.max(0, left.seconds - (this.#clock.now - left.at) / 1000);
    const rate = this.bytesPerSecond;
    return rate === null ? null : (this.#size - this.#acknowledged) / rate;
  }

  /** What the transfer is expected to take from now on. */
  expect(seconds: number): void {
    this.#left = { seconds, at: this.#clock.now };
  }

  take(event: BlobEvent): void {
    switch (event.type) {
      case 'capabilities':
        this.blocks = event.blocks;
        break;
      case 'block':
        this.#start();
        break;
      case 'chunks':
        this.chunksSent = this.#sentBefore.sent + event.sent;
        this.chunksResent = this.#sentBefore.resent + event.resent;
        break;
      case 'progress': {
        this.#acknowledged = Math.max(this.#acknowledged, event.acknowledged);
        this.percent = Math.max(this.percent, event.percent);
        if (event.secondsLeft !== undefined) this.expect(event.secondsLeft);
        const active = event.receivers.filter(({ lost, skip }) => !lost && !skip);
        if (active.length > 0) this.blocksDone = Math.min(...active.map(({ blocksDone }) => blocksDone));
        break;
      }
      case 'done':
        this.#left = undefined;
        if (event.outcome === 'complete') {
          this.percent = 100;
          this.blocksDone = this.blocks;
        }
        break;
    }
  }

  /** A transfer that somebody else does has come to `percent` of the image. */
  reach(percent: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, Math.floor((this.#size * percent) / 100));
    this.percent = Math.max(this.percent, percent);
    // Whoever transfers it tells no more than that.
    if (this.bytesPerSecond !== null) this.#left = undefined;
    this.#start();
  }

  /** Another transfer of the same image begins; what was sent counts on. */
  restart(): void {
    this.#startedAt = undefined;
    this.#acknowledged = 0;
    this.percent = 0;
    this.blocksDone = 0;
    this.#sentBefore = { sent: this.chunksSent, resent: this.chunksResent };
  }

  #start(): void {
    if (this.#startedAt !== undefined) return;
    this.#startedAt = this.#clock.now;
    this.#startedWith = this.#acknowledged;
  }
}
