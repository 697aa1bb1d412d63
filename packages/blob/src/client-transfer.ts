import type { Context } from '@meshferry/access';
import { type MeshError, type Store, toMeshError } from '@meshferry/core';
import { takeBlockStatus, takeTransferStatus } from './answers.ts';
import { blockCount } from './arithmetic.ts';
import type { BlockProcedure } from './block-procedure.ts';
import type { BlobCounters, BlobTargetState, BlobTransfer } from './client-contract.ts';
import { TransferMemory } from './client-record.ts';
import type { BlobBlockStatus, BlobInformationStatus, BlobTransferStatus, TransferMode } from './messages.ts';
import { PullBlock } from './pull-block.ts';
import { PushBlock } from './push-block.ts';
import { firstMissing, type Receiver } from './receiver.ts';
import { ALWAYS_LONG, type Step } from './round.ts';
import { TransferContext, type TransferContextOptions } from './transfer-context.ts';
import { mostFrequent, settle } from './transfer-settings.ts';

/**
 * Where the procedure stands: it retrieves capabilities, asks for the parameters of a transfer that another process began,
 * starts the transfer, moves blocks, confirms the end, cancels; or it rests.
 */
type State = 'new' | 'information' | 'query' | 'start' | 'blocks' | 'confirm' | 'cancel' | 'suspended' | 'ended';

/** Confirmations that may send the procedure back to blocks that are missing after all. */
const MAX_RETURNS = 3;

export interface ClientTransferOptions extends Omit<TransferContextOptions, 'fatal'> {
  readonly store: Store | undefined;
}

/** A transfer of the client [MBT 6.2]: to a group, with repair of what single receivers miss, or by unicast. */
export class ClientTransfer implements BlobTransfer {
  readonly #context: TransferContext;
  readonly #memory: TransferMemory;
  #state: State = 'new';
  #procedure: BlockProcedure | undefined;
  /** Transfer Start was sent: the receivers know of the transfer. */
  #started = false;
  #returns = 0;
  /** Mode of a transfer that another process began. */
  #resumedMode: TransferMode | undefined;
  readonly #toldOfCancel: (() => void)[] = [];

  constructor(options: ClientTransferOptions) {
    this.#context = new TransferContext({ ...options, fatal: (error) => this.#onFatal(error) });
    this.#memory = new TransferMemory(options.store, this.#context);
    if (options.parameters.resume) this.#resumedMode = this.#memory.recall();
  }

  get receivers(): readonly BlobTargetState[] {
    return this.#context.receivers.map((receiver) => receiver.snapshot());
  }

  get counters(): BlobCounters {
    return { ...this.#context.counters };
  }

  get isOver(): boolean {
    return this.#state === 'ended';
  }

  /** Begins once the caller holds the transfer. */
  prepare(): void {
    this.#context.clock.after(0, () => {
      if (this.#state === 'new') this.#begin();
    });
  }

