import { type Cancel, type Clock, Deadline, type MeshError } from '@meshferry/core';
import { takeReport } from './answers.ts';
import { segmentsOfChunk } from './arithmetic.ts';
import { countBits, hasBit, numbersOfBits, setBit, uniteBits } from './bits.ts';
import type { BlockProcedure } from './block-procedure.ts';
import { ChunkSender, type ChunkSenderHost, type Lane } from './chunk-sender.ts';
import type { Sending } from './cost-model.ts';
import { KeepAwake } from './keep-awake.ts';
import { OutgoingBlock } from './outgoing-block.ts';
import type { Receiver } from './receiver.ts';
import { BLOCK_REPORT_MS } from './strategy.ts';
import type { TransferContext } from './transfer-context.ts';

/** So long the wishes of several receivers are collected before the group gets what they have in common. */
const GATHER_MS = 500;
/** A receiver that wants the same chunks so often, each time after it was sent them, is lost. */
const FRUITLESS_REPORTS = 12;
const REPORT_INTERVAL_MS = 500;
/** How often it is looked who is overdue. */
const LOOK_MS = 500;

/** What a receiver wanted and is sent. */
interface Serving {
  readonly chunks: Uint8Array;
  readonly toGroup: boolean;
  /** When the last of it had left: since then its report is awaited. */
  since: number | undefined;
}

/**
 * A block in pull mode: announce it, then send what each receiver asks for, in its Block Status first, then in its Partial
 * Block Reports, until it asks for nothing [MBT 6.2.4.4]. Who does not report is asked, and sent again what it wanted.
 */
export class PullBlock implements BlockProcedure, ChunkSenderHost {
  readonly clock: Clock;
  readonly #context: TransferContext;
  readonly #block: OutgoingBlock;
  readonly #awake: KeepAwake;
  readonly #sender: ChunkSender;
  readonly #finished: () => void;
  readonly #servings = new Map<Receiver, Serving>();
  /** Chunks that a receiver was sent by itself, and (undefined) those that the group was sent. */
  readonly #sentTo = new Map<Receiver | undefined, Uint8Array>();
  /** Receivers whose wishes wait for the next pass to the group, and those of the pass under way. */
  readonly #gathered = new Set<Receiver>();
  #inPass: readonly Receiver[] = [];
  readonly #gathering: Deadline;
  readonly #looking: Deadline;
  #reportedAt = Number.NEGATIVE_INFINITY;
  #over = false;

  /** `chunkSize`: that of somebody who is in the middle of the block already. */
  constructor(context: TransferContext, number: number, chunkSize: number | undefined, finished: () => void) {
    this.#context = context;
    this.clock = context.clock;
    this.#finished = finished;
    this.#block = new OutgoingBlock(context, number, chunkSize);
    this.#awake = new KeepAwake(context, this.#block.shape);
    this.#sender = new ChunkSender(this, this.#block.shape, this.#block.octets, []);
    this.#gathering = new Deadline(context.clock, () => this.#sendGathered());
    this.#looking = new Deadline(context.clock, () => this.#look());
  }

  get sending(): Sending {
    return this.#block.sending;
  }

  begin(): void {
    this.#looking.set(0);
    this.#ask(this.#block.owing);
  }

  stop(): void {
    this.#over = true;
    this.#gathering.clear();
    this.#looking.clear();
    this.#context.stopRound();
    this.#sender.stop();
  }

