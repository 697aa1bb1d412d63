import type { Cancel, Clock, MeshError, Timer } from '@meshferry/core';
import { beyondEnd, chunkLost, damaged, fallsBack, noProgress, silent } from './errors.ts';
import { WindowSize } from './window-size.ts';

/** How a chunk fared. */
export type ChunkOutcome =
  /** The device has everything before `offset`; `match` false: what is in its flash is not the file. */
  | { readonly kind: 'answered'; readonly offset: number; readonly match?: boolean | undefined }
  /** No answer that could be read; whether the chunk arrived is not known. */
  | { readonly kind: 'lost'; readonly error: MeshError }
  /** The device has no time. */
  | { readonly kind: 'busy'; readonly error: MeshError }
  /** The device has not memory enough for so much at a time. */
  | { readonly kind: 'crowded'; readonly error: MeshError }
  | { readonly kind: 'failed'; readonly error: MeshError };

/** What a {@link ChunkWindow} sends. */
export interface ChunkSender {
  /** Octets of all. */
  readonly total: number;
  /** Chunks under way at most. */
  readonly window: number;
  /** Whether single requests get lost while the link stays. Elsewhere half of one may stick in the device. */
  readonly lossy: boolean;
  /** Times without any answer after which only a new link helps. */
  readonly silenceMax: number;
  /** Octets of the chunk at `offset`, 1 or more unless there are none at all. */
  length(offset: number): number;
  /** Sends one. `repeats`: times that this offset has failed in a row. `done` is called once, not before it returned. */
  send(offset: number, length: number, repeats: number, done: (outcome: ChunkOutcome) => void): Cancel;
  /** The device has everything before `offset`, and had everything before `before`. */
  advanced(offset: number, before: number): void;
}

/** How a {@link ChunkWindow} ended. */
export interface Delivered {
  /** Undefined where the device did not compare. */
  readonly match: boolean | undefined;
}

interface Chunk {
  readonly begin: number;
  readonly end: number;
  /** What the device had when this was sent: if it has less it lost it. */
  readonly had: number;
  /** Sent behind a gap: what the device drops. */
  isVoid: boolean;
  cancel: Cancel;
}

/** Failures in a row at one offset [spec: smp section 5, rule 8]. */
const FAILURES_MAX = 5;
/** Times that the device may fall back behind what it had. */
const FALLS_MAX = 5;
const BUSY_MS = 100;
/** Busy so often in a row: 40 s. */
const BUSY_MAX = 400;
/** Without memory so often in a row. */
const CROWDED_MAX = 8;

/**
 * - `sending`: chunks go out while the window has room;
 * - `resting`: the device was busy, or so it was told: nothing goes out for a moment;
 * - `complete`: the device has everything, what is under way is waited for;
 * - `ended`.
 */
type State = 'sending' | 'resting' | 'complete' | 'ended';

/**
 * Moves chunks through a window, the answered offset being what counts [spec: smp section 5, rules 1 to 8]. A device answers in
 * the order in which it was asked: an answer to a later chunk tells what became of those before it.
 *
 * When a chunk is lost the device drops what came behind it. Where requests get lost those are not waited for, they may be lost
 * as well: a chunk that comes twice does no harm. Each loss makes the window smaller, as the device may be too slow for it.
 */
export class ChunkWindow {
  readonly #sender: ChunkSender;
  readonly #clock: Clock;
  readonly #done: (outcome: Delivered | MeshError) => void;
  /** In the order in which they were sent. */
  readonly #flight: Chunk[] = [];
  #state: State = 'sending';
  #paused = false;
  readonly #size: WindowSize;
  /** What the device has, by its last answer. */
  #answered = 0;
  /** What is to be sent next. */
  #next = 0;
  #highest = 0;
  #match: boolean | undefined;
  #failures = 0;
  #failedAt = -1;
  #falls = 0;
  #silences = 0;
  #busy = 0;
  #rest: Timer | undefined;

  constructor(sender: ChunkSender, clock: Clock, done: (outcome: Delivered | MeshError) => void) {
    this.#sender = sender;
    this.#clock = clock;
    this.#done = done;
    this.#size = new WindowSize(sender.window);
  }