  suspend(): void {
    if (this.#isLater(() => this.suspend())) return;
    if (!RESTING.has(this.#state)) this.#suspendBy(undefined);
  }

  resume(): void {
    if (this.#isLater(() => this.resume()) || this.#state !== 'suspended') return;
    for (const receiver of this.#context.receivers) receiver.revive();
    this.#begin();
  }

  cancel(done?: () => void): void {
    if (this.#isLater(() => this.cancel(done))) return;
    if (this.#state === 'ended') {
      if (done !== undefined) this.#context.clock.after(0, done);
      return;
    }
    if (done !== undefined) this.#toldOfCancel.push(done);
    if (this.#state === 'cancel') return;
    const isForgotten = !this.#started || this.#state === 'suspended';
    this.#rest();
    if (isForgotten) this.#end('cancelled');
    else this.#enter('cancel', () => this.#end('cancelled'));
  }

  /** What a listener asks for in the middle of a step comes after it: nothing has changed when the listener returns. */
  #isLater(run: () => void): boolean {
    if (!this.#context.isTelling) return false;
    this.#context.clock.after(0, run);
    return true;
  }

  onInformationStatus(context: Context, status: BlobInformationStatus): void {
    const receiver = this.#context.asked(context);
    if (receiver?.stage !== 'information') return;
    receiver.capabilities = status;
    this.#context.settle(receiver, 'answered');
  }

  onTransferStatus(context: Context, status: BlobTransferStatus): void {
    const receiver = this.#context.asked(context);
    if (receiver === undefined) return;
    const verdict = takeTransferStatus(receiver, status, this.#context.expected);
    const isAdmitted = verdict === 'answered' && this.#procedure?.admits?.(receiver) === true;
    this.#context.settle(receiver, isAdmitted ? 'ask-again' : verdict);
    this.#procedure?.started?.(receiver);
  }

  onBlockStatus(context: Context, status: BlobBlockStatus): void {
    const woken = this.#context.receiver(context.src);
    if (woken?.isBeingWoken) {
      woken.isBeingWoken = false;
      woken.awakeAt = this.#context.clock.now;
    }
    const receiver = this.#context.asked(context);
    if (receiver === undefined) return;
    this.#context.settle(receiver, takeBlockStatus(receiver, status, this.#context.block, this.#context.expected));
    this.#procedure?.answered?.(receiver);
  }

  onPartialBlockReport(context: Context, chunks: readonly number[]): void {
    const receiver = this.#context.heard(context);
    if (receiver?.active) this.#procedure?.reported?.(receiver, chunks);
  }

  #begin(): void {
    this.#enter('information', () => this.#onInformation(), {
      chosen: ({ capabilities }) => capabilities === undefined,
    });
  }

  /** Brings receivers to the stage of the same name and asks them. */
  #enter(
    state: 'information' | 'query' | 'start' | 'confirm' | 'cancel',
    ended: () => void,
    { chosen = () => true, ...step }: { chosen?: (receiver: Receiver) => boolean } & Partial<Step> = {},
  ): void {
    const receivers = this.#context.active.filter(chosen);
    for (const receiver of receivers) receiver.stage = state;
    this.#state = state;
    this.#context.begin(receivers, { ...step, longAnswers: ALWAYS_LONG, ended });
  }

  #onInformation(): void {
    if (this.#context.active.length === 0) {
      this.#end('failed');
    } else if (this.#context.parameters.resume && this.#context.log2 === undefined) {
      this.#enter('query', () => this.#onQueried(), { isOptional: true });
    } else {
      this.#startTransfer();
    }
  }

  /** The block size and mode that most report, if any knows of the transfer at all. */
  #onQueried(): void {
    const { active } = this.#context;
    this.#context.log2 = mostFrequent(active.map(({ knownLog }) => knownLog));
    this.#resumedMode = mostFrequent(active.map(({ knownMode }) => knownMode));
    this.#startTransfer();
  }

  #startTransfer(): void {
    const { parameters, strategy } = this.#context;
    const maxChunkSize = settle(this.#context, this.#resumedMode);
    const { log2: log, mode } = this.#context;
    if (maxChunkSize === undefined || log === undefined || mode === undefined) {
      this.#onAllLost();
      return;
    }
    const blocks = blockCount(parameters.source.size, log);
    for (const receiver of this.#context.receivers) receiver.blocks = blocks;
    this.#context.emit({ type: 'capabilities', mode, blockSizeLog: log, blocks, maxChunkSize });
    if (!this.#persist()) return;
    this.#started = true;
    // Where a silent receiver of an earlier run stands nobody knows: its own timer must have put it to sleep first.
    const patience = parameters.resume || this.#returns > 0 ? {} : { patienceMs: strategy.patienceMs() };
    this.#enter('start', () => this.#nextBlock(), {
      ...patience,
      mayLeave: () => {
        const { active } = this.#context;
        return 2 * active.filter(({ blocksMissing }) => blocksMissing !== undefined).length >= active.length;
      },
    });
  }

  /** Any block that somebody misses: first the one that somebody is in the middle of, else the lowest. */
  #nextBlock(): void {
    const { active } = this.#context;
    if (active.length === 0) {
      this.#onAllLost();
      return;
    }
    const stuck = active.find(({ stuckIn }) => stuckIn !== undefined)?.stuckIn;
    const number = stuck?.number ?? firstMissing(active);
    if (number !== undefined) {
      this.#moveBlock(number, stuck?.chunkSize);
      return;
    }
    const silent = active.filter(({ blocksMissing }) => blocksMissing === undefined);
    if (silent.length > 0) this.#context.begin(silent, { ended: () => this.#nextBlock() });
    else this.#enter('confirm', () => this.#onConfirmed());
  }

  #moveBlock(number: number, chunkSize: number | undefined): void {
    this.#state = 'blocks';
    const Block = this.#context.mode === 'pull' ? PullBlock : PushBlock;
    try {
      this.#procedure = new Block(this.#context, number, chunkSize, () => this.#afterBlock());
    } catch (thrown) {
      this.#suspendBy(toMeshError(thrown));
      return;
    }
    const { block } = this.#context;
    if (block !== undefined) this.#context.forecast.begin(block.number, block.size, this.#procedure.sending);
    this.#procedure.begin();
  }

