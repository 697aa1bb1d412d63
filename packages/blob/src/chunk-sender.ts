import type { Cancel, Clock, MeshError } from '@meshferry/core';
import { type BlockShape, segmentsOfChunk, sizeOfChunk } from './arithmetic.ts';
import type { Receiver } from './receiver.ts';

/** The chunks for one destination: a receiver, or the group when that is undefined. */
export interface Lane {
  readonly receiver: Receiver | undefined;
  readonly chunks: readonly number[];
}

/** What a {@link ChunkSender} needs of the transfer. */
export interface ChunkSenderHost {
  readonly clock: Clock;
  sendChunk(lane: Lane, chunk: number, data: Uint8Array, done: (error?: MeshError) => void): Cancel;
  /** A chunk is about to be handed over. */
  beforeChunk(): void;
  /** So many chunks of so many PDUs in all, copies not counted, have taken so long one after the other. */
  pace(chunks: number, pdus: number, elapsedMs: number): void;
  /** All chunks of this lane have left. */
  drained?(lane: Lane): void;
  /** All chunks of all lanes have left. */
  ended(): void;
}

interface LaneState extends Lane {
  chunks: readonly number[];
  next: number;
  inFlight: number;
  failures: number;
}

/** Messages that wait in the stack, so that the bearer never runs dry. Segmented ones to one destination go singly. */
const UNSEGMENTED_WINDOW = 5;
const LANES_AT_A_TIME = 2;

/**
 * Sends chunks of one block, a new one whenever an earlier one has left (to a group) or was acknowledged (to a
 * receiver). Several receivers take turns; one that refuses two chunks in a row is left alone until the check.
 */
export class ChunkSender {
  readonly #host: ChunkSenderHost;
  readonly #block: BlockShape;
  readonly #octets: Uint8Array;
  readonly #lanes: LaneState[];
  readonly #cancels = new Set<Cancel>();
  #turn = 0;
  #inFlight = 0;
  #over = false;
  #firstLeftAt: number | undefined;
  #chunksAfterFirst = 0;
  #pdusAfterFirst = 0;

  constructor(host: ChunkSenderHost, block: BlockShape, octets: Uint8Array, lanes: readonly Lane[]) {
    this.#host = host;
    this.#block = block;
    this.#octets = octets;
    this.#lanes = lanes.map(newLane);
  }

  begin(): void {
    this.#pump();
  }

  /** The chunks that a destination shall get now, instead of those of its that have not been handed over yet. */
  refill(receiver: Receiver | undefined, chunks: readonly number[]): void {
    let lane = this.#lanes.find((each) => each.receiver === receiver);
    if (lane === undefined) {
      if (chunks.length === 0) return;
      lane = newLane({ receiver, chunks });
      this.#lanes.push(lane);
    } else {
      const sending = lane.inFlight > 0 ? lane.chunks[lane.next - 1] : undefined;
      lane.chunks = chunks.filter((chunk) => chunk !== sending);
      lane.next = 0;
      lane.failures = 0;
    }
    this.#pump();
  }

  /** Whether this destination has chunks that have not left yet. */
  isBusy(receiver: Receiver | undefined): boolean {
    const lane = this.#lanes.find((each) => each.receiver === receiver);
    return lane !== undefined && (lane.inFlight > 0 || !isDone(lane));
  }

  /** Hands over nothing more; what is on its way is cancelled. */
  stop(): void {
    this.#over = true;
    for (const cancel of [...this.#cancels]) cancel();
    this.#cancels.clear();
  }

  #pump(): void {
    while (!this.#over) {
      const lane = this.#nextLane();
      if (lane === undefined) break;
      this.#handOver(lane);
    }
    if (!this.#over && this.#inFlight === 0 && this.#lanes.every(isDone)) this.#host.ended();
  }

  /** The next lane in turn that may take a chunk now. */
  #nextLane(): LaneState | undefined {
    const count = this.#lanes.length;
    const segmented = this.#block.chunkSize > 8;
    const limit = segmented ? Math.min(count, LANES_AT_A_TIME) : UNSEGMENTED_WINDOW;
    if (this.#inFlight >= limit) return undefined;
    for (let i = 0; i < count; i++) {
      const index = (this.#turn + i) % count;
      const lane = this.#lanes[index] as LaneState;
      if (isDone(lane) || (lane.inFlight > 0 && (segmented || lane.receiver !== undefined))) continue;
      this.#turn = (index + 1) % count;
      return lane;
    }
    return undefined;
  }

  #handOver(lane: LaneState): void {
    this.#host.beforeChunk();
    const chunk = lane.chunks[lane.next++] as number;
    const length = sizeOfChunk(this.#block, chunk);
    const start = chunk * this.#block.chunkSize;
    lane.inFlight++;
    this.#inFlight++;
    const cancel = this.#host.sendChunk(lane, chunk, this.#octets.subarray(start, start + length), (error) => {
      this.#cancels.delete(cancel);
      lane.inFlight--;
      this.#inFlight--;
      if (this.#over) return;
      this.#measure(length);
      lane.failures = error === undefined ? 0 : lane.failures + 1;
      if (lane.failures >= 2 && lane.receiver !== undefined) lane.next = lane.chunks.length;
      if (lane.inFlight === 0 && isDone(lane)) this.#host.drained?.(lane);
      this.#pump();
    });
    this.#cancels.add(cancel);
  }

  #measure(length: number): void {
    const { now } = this.#host.clock;
    if (this.#firstLeftAt === undefined) {
      this.#firstLeftAt = now;
      return;
    }
    this.#chunksAfterFirst++;
    this.#pdusAfterFirst += segmentsOfChunk(length);
    if (this.#inFlight > 0 || !this.#lanes.every(isDone)) return;
    this.#host.pace(this.#chunksAfterFirst, this.#pdusAfterFirst, now - this.#firstLeftAt);
    this.#firstLeftAt = undefined;
    this.#chunksAfterFirst = 0;
    this.#pdusAfterFirst = 0;
  }
}

function newLane(lane: Lane): LaneState {
  return { ...lane, next: 0, inFlight: 0, failures: 0 };
}

function isDone(lane: LaneState): boolean {
  return lane.next >= lane.chunks.length;
}
