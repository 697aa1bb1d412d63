import type { Context } from '@meshferry/access';
import { type MeshError, type Store, toMeshError } from '@meshferry/core';
import { takeBlockStatus, takeTransferStatus } from './answers.ts';
import { blockCount } from './arithmetic.ts';
import { firstBit } from './bits.ts';
import type { BlockProcedure } from './block-procedure.ts';
import type { BlobCounters, BlobTargetState, BlobTransfer } from './client-contract.ts';
import { eraseClientRecord, readClientRecord, writeClientRecord } from './client-record.ts';
import type { BlobBlockStatus, BlobInformationStatus, BlobTransferStatus, TransferMode } from './messages.ts';
import { PullBlock } from './pull-block.ts';
import { PushBlock } from './push-block.ts';
import type { Receiver } from './receiver.ts';
import { boundsOf, chooseMode, chooseSettings } from './settings.ts';
import { TransferContext, type TransferContextOptions } from './transfer-context.ts';

/**
 * Where the procedure stands: it retrieves capabilities, asks for the parameters of a transfer that another process began,
 * starts the transfer, moves blocks, confirms the end, cancels; or it rests.
 */
type State = 'information' | 'query' | 'start' | 'blocks' | 'confirm' | 'cancel' | 'suspended' | 'ended';

/** Confirmations that may send the procedure back to blocks that are missing after all. */
const MAX_RETURNS = 3;

export interface ClientTransferOptions extends Omit<TransferContextOptions, 'fatal'> {
  readonly store: Store | undefined;
}

/** A transfer of the client [MBT 6.2]: to a group, with repair of what single receivers miss, or by unicast. */
export class ClientTransfer implements BlobTransfer {
  readonly #context: TransferContext;
  readonly #store: Store | undefined;
  #state: State = 'suspended';
  #procedure: BlockProcedure | undefined;
  /** Transfer Start was sent: the receivers know of the transfer. */
  #started = false;
  #returns = 0;
  /** Mode of a transfer that another process began. */
  #resumedMode: TransferMode | undefined;
  readonly #toldOfCancel: (() => void)[] = [];