  started(receiver: Receiver): void {
    if (this.#over || !this.#block.admit(receiver)) return;
    this.#ask([receiver]);
  }

  answered(receiver: Receiver): void {
    if (!this.#over) this.#take(receiver);
  }

  reported(receiver: Receiver, chunks: readonly number[]): void {
    if (this.#over) return;
    if (chunks.length === 0 && receiver.stage === 'check' && !this.#mayHaveAll(receiver)) {
      // Of the block before, most likely: a report names none. Block Status does, unless chunks are still on their way.
      if (this.#servings.get(receiver)?.since !== undefined) this.#ask([receiver]);
      return;
    }
    if (takeReport(receiver, chunks, this.#block.shape) === 'ignored') return;
    this.#context.settle(receiver, 'answered');
    if (!this.#over) this.#take(receiver);
  }

  /** Asks for what their stages say: Block Start first, Block Get when a report is overdue. */
  #ask(receivers: readonly Receiver[]): void {
    const others = receivers.filter((receiver) => !this.#context.join(receiver));
    if (others.length === 0 && receivers.length > 0) return;
    this.#context.begin(others, { waiting: () => this.#keepAwake(), ended: () => this.#finishIfDone() });
  }

  /** What the receiver wants has become known, or that it wants nothing more. */
  #take(receiver: Receiver): void {
    if (receiver.active) this.#judge(receiver);
    this.#servings.delete(receiver);
    this.#gathered.delete(receiver);
    if (receiver.stage === 'check' && receiver.active) this.#serve(receiver);
    else this.#sender.refill(receiver, []);
    this.#reportProgress();
    this.#finishIfDone();
  }

  /** What has become of the chunks that it was sent; known once all of them had left, unless it has fallen asleep since. */
  #judge(receiver: Receiver): void {
    const serving = this.#servings.get(receiver);
    if (serving?.since === undefined || receiver.stage === 'start') return;
    const chunks = countBits(serving.chunks);
    const missed = numbersOfBits(serving.chunks).filter((chunk) => hasBit(receiver.missing, chunk)).length;
    const { estimates } = this.#context;
    const { chunkSize, copies } = this.#block.sending;
    if (serving.toGroup) estimates.observeLoss([{ receiver, chunks, missed }], segmentsOfChunk(chunkSize), copies);
    receiver.fruitless = missed < chunks ? 0 : receiver.fruitless + 1;
    if (receiver.fruitless < FRUITLESS_REPORTS) return;
    receiver.loseByFruitlessness();
    this.#context.reportLost(receiver);
  }

  #serve(receiver: Receiver): void {
    if (!this.#block.mayUseGroup || (this.#block.sending.byUnicast && !hasFailed(receiver))) {
      this.#serveAlone(receiver);
      return;
    }
    this.#gathered.add(receiver);
    if (this.#sender.isBusy(undefined)) return;
    const isComplete = this.#block.owing.every((each) => this.#gathered.has(each));
    if (isComplete || !this.#gathering.isSet) this.#gathering.set(isComplete ? 0 : GATHER_MS);
  }

  #serveAlone(receiver: Receiver): void {
    this.#servings.set(receiver, { chunks: receiver.missing, toGroup: false, since: undefined });
    this.#sender.refill(receiver, numbersOfBits(receiver.missing));
  }

  /** One pass to the group, of what those want that have said so. Those who have not may be asleep: nobody waits for them. */
  #sendGathered(): void {
    const needy = [...this.#gathered].filter(({ active, stage }) => active && stage === 'check');
    this.#gathered.clear();
    if (needy.length === 0) return;
    const { strategy } = this.#context;
    const pairs = needy.reduce((sum, { missingCount }) => sum + missingCount, 0);
    // Reports are short, whatever they ask for.
    const lack = { pairs, chunks: countBits(unionOf(needy)), of: 1 };
    const { byUnicast } = strategy.repairing(lack, this.#block.sending, needy);
    const alone = needy.filter((receiver) => byUnicast !== hasFailed(receiver));
    for (const receiver of alone) this.#serveAlone(receiver);
    this.#sendToGroup(needy.filter((receiver) => !alone.includes(receiver)));
  }

  #sendToGroup(needy: readonly Receiver[]): void {
    for (const receiver of needy) {
      this.#servings.set(receiver, { chunks: receiver.missing, toGroup: true, since: undefined });
      this.#sender.refill(receiver, []);
    }
    this.#inPass = needy;
    if (needy.length > 0) this.#sender.refill(undefined, numbersOfBits(unionOf(needy)));
  }

  /** Asks those whose reports are overdue; in the end sends once more what they wanted [MBT 6.2.4.4]. */
  #look(): void {
    for (const [receiver, { since = this.clock.now }] of [...this.#servings]) {
      const waited = this.clock.now - since;
      // Its silence counts from the first overdue report on, whatever is sent to it again: it is lost by it in the end.
      if (waited >= this.#context.strategy.reportPatienceMs(receiver) && receiver.silentSince === undefined) {
        receiver.silentSince = since;
        this.#ask([receiver]);
        if (this.#over) return;
      }
      if (waited >= BLOCK_REPORT_MS && this.#servings.delete(receiver)) {
        if (receiver.active && receiver.stage === 'check') this.#serve(receiver);
      }
      if (this.#over) return;
    }
    this.#keepAwake();
    this.#looking.set(LOOK_MS);
  }

  #finishIfDone(): void {
    if (this.#over || this.#block.owing.length > 0) return;
    this.stop();
    this.#context.reportProgress();
    this.#finished();
  }

  #reportProgress(): void {
    if (this.clock.now - this.#reportedAt < REPORT_INTERVAL_MS) return;
    this.#reportedAt = this.clock.now;
    this.#context.reportProgress();
  }

  sendChunk(lane: Lane, chunk: number, data: Uint8Array, done: (error?: MeshError) => void): Cancel {
    return this.#block.sendChunk(lane, chunk, data, this.#block.sending, this.#isNewTo(lane.receiver, chunk), done);
  }

  #isNewTo(receiver: Receiver | undefined, chunk: number): boolean {
    const sent = this.#chunksSentTo(receiver);
    const isNew = receiver !== undefined && !hasBit(sent, chunk);
    setBit(sent, chunk);
    return isNew;
  }

  #chunksSentTo(receiver: Receiver | undefined): Uint8Array {
    let sent = this.#sentTo.get(receiver);
    if (sent === undefined) {
      sent = new Uint8Array(Math.ceil(this.#block.shape.chunkCount / 8));
      this.#sentTo.set(receiver, sent);
    }
    return sent;
  }

  /** Each chunk that it has not said to hold was sent to it, or to the group. It holds those below its last wish but for its wishes. */
  #mayHaveAll(receiver: Receiver): boolean {
    const [alone, all] = [this.#chunksSentTo(receiver), this.#chunksSentTo(undefined)];
    const wanted = numbersOfBits(receiver.missing);
    const isSent = (chunk: number): boolean => hasBit(alone, chunk) || hasBit(all, chunk);
    if (!wanted.every(isSent)) return false;
    for (let chunk = (wanted.at(-1) ?? -1) + 1; chunk < this.#block.shape.chunkCount; chunk++) {
      if (!isSent(chunk)) return false;
    }
    return true;
  }

  beforeChunk(): void {
    this.#keepAwake();
    this.#block.reportSending();
  }

  pace(chunks: number, pdus: number, elapsedMs: number): void {
    this.#block.observePace({ ...this.#block.sending, byUnicast: this.#inPass.length === 0 }, chunks, pdus, elapsedMs);
  }

  /** From now on the reports of those that the chunks were for are awaited. */
  drained({ receiver }: Lane): void {
    const { now } = this.clock;
    for (const served of receiver === undefined ? this.#inPass : [receiver]) {
      const serving = this.#servings.get(served);
      if (serving === undefined) continue;
      serving.since = now;
      if (receiver === undefined) served.awakeAt = now;
    }
    if (receiver !== undefined) return;
    this.#inPass = [];
    if (this.#gathered.size > 0) this.#gathering.set(GATHER_MS);
  }

  ended(): void {
    // The reports say what follows.
  }

  #keepAwake(): void {
    if (!this.#over) this.#awake.look(this.#inPass.length > 0);
  }
}

/** Nothing arrived the last time: it is tried the other way. Over relays long acknowledged messages fail, under loss those to the group. */
function hasFailed({ fruitless }: Receiver): boolean {
  return fruitless % 2 === 1;
}

function unionOf(receivers: readonly Receiver[]): Uint8Array {
  const union = new Uint8Array(Math.max(...receivers.map(({ missing }) => missing.length)));
  for (const { missing } of receivers) uniteBits(union, missing);
  return union;
}
