import type { Cancel, Clock, MeshError } from '@meshferry/core';
import { type BlockShape, blockCount, blockShape, segmentsOfChunk } from './arithmetic.ts';
import { countBits, hasBit, numbersOfBits, setBit, uniteBits } from './bits.ts';
import { ChunkSender, type ChunkSenderHost, type Lane } from './chunk-sender.ts';
import { areConfusable } from './confusion.ts';
import type { Sending } from './cost-model.ts';
import type { Receiver, Stage } from './receiver.ts';
import { boundsOf } from './settings.ts';
import type { TransferContext } from './transfer-context.ts';

/** A receiver whose missing chunks have not become fewer in so many checks is lost. */
const FRUITLESS_CHECKS = 5;
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
  #awakeAt: number;
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
    this.#awakeAt = this.clock.now;
    context.block = this.#shape;
    for (const receiver of context.active) this.#enrol(receiver, wanting.includes(receiver));
    context.emit({ type: 'block', number, of: blockCount(source.size, log), chunkSize: this.#shape.chunkSize });
  }

  begin(): void {
    const { patienceMs } = this.#context.strategy;
    this.#context.begin(this.#owing, {
      patienceMs,
      mayLeave: () => this.#needy.length > 0,
      waiting: () => this.#keepAwake(),
      ended: () => this.#afterCheck(),
    });
  }

  /** Sends nothing more. */
  stop(): void {
    this.#context.stopRound();
    this.#sender?.stop();
  }

  /** A receiver has said what it misses now, after what was sent. */
  measure(receiver: Receiver): void {
    if (this.#byUnicast || receiver.missingBefore === 0) return;
    const { chunkSize, copies } = this.#sending;
    const { missingBefore, missingCount } = receiver;
    this.#context.estimates.observeLoss(receiver, missingBefore, missingCount, segmentsOfChunk(chunkSize), copies);
  }

  #enrol(receiver: Receiver, wanted: boolean): void {
    receiver.clearMissing();
    receiver.located = false;
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
    for (const receiver of this.#needy) this.#judge(receiver);
    if (this.#needy.length > 0) this.#send();
    else if (this.#owing.length > 0) this.begin();
    else this.#finished();
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
    const onAir = receiver === undefined ? strategy.groupChunk(this.#sending.copies) : strategy.unicastChunk;
    return requests.chunk(receiver?.address, chunk, data, onAir, this.#context.guard(done));
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
    this.begin();
  }

  /**
   * Receivers that have the block hear nothing that restarts their timers while others are served. Block Start of this
   * block does, and changes nothing else. Not for those who have the whole BLOB: some stacks fall asleep by it.
   */
  #keepAwake(): void {
    const intervalMs = 4000 * (this.#context.parameters.timeoutBase + 1);
    if (this.clock.now - this.#awakeAt < intervalMs) return;
    const { active, hasGroup, requests, strategy, log } = this.#context;
    this.#awakeAt = this.clock.now;
    const idle = active.filter((receiver) => receiver.stage === 'held' && isIncomplete(receiver));
    const sent = (error?: MeshError): void => {
      if (error !== undefined) log('debug', 'Block Start to keep servers awake was not sent', error.toJSON());
    };
    const to =
      hasGroup && idle.length > 0 && active.every(isIncomplete) ? [undefined] : idle.map(({ address }) => address);
    for (const address of to)
      requests.blockStart(address, this.#shape, strategy.request(1, address === undefined), sent);
  }
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
