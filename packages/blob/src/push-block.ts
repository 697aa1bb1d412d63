import { type Cancel, type Clock, Deadline, type MeshError } from '@meshferry/core';
import { segmentsOfChunk } from './arithmetic.ts';
import { countBits, numbersOfBits, uniteBits } from './bits.ts';
import type { BlockProcedure } from './block-procedure.ts';
import { ChunkSender, type ChunkSenderHost, type Lane } from './chunk-sender.ts';
import { missChance, REPAIR_COPIES, type Sending, segmentsOfBlockStatus } from './cost-model.ts';
import type { Pass } from './estimates.ts';
import { KeepAwake } from './keep-awake.ts';
import { refusesLastChunk } from './last-chunk.ts';
import { OutgoingBlock } from './outgoing-block.ts';
import type { Receiver } from './receiver.ts';
import type { LongAnswers } from './round.ts';
import type { TransferContext } from './transfer-context.ts';

/** A receiver whose missing chunks have not become fewer in so many checks is lost; over relays late answers repeat old ones. */
const FRUITLESS_CHECKS = 10;

/**
 * Pause before chunks are sent again to those who took none of the last ones, the first and the longest, ms; each doubles
 * the one before. All of them together are longer than a node with room for one segmented message keeps a broken one
 * (SAR Discard Timeout, 10 s by default): until then it refuses every other.
 */
const PAUSE_MS = 250;
const PAUSE_MAX_MS = 4000;

/**
 * Share of the Server Timeout after which those who have answered get their chunks, silent ones or not: chunks keep all of them
 * awake, sooner and at less cost than a Block Start to each, whose answers would jam the way of those that are waited for.
 */
const LONGEST_CHECK = 0.5;

/** A server may fall asleep a little later than its Server Timeout Base says. */
const SLEEP_MARGIN_MS = 2000;

/** Checks without a new chunk after which the group is given up for the block. */
const DEAF_CHECKS = 2;

/** A block in push mode: announce it, send what is missing, check, and again [MBT 6.2.4.3]. */
export class PushBlock implements BlockProcedure, ChunkSenderHost, LongAnswers {
  readonly clock: Clock;
  readonly #context: TransferContext;
  readonly #block: OutgoingBlock;
  readonly #awake: KeepAwake;
  readonly #finished: () => void;
  readonly #pause: Deadline;
  #sender: ChunkSender | undefined;
  /** How the chunks went out last. */
  #sending: Sending;
  /** Until when those who refuse the last chunk are left alone, to fall asleep. */
  #restUntil: number | undefined;
  /** Chunks go out for the first time. */
  #firstPass = true;
  /** Chunks have been sent: answers may be long. */
  #hasSent = false;

  /** `chunkSize`: that of somebody who is in the middle of the block already. */
  constructor(context: TransferContext, number: number, chunkSize: number | undefined, finished: () => void) {
    this.#context = context;
    this.clock = context.clock;
    this.#block = new OutgoingBlock(context, number, chunkSize);
    this.#sending = this.#block.sending;
    this.#awake = new KeepAwake(context, this.#block.shape);
    this.#finished = finished;
    this.#pause = new Deadline(context.clock, () => this.#proceed());
  }

  get sending(): Sending {
    return this.#block.sending;
  }