  #afterBlock(): void {
    this.#procedure = undefined;
    this.#context.block = undefined;
    this.#context.forecast.end();
    if (this.#persist()) this.#nextBlock();
  }

  #onConfirmed(): void {
    const { active } = this.#context;
    if (active.length === 0) {
      this.#end('failed');
      return;
    }
    const incomplete = active.filter(({ stage }) => stage !== 'complete');
    if (incomplete.length > 0 && this.#returns++ < MAX_RETURNS) {
      this.#nextBlock();
      return;
    }
    for (const receiver of incomplete) {
      receiver.loseByFruitlessness();
      this.#context.reportLost(receiver);
    }
    this.#end(this.#context.active.length > 0 ? 'complete' : 'failed');
  }

  #onAllLost(): void {
    if (this.#started && this.#context.receivers.some(({ skip, timedOut }) => !skip && timedOut)) {
      this.#suspendBy(undefined);
    } else {
      this.#end('failed');
    }
  }

  #onFatal(error: MeshError): void {
    if (this.#state === 'cancel') this.#end('cancelled');
    else if (!RESTING.has(this.#state)) this.#suspendBy(error);
  }

  #suspendBy(error: MeshError | undefined): void {
    this.#rest();
    let reason = error;
    try {
      this.#memory.write();
    } catch (thrown) {
      reason ??= toMeshError(thrown);
    }
    if (reason !== undefined) this.#context.log('error', 'the BLOB transfer is suspended', reason.toJSON());
    this.#context.reportProgress();
    this.#context.emit({ type: 'suspended', error: reason });
  }

  #end(outcome: 'complete' | 'failed' | 'cancelled'): void {
    this.#rest();
    this.#state = 'ended';
    this.#context.reportProgress();
    this.#memory.erase();
    this.#context.emit({ type: 'done', outcome, receivers: this.receivers });
    for (const done of this.#toldOfCancel.splice(0)) done();
  }

  /** Nothing is sent and no timer runs any more. */
  #rest(): void {
    this.#procedure?.stop();
    this.#procedure = undefined;
    this.#context.stopRound();
    this.#context.block = undefined;
    this.#context.forecast.pause();
    this.#state = 'suspended';
    for (const receiver of this.#context.receivers) receiver.answered();
  }

  /** Stores what a resume needs; false: it could not be stored, and the transfer is suspended. */
  #persist(): boolean {
    try {
      this.#memory.write();
      return true;
    } catch (thrown) {
      this.#suspendBy(toMeshError(thrown));
      return false;
    }
  }
}

/** Where there is nothing to be suspended. */
const RESTING: ReadonlySet<State> = new Set<State>(['suspended', 'cancel', 'ended']);
