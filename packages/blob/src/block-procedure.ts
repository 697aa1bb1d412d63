import type { Cancel, Clock, MeshError } from '@meshferry/core';
import { type BlockShape, blockCount, blockShape, segmentsOfChunk } from './arithmetic.ts';
import { countBits, hasBit, numbersOfBits, setBit, uniteBits } from './bits.ts';
import { ChunkSender, type ChunkSenderHost, type Lane } from './chunk-sender.ts';
import { areConfusable } from './confusion.ts';
import type { Sending } from './cost-model.ts';
import type { Pass } from './estimates.ts';
import type { Receiver, Stage } from './receiver.ts';
import { boundsOf } from './settings.ts';
import type { TransferContext } from './transfer-context.ts';

/** A receiver whose missing chunks have not become fewer in so many checks is lost; over relays late answers repeat old ones. */
const FRUITLESS_CHECKS = 8;
const REPORT_INTERVAL_MS = 500;

/**
 * One block: announce it, send what is missing, check, and again, until every receiver has it or is lost [MBT 6.2.4].
 * The next block may only be announced then: chunks carry no block number.
 */
export class BlockProcedure implements ChunkSenderHost {
  readonly clock: Clock;
  readonly #context: TransferContext;
  readonly #shape: BlockShape;
  readonly #octets: Uint8Array;
  readonly #sending: Sending;
  /** Chunks that were sent to the group, or to anybody, at least once. */
  readonly #sentOnce: Uint8Array;
  readonly #finished: () => void;
  #sender: ChunkSender | undefined;
  #byUnicast = false;
  /** Chunks go out for the first time. */
  #firstPass = true;
  /** Chunks have been sent: answers may be long. */
  #hasSent = false;
  #lookAgainAt = 0;
  #reportedAt = Number.NEGATIVE_INFINITY;

  /** `chunkSize`: that of somebody who is in the middle of the block already. */
  constructor(context: TransferContext, number: number, chunkSize: number | undefined, finished: () => void) {
    const { source } = context.parameters;
    const log = context.log2!;
    const wanting = context.active.filter((receiver) => wants(receiver, number));
    this.#context = context;
    this.clock = context.clock;
    this.#finished = finished;
    this.#sending =
      chunkSize === undefined
        ? chooseSending(context, number, wanting)
        : { chunkSize, copies: 1, byUnicast: !context.hasGroup };
    this.#shape = blockShape(source.size, log, number, this.#sending.chunkSize);
    this.#octets = source.read(this.#shape.offset, this.#shape.size);
    this.#sentOnce = new Uint8Array(Math.ceil(this.#shape.chunkCount / 8));
    context.block = this.#shape;
    for (const receiver of context.active) this.#enrol(receiver, wanting.includes(receiver));
    context.emit({ type: 'block', number, of: blockCount(source.size, log), chunkSize: this.#shape.chunkSize });
  }

  begin(): void {
    const owing = this.#owing;
    this.#context.begin(owing, {
      patienceMs: this.#context.strategy.patienceMs(owing.length),
      longAnswers: this.#hasSent && this.#shape.chunkCount > 40,
      mayLeave: () => this.#needy.length > 0 && this.#owing.length <= 2 * this.#needy.length,
      waiting: () => this.#keepAwake(),
      ended: () => this.#afterCheck(),
    });
  }

  /** Sends nothing more. */
  stop(): void {
    this.#context.stopRound();
    this.#sender?.stop();
  }

