import { formatAddress, MeshError, type Unicast } from '@meshferry/core';
import { countBits, firstBit, numbersOfBits } from './bits.ts';
import type { BlobCapabilities } from './capabilities.ts';
import type { BlobReceiver, BlobStep, BlobTargetState } from './client-contract.ts';
import { BlobStatus, blobStatusName } from './constants.ts';
import type { TransferMode } from './messages.ts';
import type { ReceiverOutlook } from './outlook.ts';

/**
 * What a receiver is asked for next. `information`: its capabilities; `query`: the parameters of a transfer begun by
 * another process; `start`: Transfer Start; `locate`: which block it is in the middle of; `block`: Block Start;
 * `check`: what it misses of the block; `held`: nothing, it has the block; `confirm`: Transfer Get at the end;
 * `complete`: nothing any more; `cancel`: Transfer Cancel; `cancelled`: nothing any more.
 */
export type Stage =
  | 'information'
  | 'query'
  | 'start'
  | 'locate'
  | 'block'
  | 'check'
  | 'held'
  | 'confirm'
  | 'complete'
  | 'cancel'
  | 'cancelled';

/** What a receiver at a stage is busy with, for people. */
const STEPS: Readonly<Record<Stage, BlobStep>> = {
  information: 'capabilities',
  query: 'state',
  start: 'start',
  locate: 'block start',
  block: 'block start',
  check: 'chunks',
  held: 'chunks',
  confirm: 'confirm',
  complete: 'confirm',
  cancel: 'cancel',
  cancelled: 'cancel',
};

/** How a receiver was lost, as it is stored. */
export interface Loss {
  readonly status: number;
  readonly lostIn: BlobStep;
  readonly reason: { readonly code: string; readonly message: string; readonly hint?: string };
}

/** One receiver of a client's transfer. */
export class Receiver implements BlobTargetState {
  readonly address: Unicast;
  readonly skip: boolean;
  readonly #lowPower: boolean;
  status = 0;
  timedOut = false;
  lost = false;
  lostIn: BlobStep | undefined;
  error: MeshError | undefined;
  stage: Stage = 'information';
  capabilities: BlobCapabilities | undefined;
  /** Blocks Not Received, once its Transfer Status is known. */
  blocksMissing: Uint8Array | undefined;
  blocks = 0;
  /** Block size and mode of a transfer begun by another process. */
  knownLog: number | undefined;
  knownMode: TransferMode | undefined;
  /** Of the current block: bit i is 1 while chunk i is missing. Empty when it takes no part in the block. */
  missing: Uint8Array = NONE;
  missingCount = 0;
  chunkCount = 0;
  /** Chunks of the current block that it has acknowledged. */
  chunksHeld = 0;
  /** The block that it was found in the middle of; chunks of another one would be taken for chunks of this one. */
  stuckIn: { readonly number: number; readonly chunkSize: number } | undefined;
  /** Whether its place was asked for in this block already. */
  located = false;

  /** Since when it has owed an answer; how often it was asked; when to ask again. */
  silentSince: number | undefined;
  asks = 0;
  /** How many of these expected an answer of several PDUs. */
  asksForLong = 0;
  askAgainAt: number = Number.POSITIVE_INFINITY;
  /** When the last request to it alone had left, to measure the round trip. */
  askedAt: number | undefined;

  /** When its timer was last started anew, as far as is known: by Block Start or a chunk. */
  awakeAt = 0;
  /** A Block Start was sent to keep it awake, and not answered yet. */
  isBeingWoken = false;

  /** It must fall asleep before it can go on: nothing may keep it awake. */
  mustSleep = false;

  /** Chunks missing when the last sending began, and how many checks in a row have not lowered the figure. */
  missingBefore = 0;
  fruitless = 0;
  /** Chunks are not sent to it again before. */
  retryAt = 0;
  /** The block that these checks were about. */
  triedBlock: number | undefined;
  /** Event loss: estimate and weight of the observations in it. */
  loss = 0;
  lossWeight = 0;
  /** Event loss as the last pass without copies has shown it. */
  singleLoss: number | undefined;
  /** Its messages come over relays, none came directly so far. */
  isRemote = false;
  /** Relays that its messages come over, as few as any has needed so far. */
  relays = 0;
  #nearestTtl = 0;

  /** `outlook`: what was known of the way to it before. */
  constructor(receiver: BlobReceiver, outlook?: ReceiverOutlook) {
    this.address = receiver.address;
    this.skip = receiver.skip ?? false;
    this.#lowPower = receiver.lowPower ?? false;
    if (outlook === undefined) return;
    this.loss = outlook.loss;
    this.lossWeight = outlook.events;
    this.isRemote = outlook.isRemote;
  }

  get active(): boolean {
    return !this.lost && !this.skip;
  }

  /** A Low Power node, as it was said, or as it takes no pushed chunks. What is for it waits at its Friend until it asks. */
  get isSleepy(): boolean {
    return this.#lowPower || this.capabilities?.push === false;
  }

  get blocksDone(): number {
    return this.blocksMissing === undefined ? 0 : this.blocks - countBits(this.blocksMissing);
  }