  /** Begins at `offset`: what is before it the device has. */
  start(offset = 0): void {
    this.#answered = offset;
    this.#highest = offset;
    this.#next = offset;
    if (offset > 0 && offset === this.#sender.total) this.#state = 'complete';
    this.#goOn();
  }

  /** No new chunks; answers are taken. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#goOn();
  }

  /** Ends it: with an error, unless the device has everything already. Harmless when it has ended. */
  stop(error: MeshError): void {
    this.#end(this.#state === 'complete' ? { match: this.#match } : error);
  }

  #goOn(): void {
    if (this.#state === 'complete' && this.#flight.length === 0) this.#end({ match: this.#match });
    while (this.#state === 'sending' && !this.#paused && this.#hasRoom()) this.#sendNext();
  }

  #hasRoom(): boolean {
    const { total, lossy } = this.#sender;
    const oldest = this.#flight[0];
    if (oldest === undefined) return this.#next < total || total === 0;
    // The first chunk goes alone: it may have the slot erased, and its answer says where to go on.
    if (this.#next === 0 || oldest.begin === 0 || (oldest.isVoid && !lossy)) return false;
    return this.#flight.length < this.#size.now && this.#next < total;
  }

  #sendNext(): void {
    const begin = this.#next;
    const end = begin + this.#sender.length(begin);
    const chunk: Chunk = { begin, end, had: this.#answered, isVoid: false, cancel: () => {} };
    this.#next = end;
    this.#flight.push(chunk);
    const repeats = begin === this.#failedAt ? this.#failures : 0;
    chunk.cancel = this.#sender.send(begin, end - begin, repeats, (outcome) => this.#outcome(chunk, outcome));
  }

  #outcome(chunk: Chunk, outcome: ChunkOutcome): void {
    if (this.#state === 'ended') return;
    const place = this.#flight.indexOf(chunk);
    this.#flight.splice(place, 1);
    if (outcome.kind === 'answered') {
      // An answer to a later one: those before it are not answered any more, or too late to matter.
      for (const earlier of this.#flight.splice(0, place)) earlier.cancel();
      this.#silences = 0;
      this.#takeAnswer(chunk, outcome.offset, outcome.match);
    } else if (this.#state !== 'complete') {
      this.#takeTrouble(chunk, outcome);
    }
    this.#goOn();
  }

  #takeAnswer(chunk: Chunk, offset: number, match: boolean | undefined): void {
    const { total } = this.#sender;
    // Where all is there a chunk that came twice is answered with 0.
    if (this.#state === 'complete') return;
    if (offset > total) this.#end(beyondEnd(offset, total));
    else if (match === false) this.#end(damaged());
    else this.#moveTo(chunk, offset, match);
  }

  #moveTo(chunk: Chunk, told: number, match: boolean | undefined): void {
    const before = this.#answered;
    // Less than what is known is old news, unless the chunk was sent when that was known already.
    const isFall = told < before && told < chunk.had;
    const offset = isFall ? told : Math.max(told, before);
    this.#answered = offset;
    this.#highest = Math.max(this.#highest, offset);
    if (offset > before) this.#busy = 0;
    if (offset === this.#sender.total) {
      this.#match = match;
      this.#state = 'complete';
    } else if (chunk.begin === 0 && offset > 0) {
      // Wherever the device says: it may have had more, or less, from an upload before.
      this.#next = offset;
    } else if (isFall || (told < chunk.end && !chunk.isVoid)) {
      this.#fellShort(chunkLost(told, chunk.end), isFall);
    } else {
      if (!chunk.isVoid) this.#size.arrived();
      this.#next = Math.max(this.#next, offset);
    }
    if (offset !== before) this.#sender.advanced(offset, before);
  }

  #takeTrouble({ isVoid }: Chunk, { kind, error }: Exclude<ChunkOutcome, { kind: 'answered' }>): void {
    if (kind === 'failed') {
      this.#end(error);
    } else if (kind === 'busy') {
      this.#takeBusy(error, 1);
    } else if (kind === 'crowded' && !isVoid) {
      // What came twice, or late, may fill the buffers as well: they are given some time.
      this.#size.fixToOne();
      this.#takeBusy(error, BUSY_MAX / CROWDED_MAX);
    } else if (!isVoid) {
      this.#fellShort(error, false);
    }
  }

  #takeBusy(error: MeshError, weight: number): void {
    this.#busy += weight;
    if (this.#busy > BUSY_MAX) {
      this.#end(error);
      return;
    }
    this.#state = 'resting';
    this.#goBack();
    this.#rest?.cancel();
    this.#rest = this.#clock.after(BUSY_MS, () => {
      if (this.#state === 'resting') this.#state = 'sending';
      this.#goOn();
    });
  }

  /** Goes on at the gap: what is under way behind it is void. */
  #goBack(): void {
    for (const chunk of this.#flight) chunk.isVoid = true;
    this.#next = this.#answered;
  }

  /** Once for each gap. */
  #fellShort(why: MeshError, isFall: boolean): void {
    if (isFall && ++this.#falls > FALLS_MAX) {
      this.#end(fallsBack(this.#falls, this.#highest));
      return;
    }
    this.#goBack();
    this.#failures = this.#failedAt === this.#answered ? this.#failures + 1 : 1;
    this.#failedAt = this.#answered;
    const isSilence = why.code === 'smp-timeout';
    if (isSilence) this.#silences++;
    this.#size.lost(isSilence);
    if (this.#silences >= this.#sender.silenceMax) this.#end(silent(this.#answered, why));
    else if (this.#failures > FAILURES_MAX) this.#end(noProgress(this.#answered, why));
  }

  #end(outcome: Delivered | MeshError): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#rest?.cancel();
    for (const { cancel } of this.#flight.splice(0)) cancel();
    this.#done(outcome);
  }
}