  #enrol(receiver: Receiver, wanted: boolean): void {
    receiver.clearMissing();
    receiver.located = false;
    receiver.awakeAt = this.clock.now;
    receiver.fruitless = 0;
    receiver.missingBefore = 0;
    if (receiver.stage === 'start') return;
    receiver.stage = wanted && !this.#isElsewhere(receiver) ? 'block' : 'held';
  }

  /** In the middle of another block than this one: the group would fill that with wrong chunks. */
  #isElsewhere({ stuckIn }: Receiver): boolean {
    return (
      stuckIn !== undefined && (stuckIn.number !== this.#shape.number || stuckIn.chunkSize !== this.#shape.chunkSize)
    );
  }

  /** Those who must still do something before the block is done. */
  get #owing(): Receiver[] {
    return this.#context.active.filter(({ stage }) => OWING.has(stage));
  }

  /** Those who have said which chunks they miss, after the last sending; what silent ones miss nobody knows. */
  get #needy(): Receiver[] {
    return this.#context.active.filter(
      ({ stage, missingCount, silentSince }) => stage === 'check' && missingCount > 0 && silentSince === undefined,
    );
  }

  #afterCheck(): void {
    this.#context.reportProgress();
    this.#measure();
    for (const receiver of this.#needy) this.#judge(receiver);
    for (const receiver of this.#context.active) receiver.missingBefore = 0;
    if (this.#needy.length > 0) this.#send();
    else if (this.#owing.length > 0) this.begin();
    else this.#finished();
  }

  /** What the receivers that have answered missed of the last sending to the group. */
  #measure(): void {
    if (this.#byUnicast) return;
    const passes: Pass[] = [];
    for (const receiver of this.#context.active) {
      const { missingBefore: chunks, missingCount: missed, silentSince } = receiver;
      if (chunks > 0 && silentSince === undefined) passes.push({ receiver, chunks, missed });
    }
    this.#context.estimates.observeLoss(passes, segmentsOfChunk(this.#sending.chunkSize), this.#sending.copies);
  }

  #judge(receiver: Receiver): void {
    if (receiver.missingBefore === 0) return;
    receiver.fruitless = receiver.missingCount < receiver.missingBefore ? 0 : receiver.fruitless + 1;
    if (receiver.fruitless < FRUITLESS_CHECKS) return;
    receiver.loseByFruitlessness();
    this.#context.reportLost(receiver);
  }

  #send(): void {
    const needy = this.#needy;
    for (const receiver of needy) receiver.missingBefore = receiver.missingCount;
    this.#byUnicast = this.#goesByUnicast(needy);
    const lanes: Lane[] = this.#byUnicast
      ? needy.map((receiver) => ({ receiver, chunks: numbersOfBits(receiver.missing) }))
      : [{ receiver: undefined, chunks: numbersOfBits(this.#union(needy)) }];
    this.#sender = new ChunkSender(this, this.#shape, this.#octets, lanes);
    this.#sender.begin();
  }

  #goesByUnicast(needy: readonly Receiver[]): boolean {
    const { hasGroup, active, strategy } = this.#context;
    if (!hasGroup || active.some((receiver) => this.#isElsewhere(receiver))) return true;
    if (this.#firstPass && this.#sending.byUnicast) return true;
    const pairs = needy.reduce((sum, { missingCount }) => sum + missingCount, 0);
    return strategy.repairsByUnicast(pairs, countBits(this.#union(needy)), this.#sending, needy);
  }

  #union(needy: readonly Receiver[]): Uint8Array {
    const union = new Uint8Array(this.#sentOnce.length);
    for (const { missing } of needy) uniteBits(union, missing);
    return union;
  }

  sendChunk({ receiver }: Lane, chunk: number, data: Uint8Array, done: (error?: MeshError) => void): Cancel {
    const { counters, strategy, requests } = this.#context;
    counters.sent++;
    counters.bytes += data.length;
    // Without a group the first pass brings the same chunk to each receiver: that is no repetition.
    if (hasBit(this.#sentOnce, chunk) && !(this.#firstPass && receiver !== undefined)) counters.resent++;
    setBit(this.#sentOnce, chunk);
    const onAir = receiver === undefined ? strategy.groupChunk(this.#sending.copies) : strategy.unicastChunk(receiver);
    const guarded = this.#context.guard(done);
    return requests.chunk(receiver?.address, chunk, data, onAir, (error) => {
      if (receiver !== undefined && error === undefined) receiver.awakeAt = this.clock.now;
      guarded(error);
    });
  }

  beforeChunk(): void {
    this.#keepAwake();
    if (this.clock.now - this.#reportedAt < REPORT_INTERVAL_MS) return;
    this.#reportedAt = this.clock.now;
    this.#context.emit({ type: 'chunks', ...this.#context.counters });
  }

  pace(chunks: number, pdus: number, elapsedMs: number): void {
    const { copies, chunkSize } = this.#sending;
    if (this.#byUnicast) this.#context.estimates.observeAcknowledged(chunks, pdus, elapsedMs);
    else this.#context.estimates.observePace(pdus * copies, elapsedMs, chunkSize > 8);
  }

  ended(): void {
    this.#sender = undefined;
    this.#firstPass = false;
    this.#hasSent = true;
    const { now } = this.clock;
    for (const receiver of this.#needy) if (!this.#byUnicast) receiver.awakeAt = now;
    this.begin();
  }

  /**
   * While others are served, a receiver hears nothing that restarts its timer: it has the block, or waits for its turn.
   * Block Start of this block does, and changes nothing else. Not for those who have the whole BLOB: some stacks fall
   * asleep by it. Chunks to the group keep all awake who still need some; so do not bother these, their answers are long.
   */
  #keepAwake(): void {
    const { now } = this.clock;
    if (now < this.#lookAgainAt) return;
    const { active, hasGroup, parameters } = this.#context;
    const timeoutMs = 10_000 * (parameters.timeoutBase + 1);
    this.#lookAgainAt = now + timeoutMs / 20;
    const isSendingToGroup = this.#sender !== undefined && !this.#byUnicast;
    const idle = active.filter((receiver) => {
      if (!isIncomplete(receiver)) return false;
      const silence = now - receiver.awakeAt;
      if (receiver.stage === 'held' || receiver.stage === 'block') return silence > 0.4 * timeoutMs;
      return receiver.stage === 'check' && !isSendingToGroup && silence > 0.6 * timeoutMs;
    });
    if (hasGroup && idle.length > 8 && active.every(isIncomplete)) {
      for (const receiver of active) beWoken(receiver, now - timeoutMs / 4);
      this.#wake(undefined, idle[0] as Receiver);
    } else {
      for (const receiver of idle.slice(0, 8)) {
        beWoken(receiver, now - timeoutMs / 4);
        this.#wake(receiver.address, receiver);
      }
    }
  }

  #wake(address: number | undefined, receiver: Receiver): void {
    const { requests, strategy, log } = this.#context;
    const onAir = strategy.request(receiver, address === undefined);
    requests.blockStart(address, this.#shape, onAir, (error) => {
      if (error !== undefined) log('debug', 'Block Start to keep servers awake was not sent', error.toJSON());
    });
  }
}

/** Until it has answered it counts as awake for a while only, and is woken again soon. */
function beWoken(receiver: Receiver, awakeAt: number): void {
  receiver.awakeAt = Math.max(receiver.awakeAt, awakeAt);
  receiver.isBeingWoken = true;
}

const OWING: ReadonlySet<Stage> = new Set<Stage>(['start', 'locate', 'block', 'check']);

/**
 * Chunk size and copies. Lost receivers may still listen in the middle of an earlier block: sizes are avoided with which
 * they would take chunks of this one for theirs.
 */
function chooseSending(context: TransferContext, number: number, wanting: readonly Receiver[]): Sending {
  const log = context.log2!;
  const { size } = context.parameters.source;
  const absent: BlockShape[] = [];
  for (const { active, stuckIn } of context.receivers) {
    if (!active && stuckIn !== undefined) absent.push(blockShape(size, log, stuckIn.number, stuckIn.chunkSize));
  }
  const avoid = (chunkSize: number): boolean => {
    const shape = blockShape(size, log, number, chunkSize);
    return absent.some((stuck) => areConfusable(stuck, shape));
  };
  return context.strategy.sending(log, boundsOf(wanting, log), wanting, context.hasGroup, avoid);
}

/** Whether the receiver misses the block, or has not said yet whether it does. */
function wants({ blocksMissing }: Receiver, number: number): boolean {
  return blocksMissing === undefined || hasBit(blocksMissing, number);
}

function isIncomplete({ blocksDone, blocks }: Receiver): boolean {
  return blocksDone < blocks;
}
