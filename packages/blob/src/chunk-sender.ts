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
  ended(): void;
}

interface LaneState extends Lane {
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
    this.#lanes = lanes.map((lane) => ({ ...lane, next: 0, inFlight: 0, failures: 0 }));
  }

  begin(): void {
    this.#pump();
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
    if (!this.#over && this.#inFlight === 0 && this.#lanes.every(isDone)) {
      this.#over = true;
      this.#host.ended();
    }
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
    if (this.#inFlight === 0 && this.#lanes.every(isDone))
      this.#host.pace(this.#chunksAfterFirst, this.#pdusAfterFirst, now - this.#firstLeftAt);
  }
}

function isDone(lane: LaneState): boolean {
  return lane.next >= lane.chunks.length;
}
