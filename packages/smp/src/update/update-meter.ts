import type { Clock, MeshError } from '@meshferry/core';
import { RECONNECT_SECONDS } from './estimate.ts';
import type { SmpUpdatePhase, SmpUpdateProgress } from './update-types.ts';

/** Keeps what is told of an update, and tells it. Times in ms of the clock, unless named otherwise. */
export class UpdateMeter {
  readonly #clock: Clock;
  readonly #tell: ((progress: SmpUpdateProgress) => void) | undefined;
  readonly #begin: number;
  #phase: SmpUpdatePhase = 'connecting';
  #image: number | null = null;
  #trouble: MeshError | null = null;
  #links = 0;
  #swapSeconds = 0;
  #willReset = true;
  /** When the device was told to reset into the new images. */
  #resetAt: number | undefined;
  /** Octets that the device has, by image number, and that there are. */
  readonly #has = new Map<number, number>();
  readonly #of = new Map<number, number>();
  #rate: number | null = null;
  #expectedRate: number | null = null;
  #uploadBegin: number | undefined;
  #uploadMs = 0;
  #bytesSent = 0;

  constructor(clock: Clock, tell: ((progress: SmpUpdateProgress) => void) | undefined) {
    this.#clock = clock;
    this.#tell = tell;
    this.#begin = clock.now;
  }

  get progress(): SmpUpdateProgress {
    const sent = sum(this.#has);
    const total = sum(this.#of);
    return {
      phase: this.#phase,
      image: this.#image,
      sent,
      total,
      percent: total === 0 ? 0 : (100 * sent) / total,
      bytesPerSecond: this.#phase === 'uploading' ? this.#rate : null,
      secondsLeft: this.#secondsLeft(total - sent),
      elapsedSeconds: this.elapsedSeconds,
      links: this.#links,
      trouble: this.#trouble,
    };
  }

  get elapsedSeconds(): number {
    return (this.#clock.now - this.#begin) / 1000;
  }

  get uploadSeconds(): number {
    return this.#uploadMs / 1000;
  }

  get bytesSent(): number {
    return this.#bytesSent;
  }

  /** Of images: octets, and whether the device has them. */
  images(images: readonly { readonly image: number; readonly size: number; readonly isThere: boolean }[]): void {
    for (const { image, size, isThere } of images) {
      this.#of.set(image, size);
      if (isThere) this.#has.set(image, size);
      else if (this.#has.get(image) === size) this.#has.delete(image);
    }
  }

  /** What follows the upload, for the time that is left. */
  foresee(swapSeconds: number, willReset: boolean, expectedRate: number | null): void {
    this.#swapSeconds = swapSeconds;
    this.#willReset = willReset;
    this.#expectedRate = expectedRate;
  }

  enter(phase: SmpUpdatePhase, image: number | null = null): void {
    this.#endUpload();
    this.#phase = phase;
    this.#image = image;
    if (phase === 'uploading') this.#uploadBegin = this.#clock.now;
    this.tell();
  }

  wasReset(): void {
    this.#resetAt = this.#clock.now;
  }

  linked(links: number): void {
    this.#links = links;
    this.#trouble = null;
  }

  inTrouble(error: MeshError): void {
    this.#trouble = error;
    this.tell();
  }

  /** The device has so much of the image; `moved`: octets of it that went over the air since the last call. */
  uploaded(image: number, offset: number, rate: number | null): void {
    const before = this.#has.get(image);
    if (before !== undefined) this.#bytesSent += Math.max(0, offset - before);
    this.#has.set(image, offset);
    this.#rate = rate;
    this.tell();
  }

  tell(): void {
    this.#tell?.(this.progress);
  }

  #endUpload(): void {
    if (this.#uploadBegin !== undefined) this.#uploadMs += this.#clock.now - this.#uploadBegin;
    this.#uploadBegin = undefined;
  }

  #secondsLeft(octets: number): number | null {
    if (this.#phase === 'done') return 0;
    const after = this.#willReset ? this.#swapSeconds + RECONNECT_SECONDS : 0;
    if (this.#resetAt !== undefined) return Math.max(0, after - (this.#clock.now - this.#resetAt) / 1000);
    const rate = this.#rate ?? this.#expectedRate;
    if (octets > 0 && rate === null) return null;
    return (octets > 0 ? octets / rate! : 0) + after;
  }
}

function sum(octets: ReadonlyMap<number, number>): number {
  let all = 0;
  for (const each of octets.values()) all += each;
  return all;
}
