import type { Unsubscribe } from '@meshferry/core';
import type { Radio } from './radio.ts';

/** Over which the share of taken air is told, ms: what an airtime limit is about. */
const WINDOW_MS = 10_000;

/**
 * The air as a listener on one advertising channel at the place of node `index` hears it: when it is taken by a packet of
 * that node or of a neighbour, overlaps counted once. It only listens: what a receiver would miss counts all the same.
 */
export class HeardAir {
  /** Start and end of each packet on channel 37, one after the other, ms. */
  readonly #packets: number[] = [];
  readonly #untap: Unsubscribe;

  constructor(radio: Radio, index: number) {
    this.#untap = radio.tap(({ node, at, air }) => {
      if (node === index || radio.hears(index, node)) this.#packets.push(at, at + air);
    });
  }

  close(): void {
    this.#untap();
  }

  /** Of all stretches of `windowMs` since the start the one in which the air was taken longest. */
  fullestWindow(windowMs: number = WINDOW_MS): FullestWindow {
    const { starts, ends } = merged(this.#packets);
    // It ends where a packet ends, or begins where one starts.
    const ending = fullest(starts, ends, windowMs);
    const beginning = fullest(mirrored(ends), mirrored(starts), windowMs);
    if (ending.takenMs >= beginning.takenMs) return { share: ending.takenMs / windowMs, start: ending.end - windowMs };
    return { share: beginning.takenMs / windowMs, start: -beginning.end };
  }
}

/** When the air was taken most. */
export interface FullestWindow {
  /** Of the time in which it was taken, 0 to 1. */
  readonly share: number;
  /** Clock time at which it begins, ms; before the start when so little was heard. */
  readonly start: number;
}

interface Spans {
  readonly starts: Float64Array;
  readonly ends: Float64Array;
}

/** In the order of time, those that overlap as one. */
function merged(packets: readonly number[]): Spans {
  const order = Array.from({ length: packets.length / 2 }, (_, i) => 2 * i);
  order.sort((a, b) => (packets[a] as number) - (packets[b] as number));
  const starts = new Float64Array(order.length);
  const ends = new Float64Array(order.length);
  let count = 0;
  for (const i of order) {
    const start = packets[i] as number;
    const end = packets[i + 1] as number;
    if (count > 0 && start <= (ends[count - 1] as number)) {
      ends[count - 1] = Math.max(ends[count - 1] as number, end);
      continue;
    }
    starts[count] = start;
    ends[count++] = end;
  }
  return { starts: starts.subarray(0, count), ends: ends.subarray(0, count) };
}

/** The window that holds most of those which end at the end of a span. */
function fullest(starts: Float64Array, ends: Float64Array, windowMs: number): { takenMs: number; end: number } {
  let most = { takenMs: 0, end: windowMs };
  let sum = 0;
  let first = 0;
  for (let i = 0; i < ends.length; i++) {
    const end = ends[i] as number;
    sum += end - (starts[i] as number);
    while ((ends[first] as number) <= end - windowMs) sum -= (ends[first] as number) - (starts[first++] as number);
    const takenMs = sum - Math.max(0, end - windowMs - (starts[first] as number));
    if (takenMs > most.takenMs) most = { takenMs, end };
  }
  return most;
}

/** Times backwards. */
function mirrored(times: Float64Array): Float64Array {
  return times.map((time) => -time).reverse();
}
