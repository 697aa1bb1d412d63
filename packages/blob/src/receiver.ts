import { formatAddress, MeshError, type Unicast } from '@meshferry/core';
import { countBits, numbersOfBits } from './bits.ts';
import type { BlobCapabilities } from './capabilities.ts';
import type { BlobReceiver, BlobTargetState } from './client-contract.ts';
import { BlobStatus, blobStatusName } from './constants.ts';
import type { TransferMode } from './messages.ts';

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

/** One receiver of a client's transfer. */
export class Receiver implements BlobTargetState {
  readonly address: Unicast;
  readonly skip: boolean;
  status = 0;
  timedOut = false;
  lost = false;
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
  askAgainAt: number = Number.POSITIVE_INFINITY;
  /** When the last request to it alone had left, to measure the round trip. */
  askedAt: number | undefined;

  /** When its timer was last started anew, as far as is known: by Block Start or a chunk. */
  awakeAt = 0;
  /** A Block Start was sent to keep it awake, and not answered yet. */
  isBeingWoken = false;

  /** Chunks missing when the last sending began, and how many checks in a row have not lowered the figure. */
  missingBefore = 0;
  fruitless = 0;
  /** Event loss: estimate and weight of the observations in it. */
  loss = 0;
  lossWeight = 0;
  /** Event loss as the last pass without copies has shown it. */
  singleLoss: number | undefined;
  /** Its messages come over relays, none came directly so far. */
  isRemote = false;
  #nearestTtl = 0;

  constructor(receiver: BlobReceiver) {
    this.address = receiver.address;
    this.skip = receiver.skip ?? false;
  }

  get active(): boolean {
    return !this.lost && !this.skip;
  }

  /** It takes no pushed chunks: a Low Power node. What is for it waits at its Friend until it asks. */
  get isSleepy(): boolean {
    return this.capabilities?.push === false;
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

  /** A message of it arrived with this TTL; `sent` is the Transfer TTL, with which servers send. */
  heardWith(ttl: number, sent: number): void {
    this.#nearestTtl = Math.max(this.#nearestTtl, ttl);
    this.isRemote = this.#nearestTtl < sent;
  }

  /** It has answered: the next silence starts afresh. */
  answered(): void {
    this.silentSince = undefined;
    this.asks = 0;
    this.askAgainAt = Number.POSITIVE_INFINITY;
  }

  lose(status: number, error?: MeshError): void {
    this.lost = true;
    this.status = status;
    this.error =
      error ??
      new MeshError('receiver-refused', `${formatAddress(this.address)} answered ${blobStatusName(status)}`, {
        hint: 'Look at its capabilities and at what else it is doing.',
      });
  }

  loseBySilence(seconds: number): void {
    this.timedOut = true;
    this.lose(
      BlobStatus.internalError,
      new MeshError('receiver-silent', `${formatAddress(this.address)} has not answered for ${Math.round(seconds)} s`, {
        hint: 'Check that it is in range and powered, then resume the transfer.',
      }),
    );
  }

  /** Answers, but what it misses does not become less. */
  loseByFruitlessness(): void {
    this.lose(
      BlobStatus.internalError,
      new MeshError('receiver-stuck', `${formatAddress(this.address)} keeps missing the same chunks`, {
        hint: 'Its storage may be failing; look at its log.',
      }),
    );
  }

  /** Takes part again after a suspension. */
  revive(): void {
    if (!this.timedOut) return;
    this.timedOut = false;
    this.lost = false;
    this.status = 0;
    this.error = undefined;
    this.fruitless = 0;
    this.answered();
  }

  /** A copy that later changes do not reach. */
  snapshot(): BlobTargetState {
    const { address, skip, status, timedOut, lost, progress, blocksDone, error } = this;
    return { address, skip, status, timedOut, lost, progress, blocksDone, error };
  }
}

const NONE = new Uint8Array(0);
