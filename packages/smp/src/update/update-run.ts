import { type Log, type MeshError, silent } from '@meshferry/core';
import type { SmpUpload } from '../upload/upload.ts';
import type { DeviceView } from './device-view.ts';
import { estimateSwapSeconds } from './estimate.ts';
import type { SmpUpdateNote } from './plan-types.ts';
import { NOTHING_TRIED, type Situation, type Tried } from './situation.ts';
import { updateError } from './update-errors.ts';
import type { UpdateLink } from './update-link.ts';
import type { UpdateMeter } from './update-meter.ts';
import { readOpenUpload, type SavedSmpUpdate, writeOpenUpload, writeSmpUpdate } from './update-record.ts';
import type { SmpUpdateImage, SmpUpdateOptions } from './update-types.ts';

const RECONNECT_DEFAULT_SECONDS = 60;

/** Times that a device may forget what it had of an image: each reset in the middle of an upload is one. */
const MOST_FALLS = 10;

/** What the steps of one run share. */
export class UpdateRun {
  readonly options: SmpUpdateOptions;
  readonly link: UpdateLink;
  readonly meter: UpdateMeter;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly notes: SmpUpdateNote[] = [];
  /** As the device was when it was last looked at, ever. */
  lastView: DeviceView | undefined;
  /** The builds for this device, once they are chosen. */
  images: readonly SmpUpdateImage[] = [];
  tried: Tried = NOTHING_TRIED;
  /** Clock time after which nobody is waited for any more; undefined while the device answers. */
  until: number | undefined;
  /**
   * Clock time until which a device that was reset over a line that can lose packets may not have begun with it, or be at it: the
   * line tells of neither. Undefined once it has booted.
   */
  bootsUntil: number | undefined;
  /** Lost links since there was progress last. */
  troubles = 0;
  /** Uploads and marks in a row that the device refused although its list allowed them. */
  refusals = 0;
  resets = 0;
  /** Octets a second that an upload is likely to make, by how soon the device answers; undefined while that is not known. */
  rate: number | undefined;
  /** The upload under way. */
  #upload: SmpUpload | undefined;
  #isPaused = false;
  /** Octets by image number; and how often the device has had less than before. */
  readonly #reached = new Map<number, number>();
  #falls = 0;
  #view: DeviceView | undefined;
  #saved: SavedSmpUpdate;
  #openUpload: string | null;

  constructor(
    options: SmpUpdateOptions,
    saved: SavedSmpUpdate,
    link: UpdateLink,
    meter: UpdateMeter,
    signal: AbortSignal,
  ) {
    this.options = options;
    this.#saved = saved;
    this.#openUpload = readOpenUpload(options.store);
    this.link = link;
    this.meter = meter;
    this.signal = signal;
    this.log = options.log ?? silent;
  }

  /** As the device is on this link; undefined until it was looked at. */
  get view(): DeviceView | undefined {
    return this.#view;
  }

  set view(view: DeviceView | undefined) {
    this.#view = view;
    this.lastView = view ?? this.lastView;
  }

  get saved(): SavedSmpUpdate {
    return this.#saved;
  }

  get situation(): Situation {
    return {
      view: this.lastView!,
      images: this.images,
      saved: this.#saved,
      eraseSettings: this.options.eraseSettings ?? false,
      openUpload: this.#openUpload,
      tried: this.tried,
    };
  }

  /** How long the device is looked for, ms. */
  get reconnectMs(): number {
    return 1000 * (this.options.reconnectSeconds ?? RECONNECT_DEFAULT_SECONDS);
  }

  get swapSeconds(): number {
    return this.options.swapSeconds ?? estimateSwapSeconds(this.lastView!, this.images);
  }

  /** Durable when it returns. */
  keep(saved: SavedSmpUpdate): void {
    writeSmpUpdate(this.options.store, saved);
    this.#saved = saved;
  }

  /** For what need not be durable before the next {@link keep}. */
  remember(saved: SavedSmpUpdate): void {
    this.#saved = saved;
  }

  /** Remembers which image is being sent, or that none is. */
  keepOpenUpload(hash: string | null): void {
    if (hash === this.#openUpload) return;
    writeOpenUpload(this.options.store, hash);
    this.#openUpload = hash;
  }

  note(severity: SmpUpdateNote['severity'], code: string, message: string): void {
    if (this.notes.some((other) => other.code === code && other.message === message)) return;
    this.notes.push({ severity, code, message });
    this.log(severity === 'warning' ? 'warn' : 'info', message);
  }

  /** The device has so much of an image. More than ever is progress; throws `smp-link-unstable` when it loses it again and again. */
  reached(image: number, offset: number): void {
    const before = this.#reached.get(image) ?? 0;
    this.#reached.set(image, offset);
    if (offset > before) this.progressed();
    else if (offset < before && ++this.#falls > MOST_FALLS) throw fallsBack(before);
  }

  /** Follows an upload to its end. */
  async finishUpload(upload: SmpUpload): Promise<void> {
    this.#upload = upload;
    if (this.#isPaused) upload.pause();
    try {
      await upload.finished;
    } finally {
      this.#upload = undefined;
    }
  }

  /** Holds an upload, also one that has not begun, or lets it go on. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (isPaused) this.#upload?.pause();
    else this.#upload?.resume();
  }

  /** Something has been achieved: earlier trouble counts no more. */
  progressed(): void {
    this.troubles = 0;
    this.refusals = 0;
  }

  /** The link is gone or not to be trusted: another one is looked for from now on. */
  lost(error: MeshError): void {
    this.link.close();
    this.view = undefined;
    const swapMs = this.bootsUntil === undefined ? 0 : 1000 * this.swapSeconds;
    this.until ??= this.options.clock.now + swapMs + this.reconnectMs;
    this.meter.inTrouble(error);
  }
}

function fallsBack(octets: number): MeshError {
  return updateError(
    'smp-link-unstable',
    `the device has forgotten ${MOST_FALLS} times what it had of the upload, at last ${octets} octets`,
    'It resets during the upload (watchdog, power), or somebody else uploads to it at the same time.',
  );
}