  /** Share of the current block that it has acknowledged, in blocks. */
  get partOfBlock(): number {
    const chunks = this.missing.length === 0 ? 0 : this.chunkCount;
    return chunks === 0 ? 0 : this.chunksHeld / chunks;
  }

  get progress(): number {
    if (this.blocks === 0) return 0;
    return Math.min(100, (100 * (this.blocksDone + this.partOfBlock)) / this.blocks);
  }

  setMissing(missing: Uint8Array, chunkCount: number): void {
    this.missing = missing;
    this.missingCount = countBits(missing);
    this.chunkCount = chunkCount;
    this.chunksHeld = chunkCount - this.missingCount;
  }

  /** Pull mode: the chunks that it wants next. It holds those below the last of them that are not among them. */
  setWanted(wanted: Uint8Array, chunkCount: number): void {
    this.setMissing(wanted, chunkCount);
    const last = numbersOfBits(wanted).at(-1) ?? -1;
    this.chunksHeld = last + 1 - this.missingCount;
  }

  /** It has the current block, or takes no part in it. */
  clearMissing(): void {
    this.setMissing(NONE, 0);
  }

  /** It has fallen asleep and forgotten its chunks: Transfer Start wakes it, and tells which blocks it has. */
  startAgain(): void {
    this.stage = 'start';
    this.mustSleep = false;
    this.stuckIn = undefined;
    this.clearMissing();
  }

  /** A message of it arrived with this TTL; `sent` is the Transfer TTL, with which servers send. */
  heardWith(ttl: number, sent: number): void {
    this.#nearestTtl = Math.max(this.#nearestTtl, ttl);
    this.relays = Math.max(0, sent - this.#nearestTtl);
    this.isRemote = this.relays > 0;
  }

  /** It has answered: the next silence starts afresh. */
  answered(): void {
    this.silentSince = undefined;
    this.asks = 0;
    this.asksForLong = 0;
    this.askAgainAt = Number.POSITIVE_INFINITY;
  }

  /** By the status of its answer. */
  lose(status: number): void {
    const answer = `${blobStatusName(status)} (0x${status.toString(16).padStart(2, '0')})`;
    const hint = 'Look at its capabilities and at what else it is doing.';
    this.#lose(status, 'receiver-refused', `answered ${answer}, in step ${this.step}`, hint);
  }

  /** By its capabilities: others can be served together, or nobody. `reason` says what it cannot do. */
  loseByCapabilities(status: number, reason: string): void {
    const hint = 'Send to it by itself, or with other settings.';
    this.#lose(status, 'receiver-unfit', `${reason}: ${blobStatusName(status)}`, hint);
  }

  loseBySilence(seconds: number): void {
    this.timedOut = true;
    const hint = 'Check that it is in range and powered, then resume the transfer.';
    const message = `has not answered for ${Math.round(seconds)} s, in step ${this.step}`;
    this.#lose(BlobStatus.internalError, 'receiver-silent', message, hint);
  }

  /** Answers, but what it misses does not become less. */
  loseByFruitlessness(): void {
    const hint = 'Its storage may be failing; look at its log.';
    const message = `keeps missing the same chunks, in step ${this.step}`;
    this.#lose(BlobStatus.internalError, 'receiver-stuck', message, hint);
  }

  /** What it says cannot be so. */
  loseByInconsistency(what: string): void {
    const hint = 'Its firmware may be faulty, or another client sends the same BLOB otherwise.';
    this.#lose(BlobStatus.internalError, 'receiver-inconsistent', `says ${what}, in step ${this.step}`, hint);
  }

  get step(): BlobStep {
    return STEPS[this.stage];
  }

  #lose(status: number, code: string, message: string, hint: string): void {
    this.lost = true;
    this.status = status;
    this.lostIn = this.step;
    this.error = new MeshError(code, `${formatAddress(this.address)} ${message}`, { hint });
  }

  /** Lost already, as an earlier process has stored it. */
  recall({ status, lostIn, reason }: Loss): void {
    Object.assign(this, { lost: true, status, lostIn });
    const { code, message, hint } = reason;
    this.error = new MeshError(code, message, hint === undefined ? {} : { hint });
  }

  /** Takes part again after a suspension. */
  revive(): void {
    if (!this.timedOut) return;
    this.timedOut = false;
    this.lost = false;
    this.status = 0;
    this.lostIn = undefined;
    this.error = undefined;
    this.fruitless = 0;
    this.retryAt = 0;
    this.answered();
  }

  /** A copy that later changes do not reach. */
  snapshot(): BlobTargetState {
    const { address, skip, status, timedOut, lost, progress, blocksDone, lostIn, error } = this;
    return { address, skip, status, timedOut, lost, progress, blocksDone, lostIn, error };
  }
}

/** The lowest block that somebody of these is known to miss. */
export function firstMissing(receivers: readonly Receiver[]): number | undefined {
  let first: number | undefined;
  for (const { blocksMissing } of receivers) {
    const missing = blocksMissing === undefined ? undefined : firstBit(blocksMissing);
    if (missing !== undefined && (first === undefined || missing < first)) first = missing;
  }
  return first;
}

const NONE = new Uint8Array(0);
