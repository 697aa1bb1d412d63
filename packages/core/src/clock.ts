/** Time as every package below the edge sees it. All times and delays are milliseconds, fractions allowed. */
export interface Clock {
  /** Monotonic; its zero means nothing. */
  readonly now: number;
  /** Calls `run` once, `ms` (0 or more) from now, never before this call has returned. */
  after(ms: number, run: () => void): Timer;
}

export interface Timer {
  /** After this `run` is not called any more. Harmless when it ran already or was cancelled before. */
  cancel(): void;
}

/** What waits for its time, and the handle to cancel it. */
class Event implements Timer {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;

  constructor(at: number, order: number, run: () => void) {
    this.at = at;
    this.order = order;
    this.run = run;
  }

  cancel(): void {
    this.run = undefined;
  }
}

/**
 * A clock that moves only when told: an hour of mesh traffic passes in seconds, and every run is the same run.
 * Events of the same instant run in the order in which they were asked for.
 */
export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  /** A binary heap by (at, order); cancelled events stay in it until their time comes, without their closure. */
  readonly #heap: Event[] = [];

  constructor(start = 0) {
    this.#now = start;
  }

  get now(): number {
    return this.#now;
  }

  /** When the next event is due, or undefined when nothing waits. */
  get nextAt(): number | undefined {
    this.#dropCancelled();
    return this.#heap[0]?.at;
  }

  after(ms: number, run: () => void): Timer {
    const event = new Event(this.#now + Math.max(0, ms), this.#order++, run);
    this.#push(event);
    return event;
  }

  /** Moves to the next event and runs it; false when none waits. */
  step(): boolean {
    for (;;) {
      const event = this.#pop();
      if (event === undefined) return false;
      if (event.run === undefined) continue;
      this.#now = event.at;
      event.run();
      return true;
    }
  }

  /** Runs all events up to and including the time `until`, then stands at `until`. */
  runUntil(until: number): void {
    for (;;) {
      const next = this.nextAt;
      if (next === undefined || next > until) break;
      this.step();
    }
    if (until > this.#now) this.#now = until;
  }

  /** {@link runUntil} by a duration. */
  advance(ms: number): void {
    this.runUntil(this.#now + ms);
  }

  #dropCancelled(): void {
    while (this.#heap.length > 0 && (this.#heap[0] as Event).run === undefined) this.#pop();
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(event);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent] as Event;
      if (!before(event, above)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Event, heap[child] as Event)) child++;
      if (!before(heap[child] as Event, last)) break;
      heap[i] = heap[child] as Event;
      i = child;
    }
    heap[i] = last;
    return top;
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