  constructor(options: ClientTransferOptions) {
    this.#store = options.store;
    this.#context = new TransferContext({ ...options, fatal: (error) => this.#onFatal(error) });
    if (options.parameters.resume) this.#recall();
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
      if (this.#state === 'suspended') this.#begin();
    });
  }

  suspend(): void {
    if (this.#state === 'ended' || this.#state === 'suspended') return;
    this.#suspendBy(undefined);
  }

  resume(): void {
    if (this.#state !== 'suspended') return;
    for (const receiver of this.#context.receivers) receiver.revive();
    this.#begin();
  }

  cancel(done?: () => void): void {
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

  onInformationStatus(context: Context, status: BlobInformationStatus): void {
    const receiver = this.#context.asked(context);
    if (receiver?.stage !== 'information') return;
    receiver.capabilities = status;
    this.#context.settle(receiver, 'answered');
  }

  onTransferStatus(context: Context, status: BlobTransferStatus): void {
    const receiver = this.#context.asked(context);
    if (receiver === undefined) return;
    this.#context.settle(receiver, takeTransferStatus(receiver, status, this.#context.parameters.blobId));
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
    this.#context.settle(receiver, takeBlockStatus(receiver, status, this.#context.block));
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
    options: { chosen?: (receiver: Receiver) => boolean; patienceMs?: number; mayLeave?: () => boolean } = {},
  ): void {
    const { chosen = () => true, ...patience } = options;
    const receivers = this.#context.active.filter(chosen);
    for (const receiver of receivers) receiver.stage = state;
    this.#state = state;
    this.#context.begin(receivers, { ...patience, longAnswers: true, ended });
  }

  #onInformation(): void {
    if (this.#context.active.length === 0) {
      this.#end('failed');
    } else if (this.#context.parameters.resume && this.#context.log2 === undefined) {
      this.#enter('query', () => this.#onQueried());
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
    const { size } = parameters.source;
    const mode = this.#chooseMode();
    const { logs, refused } = chooseSettings(size, mode, this.#context.active, this.#context.log2);
    for (const { receiver, status } of refused) {
      receiver.lose(status);
      this.#context.reportLost(receiver);
    }
    if (logs.length === 0) {
      this.#onAllLost();
      return;
    }
    const { active } = this.#context;
    const log = this.#context.log2 ?? strategy.blockSizeLog(size, logs, active, this.#context.hasGroup);
    this.#context.log2 = log;
    const blocks = blockCount(size, log);
    for (const receiver of this.#context.receivers) receiver.blocks = blocks;
    const { maxChunkSize } = boundsOf(active, log);
    this.#context.emit({ type: 'capabilities', mode, blockSizeLog: log, blocks, maxChunkSize });
    if (!this.#persist()) return;
    this.#started = true;
    // Where a silent receiver of an earlier run stands nobody knows: its own timer must have put it to sleep first.
    const patience = parameters.resume || this.#returns > 0 ? {} : { patienceMs: strategy.patienceMs(active.length) };
    this.#enter('start', () => this.#nextBlock(), {
      ...patience,
      mayLeave: () => {
        const { active } = this.#context;
        return 2 * active.filter(({ blocksMissing }) => blocksMissing !== undefined).length >= active.length;
      },
    });
  }

  #chooseMode(): TransferMode {
    const { mode, parameters, active, log2 } = this.#context;
    const chosen = mode ?? parameters.mode ?? this.#resumedMode ?? chooseMode(parameters.source.size, active, log2);
    this.#context.chooseMode(chosen);
    return chosen;
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
      this.#state = 'blocks';
      const Block = this.#context.mode === 'pull' ? PullBlock : PushBlock;
      this.#procedure = new Block(this.#context, number, stuck?.chunkSize, () => this.#afterBlock());
      this.#procedure.begin();
      return;
    }
    const silent = active.filter(({ blocksMissing }) => blocksMissing === undefined);
    if (silent.length > 0) this.#context.begin(silent, { ended: () => this.#nextBlock() });
    else this.#enter('confirm', () => this.#onConfirmed());
  }

  #afterBlock(): void {
    this.#procedure = undefined;
    this.#context.block = undefined;
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
    if (this.#state === 'ended' || this.#state === 'suspended') return;
    if (this.#state === 'cancel') this.#end('cancelled');
    else this.#suspendBy(error);
  }

  #suspendBy(error: MeshError | undefined): void {
    this.#rest();
    let reason = error;
    try {
      this.#write();
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
    try {
      if (this.#store !== undefined) eraseClientRecord(this.#store);
    } catch (thrown) {
      this.#context.log('error', 'the record of the BLOB transfer could not be erased', toMeshError(thrown).toJSON());
    }
    this.#context.emit({ type: 'done', outcome, receivers: this.receivers });
    for (const done of this.#toldOfCancel.splice(0)) done();
  }

  /** Nothing is sent and no timer runs any more. */
  #rest(): void {
    this.#procedure?.stop();
    this.#procedure = undefined;
    this.#context.stopRound();
    this.#context.block = undefined;
    this.#state = 'suspended';
    for (const receiver of this.#context.receivers) receiver.answered();
  }

  /** Takes up what an earlier process has stored of this transfer. */
  #recall(): void {
    if (this.#store === undefined) return;
    const { blobId, source } = this.#context.parameters;
    const record = readClientRecord(this.#store, blobId);
    if (record === undefined || record.size !== source.size) return;
    this.#context.log2 = record.blockSizeLog;
    this.#resumedMode = record.mode;
    for (const { address, lost, timedOut, status } of record.receivers) {
      if (lost && !timedOut) this.#context.receiver(address)?.lose(status);
    }
  }

  /** Stores what a resume needs; false: it could not be stored, and the transfer is suspended. */
  #persist(): boolean {
    try {
      this.#write();
      return true;
    } catch (thrown) {
      this.#suspendBy(toMeshError(thrown));
      return false;
    }
  }

  #write(): void {
    const { log2: blockSizeLog, mode, parameters, receivers } = this.#context;
    if (this.#store === undefined || blockSizeLog === undefined || mode === undefined) return;
    const { blobId, source } = parameters;
    writeClientRecord(this.#store, { blobId, size: source.size, blockSizeLog, mode }, receivers);
  }
}

/** The lowest block that somebody is known to miss. */
function firstMissing(receivers: readonly Receiver[]): number | undefined {
  let first: number | undefined;
  for (const { blocksMissing } of receivers) {
    const missing = blocksMissing === undefined ? undefined : firstBit(blocksMissing);
    if (missing !== undefined && (first === undefined || missing < first)) first = missing;
  }
  return first;
}

function mostFrequent<T>(values: readonly (T | undefined)[]): T | undefined {
  const votes = new Map<T, number>();
  for (const value of values) if (value !== undefined) votes.set(value, (votes.get(value) ?? 0) + 1);
  return [...votes].sort((a, b) => b[1] - a[1])[0]?.[0];
}