  begin(): void {
    const { owing, shape } = this.#block;
    this.#context.begin(owing, {
      patienceMs: this.#context.strategy.patienceMs(),
      longestMs: LONGEST_CHECK * this.#context.serverTimeoutMs,
      ...(this.#hasSent && segmentsOfBlockStatus(shape.chunkCount) > 1 && { longAnswers: this }),
      mayLeave: () => this.#needy.length > 0 && this.#block.owing.length <= 2 * this.#needy.length,
      waiting: () => this.#keepAwake(),
      ended: () => this.#afterCheck(),
    });
  }

  /** That it misses a chunk, and must list what it misses. */
  chance(receiver: Receiver): number {
    const { chunkSize, copies } = this.#sending;
    const { estimates } = this.#context;
    const [loss] = estimates.lossOf([receiver]) as [number];
    const effective = receiver.isRemote ? 1 : copies;
    const missed = estimates.jointLoss(effective) * missChance(loss, effective, segmentsOfChunk(chunkSize));
    return 1 - (1 - Math.min(1, missed)) ** receiver.missingBefore;
  }

  came({ stage, missingCount, chunkCount }: Receiver): boolean {
    return stage === 'check' && missingCount > 0 && missingCount < chunkCount;
  }

  get segments(): number {
    return segmentsOfBlockStatus(this.#block.shape.chunkCount);
  }

  /** It fell asleep over the block and forgot its chunks: it gets them with the others, before they go on to another block. */
  admits(receiver: Receiver): boolean {
    if (!this.#block.admit(receiver)) return false;
    receiver.missingBefore = 0;
    return true;
  }

  stop(): void {
    this.#pause.clear();
    this.#context.stopRound();
    this.#sender?.stop();
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
    this.#proceed();
  }

  #proceed(): void {
    if (this.#rests()) return;
    const needy = this.#needy;
    const due = this.#due(needy);
    if (due.length > 0) this.#send(due);
    else if (needy.length > 0) this.#pause.set(Math.min(...needy.map(({ retryAt }) => retryAt)) - this.clock.now);
    else if (this.#block.owing.length > 0) this.begin();
    else this.#finished();
  }

  /** Those who get chunks next: who gains by them; when all of these have the block, who has gained least rarely, after a pause. */
  #due(needy: readonly Receiver[]): readonly Receiver[] {
    const due = needy.filter(({ retryAt }) => retryAt <= this.clock.now);
    const fewest = Math.min(...due.map(({ fruitless }) => fruitless));
    return due.filter(({ fruitless }) => fruitless < DEAF_CHECKS || fruitless === fewest);
  }

  /** Waits while those who refuse the last chunk fall asleep, and wakes them for the block in other chunks. */
  #rests(): boolean {
    const { terms, serverTimeoutMs, active } = this.#context;
    if (this.#restUntil === undefined) {
      const needy = this.#needy;
      const isRefused = needy.length > 0 && needy.every((receiver) => refusesLastChunk(receiver, this.#block.shape));
      if (!isRefused || terms.chunkSize !== undefined) return false;
      this.#context.leavesRemainder = true;
      for (const receiver of needy) receiver.mustSleep = true;
      this.#restUntil = this.clock.now + serverTimeoutMs + SLEEP_MARGIN_MS;
    }
    if (this.clock.now < this.#restUntil) {
      this.#keepAwake();
      this.#pause.set(Math.min(SLEEP_MARGIN_MS, this.#restUntil - this.clock.now));
      return true;
    }
    for (const receiver of active) if (receiver.mustSleep) receiver.startAgain();
    this.#finished();
    return true;
  }

  /** What the receivers that have answered missed of the last sending to the group. */
  #measure(): void {
    const { byUnicast, chunkSize, copies } = this.#sending;
    if (byUnicast) return;
    const passes: Pass[] = [];
    for (const receiver of this.#context.active) {
      const { missingBefore: chunks, missingCount: missed, silentSince } = receiver;
      if (chunks > 0 && silentSince === undefined) passes.push({ receiver, chunks, missed });
    }
    this.#context.estimates.observeLoss(passes, segmentsOfChunk(chunkSize), copies);
  }

  #judge(receiver: Receiver): void {
    if (receiver.missingBefore === 0) return;
    receiver.fruitless = receiver.missingCount < receiver.missingBefore ? 0 : receiver.fruitless + 1;
    const { fruitless } = receiver;
    // Once is by chance, with few chunks.
    const pauseMs = fruitless <= 1 ? 0 : Math.min(PAUSE_MS * 2 ** (fruitless - 1), PAUSE_MAX_MS);
    receiver.retryAt = this.clock.now + pauseMs;
    if (fruitless < FRUITLESS_CHECKS) return;
    receiver.loseByFruitlessness();
    this.#context.reportLost(receiver);
  }

  #send(needy: readonly Receiver[]): void {
    for (const receiver of needy) receiver.missingBefore = receiver.missingCount;
    this.#sending = this.#sendingTo(needy);
    const lanes: Lane[] = this.#sending.byUnicast
      ? needy.map((receiver) => ({ receiver, chunks: numbersOfBits(receiver.missing) }))
      : [{ receiver: undefined, chunks: this.#block.orderToGroup(numbersOfBits(this.#union(needy)), this.#sending) }];
    this.#sender = new ChunkSender(this, this.#block.shape, this.#block.octets, lanes);
    this.#sender.begin();
  }

  #sendingTo(needy: readonly Receiver[]): Sending {
    const { sending, mayUseGroup } = this.#block;
    const fruitless = Math.max(...needy.map((receiver) => receiver.fruitless));
    // Whoever gains nothing from the group any more may not hear it: not subscribed, or too far for what is not acknowledged.
    // But a stock node that keeps a broken message to the group takes none to itself, and gets rid of it by another to the group.
    if (!mayUseGroup || (fruitless >= DEAF_CHECKS && fruitless % 2 === 0)) return { ...sending, byUnicast: true };
    if (fruitless >= DEAF_CHECKS) return { ...sending, copies: Math.max(...REPAIR_COPIES) };
    if (this.#firstPass && needy.every(isWithoutAny)) return sending;
    const pairs = needy.reduce((sum, { missingCount }) => sum + missingCount, 0);
    const lack = { pairs, chunks: countBits(this.#union(needy)), of: this.#block.shape.chunkCount };
    return this.#context.strategy.repairing(lack, sending, needy);
  }

  #union(needy: readonly Receiver[]): Uint8Array {
    const union = new Uint8Array(Math.ceil(this.#block.shape.chunkCount / 8));
    for (const { missing } of needy) uniteBits(union, missing);
    return union;
  }

  sendChunk(lane: Lane, chunk: number, data: Uint8Array, done: (error?: MeshError) => void): Cancel {
    return this.#block.sendChunk(lane, chunk, data, this.#sending, this.#firstPass, done);
  }

  beforeChunk(): void {
    this.#keepAwake();
    this.#block.reportSending();
  }

  pace(chunks: number, pdus: number, elapsedMs: number): void {
    this.#block.observePace(this.#sending, chunks, pdus, elapsedMs);
  }

  ended(): void {
    this.#sender = undefined;
    this.#firstPass = false;
    this.#hasSent = true;
    const { now } = this.clock;
    for (const receiver of this.#needy) if (!this.#sending.byUnicast) receiver.awakeAt = now;
    this.begin();
  }

  #keepAwake(): void {
    this.#awake.look(this.#sender !== undefined && !this.#sending.byUnicast);
  }
}

function isWithoutAny({ missingCount, chunkCount }: Receiver): boolean {
  return missingCount === chunkCount;
}
