import type { Cancel, MeshError, Timer } from '@meshferry/core';
import { type BlockShape, blockCount, blockShape } from './arithmetic.ts';
import { hasBit, setBit } from './bits.ts';
import type { Lane } from './chunk-sender.ts';
import { areConfusable } from './confusion.ts';
import type { Sending } from './cost-model.ts';
import { isFilled } from './last-chunk.ts';
import type { Receiver, Stage } from './receiver.ts';
import { boundsOf, takesChunks } from './settings.ts';
import type { TransferContext } from './transfer-context.ts';

const REPORT_INTERVAL_MS = 500;

/** The block that is under way: its octets, how they are sent, who takes part. */
export class OutgoingBlock {
  readonly shape: BlockShape;
  readonly octets: Uint8Array;
  readonly sending: Sending;
  readonly #context: TransferContext;
  readonly #fixedChunkSize: number | undefined;
  readonly #isConfusable: boolean;
  /** Chunks that were sent to the group, or to anybody, at least once. */
  readonly #sentOnce: Uint8Array;
  #reportedAt = Number.NEGATIVE_INFINITY;

  /**
   * `chunkSize`: that of somebody who is in the middle of the block already; who does not take chunks of that size takes no
   * part, its turn comes later. Throws `blob-source-failed`.
   */
  constructor(context: TransferContext, number: number, chunkSize: number | undefined) {
    const { terms } = context;
    const log = context.log2!;
    this.#context = context;
    this.#fixedChunkSize = chunkSize;
    const wanting = context.active.filter((receiver) => this.#takes(receiver, number));
    const absent = placesOfAbsent(context);
    const isConfusable = (size: number): boolean => {
      const shape = blockShape(terms.size, log, number, size);
      return absent.some((stuck) => areConfusable(stuck, shape));
    };
    const isUnfit = (size: number): boolean =>
      isConfusable(size) || (context.leavesRemainder && isFilled(blockShape(terms.size, log, number, size)));
    this.sending =
      chunkSize === undefined
        ? context.strategy.sending(log, boundsOf(terms, wanting, log), wanting, context.sendsToGroup, isUnfit)
        : { chunkSize, copies: 1, byUnicast: !context.sendsToGroup };
    this.shape = blockShape(terms.size, log, number, this.sending.chunkSize);
    this.#isConfusable = isConfusable(this.sending.chunkSize);
    this.octets = context.read(this.shape.offset, this.shape.size);
    this.#sentOnce = new Uint8Array(Math.ceil(this.shape.chunkCount / 8));
    context.block = this.shape;
    for (const receiver of context.active) this.#enrol(receiver, wanting.includes(receiver));
    context.emit({ type: 'block', number, of: blockCount(terms.size, log), chunkSize: this.shape.chunkSize });
  }

  /** Whether the group may get chunks: nobody in the middle of another block would take them for chunks of that. */
  get mayUseGroup(): boolean {
    const { sendsToGroup, active } = this.#context;
    return sendsToGroup && !this.#isConfusable && !active.some((receiver) => this.isElsewhere(receiver));
  }

  /** Those who must still do something before the block is done. */
  get owing(): Receiver[] {
    return this.#context.active.filter(({ stage }) => OWING.has(stage));
  }

  /** In the middle of another block than this one: the group would fill that with wrong chunks. */
  isElsewhere({ stuckIn }: Receiver): boolean {
    return (
      stuckIn !== undefined && (stuckIn.number !== this.shape.number || stuckIn.chunkSize !== this.shape.chunkSize)
    );
  }

  /** Whether the receiver, free only now, takes part from now on: it misses the block and is in the middle of none. */
  admit(receiver: Receiver): boolean {
    const { active, stage } = receiver;
    if (!active || stage !== 'held' || !this.#takes(receiver, this.shape.number) || this.isElsewhere(receiver))
      return false;
    receiver.stage = 'block';
    return true;
  }

  /** `isFirstPass`: the chunk is sent for the first time, also when another receiver has got it before. */
  sendChunk(
    { receiver }: Lane,
    chunk: number,
    data: Uint8Array,
    { copies }: Sending,
    isFirstPass: boolean,
    done: (error?: MeshError) => void,
  ): Cancel {
    const { counters, strategy, requests, clock } = this.#context;
    counters.sent++;
    counters.bytes += data.length;
    // Without a group the first pass brings the same chunk to each receiver: that is no repetition.
    if (hasBit(this.#sentOnce, chunk) && !(isFirstPass && receiver !== undefined)) counters.resent++;
    setBit(this.#sentOnce, chunk);
    const guarded = this.#context.guard(done);
    if (receiver !== undefined) {
      return requests.chunk(receiver.address, chunk, data, strategy.unicastChunk(receiver), (error) => {
        if (error === undefined) receiver.awakeAt = clock.now;
        guarded(error);
      });
    }
    const isRelayed = this.#isRelayed;
    const pauseMs = isRelayed ? strategy.relayPauseMs(copies) : 0;
    const onAir = strategy.groupChunk(this.#copiesOfPdu(copies), isRelayed);
    let pause: Timer | undefined;
    const cancel = requests.chunk(undefined, chunk, data, onAir, (error) => {
      if (error !== undefined || pauseMs === 0) guarded(error);
      else pause = clock.after(pauseMs, () => guarded());
    });
    return () => {
      pause?.cancel();
      cancel();
    };
  }

  /** The order in which these chunks go to the group. */
  orderToGroup(chunks: readonly number[], { copies }: Sending): readonly number[] {
    return this.#copiesOfPdu(copies) > 1 ? chunks : inCopies(chunks, copies);
  }

  /** Advertising events of each PDU to the group. In pull mode few chunks go out at a time: copies come soon enough. */
  #copiesOfPdu(copies: number): number {
    return this.sending.chunkSize > 8 || this.#isRelayed || this.#context.mode === 'pull' ? copies : 1;
  }

  /** Some of those that the group is for are behind relays, which set the pace. */
  get #isRelayed(): boolean {
    return this.#context.active.some(({ isRemote }) => isRemote);
  }

  /** Tells how many chunks were sent, not too often. */
  reportSending(): void {
    const { now } = this.#context.clock;
    if (now - this.#reportedAt < REPORT_INTERVAL_MS) return;
    this.#reportedAt = now;
    this.#context.emit({ type: 'chunks', ...this.#context.counters });
  }

  /** The pace of the chunks that were sent, for what is chosen next. */
  observePace({ byUnicast, copies, chunkSize }: Sending, chunks: number, pdus: number, elapsedMs: number): void {
    const { estimates } = this.#context;
    const segmented = chunkSize > 8;
    if (byUnicast) estimates.observeAcknowledged(chunks, pdus, elapsedMs);
    else if (segmented && estimates.isFast) estimates.observePace(pdus, elapsedMs, true);
    else estimates.observePace(pdus * this.#copiesOfPdu(copies), elapsedMs, segmented);
  }

  /** Whether the receiver misses this block, as far as is known, and takes its chunks. */
  #takes(receiver: Receiver, number: number): boolean {
    const { terms, log2 } = this.#context;
    if (!wants(receiver, number)) return false;
    if (this.#fixedChunkSize === undefined || receiver.stuckIn?.number === number) return true;
    return takesChunks(terms, receiver, log2!, this.#fixedChunkSize);
  }

  #enrol(receiver: Receiver, wanted: boolean): void {
    receiver.clearMissing();
    receiver.located = false;
    receiver.awakeAt = this.#context.clock.now;
    // Whoever fell asleep over this block and comes back to it has had its tries all the same.
    if (receiver.triedBlock !== this.shape.number) receiver.fruitless = 0;
    receiver.retryAt = 0;
    receiver.triedBlock = this.shape.number;
    receiver.missingBefore = 0;
    if (receiver.stage === 'start') return;
    receiver.stage = wanted && !this.isElsewhere(receiver) ? 'block' : 'held';
  }
}

/** Chunks from one sending of an unsegmented chunk to the next. */
const COPY_DISTANCE = 5;

/**
 * A copy of an unsegmented PDU that is sent while younger ones are on air comes too late for replay protection: the message
 * itself is repeated instead, a few chunks later, when receivers listen on another channel.
 */
export function inCopies(chunks: readonly number[], copies: number): readonly number[] {
  if (copies === 1) return chunks;
  const order: number[] = [];
  for (let i = 0; i < chunks.length; i += COPY_DISTANCE) {
    for (let copy = 0; copy < copies; copy++) order.push(...chunks.slice(i, i + COPY_DISTANCE));
  }
  return order;
}

const OWING: ReadonlySet<Stage> = new Set<Stage>(['start', 'locate', 'block', 'check']);

/** Lost receivers may still listen, in the middle of an earlier block. */
function placesOfAbsent(context: TransferContext): readonly BlockShape[] {
  const { size } = context.parameters.source;
  return context.receivers.flatMap(({ active, stuckIn }) =>
    !active && stuckIn !== undefined ? [blockShape(size, context.log2!, stuckIn.number, stuckIn.chunkSize)] : [],
  );
}

/** Whether the receiver misses the block, or has not said yet whether it does. */
function wants({ blocksMissing }: Receiver, number: number): boolean {
  return blocksMissing === undefined || hasBit(blocksMissing, number);
}
