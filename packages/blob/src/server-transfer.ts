import { blockCount } from './arithmetic.ts';
import { allBits, clearBit, countBits } from './bits.ts';
import type { BlockAssembly } from './block-assembly.ts';
import { BlobPhase } from './constants.ts';
import type { BlobServerEvents } from './server-contract.ts';
import type { ServerRecord, TransferParameters } from './server-record.ts';
import type { BlobSink } from './sink.ts';

/** One transfer of a server, from the moment it is expected: a fresh object each time, so that nothing of the last one stays. */
export class ServerTransfer {
  readonly blobId: bigint;
  readonly ttl: number;
  readonly timeoutBase: number;
  /** Absent after power-on until the higher model hands them over again. */
  sink: BlobSink | undefined;
  events: BlobServerEvents | undefined;
  phase: number = BlobPhase.waitingForTransferStart;
  parameters: TransferParameters | undefined;
  /** Blocks Not Received: bit i is 1 while block i is missing. */
  missing: Uint8Array = new Uint8Array(0);
  blocks = 0;
  missingCount = 0;
  /** The active block. It stays when it is whole, until the next one. */
  block: BlockAssembly | undefined;
  #buffer: Uint8Array | undefined;

  constructor(record: ServerRecord, sink?: BlobSink, events?: BlobServerEvents) {
    this.blobId = record.blobId;
    this.ttl = record.ttl;
    this.timeoutBase = record.timeoutBase;
    this.sink = sink;
    this.events = events;
    if (record.parameters === undefined) return;
    this.start(record.parameters);
    this.phase = BlobPhase.suspended;
    if (record.missing === undefined) return;
    this.missing = record.missing.slice();
    this.missingCount = countBits(this.missing);
  }

  /** Receive BLOB Timeout in ms [MBT 6.1]. */
  get timeoutMs(): number {
    return 10_000 * (this.timeoutBase + 1);
  }

  /** Percent of the octets that are held, those of the active block included. */
  get progress(): number {
    if (this.parameters === undefined) return 0;
    const { size, blockSizeLog } = this.parameters;
    const held = this.blocks - this.missingCount;
    let octets = Math.min(size, held * 2 ** blockSizeLog);
    if (this.phase === BlobPhase.waitingForNextChunk && this.block !== undefined) {
      octets += (this.block.shape.chunkCount - this.block.missingCount) * this.block.shape.chunkSize;
    }
    return Math.min(100, (100 * octets) / size);
  }

  get isPull(): boolean {
    return this.parameters?.mode === 'pull';
  }

  /** Every block is in the sink; in pull mode that is not the end yet. */
  get isWhole(): boolean {
    return this.parameters !== undefined && this.missingCount === 0;
  }

  start(parameters: TransferParameters): void {
    this.parameters = parameters;
    this.blocks = blockCount(parameters.size, parameters.blockSizeLog);
    this.missing = allBits(this.blocks);
    this.missingCount = this.blocks;
    this.phase = BlobPhase.waitingForNextBlock;
  }

  /** One buffer for all blocks, made when the first one comes. */
  get buffer(): Uint8Array {
    const { size, blockSizeLog } = this.parameters as TransferParameters;
    this.#buffer ??= new Uint8Array(Math.min(size, 2 ** blockSizeLog));
    return this.#buffer;
  }

  /** Lets go what only receiving needs. */
  release(): void {
    this.#buffer = undefined;
  }

  blockReceived(number: number): void {
    clearBit(this.missing, number);
    this.missingCount--;
  }

  record(): ServerRecord {
    const { blobId, ttl, timeoutBase, parameters, missing } = this;
    if (parameters === undefined) return { blobId, ttl, timeoutBase };
    return { blobId, ttl, timeoutBase, parameters, missing };
  }
}
