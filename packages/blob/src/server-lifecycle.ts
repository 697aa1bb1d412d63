import { Deadline, type Log, MeshError, silent, toMeshError } from '@meshferry/core';
import { BlobPhase, formatBlobId } from './constants.ts';
import type { BlobExpectation, BlobServerEvents, BlobServerOptions } from './server-contract.ts';
import { eraseServerRecord, readServerRecord, writeServerRecord } from './server-record.ts';
import { ServerTransfer } from './server-transfer.ts';
import type { BlobSink } from './sink.ts';

/**
 * The transfer of a server from the moment it is expected to its end, across power cuts: what is stored of it, its Receive
 * BLOB Timeout, who is told what.
 */
export class ServerLifecycle {
  /** Called whenever nothing is to be sent any more. */
  stopped: () => void = () => {};
  readonly #options: BlobServerOptions;
  readonly #log: Log;
  /** Receive BLOB Timeout. */
  readonly #deadline: Deadline;
  #transfer: ServerTransfer | undefined;

  constructor(options: BlobServerOptions) {
    this.#options = options;
    this.#log = options.log ?? silent;
    this.#deadline = new Deadline(options.clock, () => this.#onTimeout());
    const record = readServerRecord(options.store);
    if (record !== undefined) this.#transfer = new ServerTransfer(record);
  }

  get transfer(): ServerTransfer | undefined {
    return this.#transfer;
  }

  expect(blobId: bigint, { ttl, timeoutBase, sink, events }: BlobExpectation): MeshError | undefined {
    const old = this.#transfer;
    if (old !== undefined && old.blobId !== blobId && isActive(old.phase)) {
      return new MeshError('blob-busy', `a transfer of BLOB ${formatBlobId(old.blobId)} is active`, {
        hint: 'Wait until it ends, or cancel it.',
      });
    }
    const transfer = new ServerTransfer({ blobId, ttl, timeoutBase }, sink, events);
    try {
      writeServerRecord(this.#options.store, transfer.record());
    } catch (thrown) {
      return toMeshError(thrown);
    }
    this.#stop();
    this.#transfer = transfer;
    if (old?.phase === BlobPhase.suspended && old.blobId !== blobId) {
      old.events?.failed(new MeshError('blob-replaced', `BLOB ${formatBlobId(old.blobId)} made way for another one`));
    }
    return undefined;
  }

  recover(sink: BlobSink, events: BlobServerEvents): boolean {
    const transfer = this.#transfer;
    if (transfer === undefined) return false;
    const { blobId, parameters } = transfer;
    if (parameters !== undefined && sink.recover !== undefined && !sink.recover(blobId, parameters.size)) {
      this.cancel();
      return false;
    }
    transfer.sink = sink;
    transfer.events = events;
    if (transfer.isWhole) this.complete(transfer);
    return true;
  }

  /** Inactive, state erased, nobody told. */
  cancel(): void {
    this.#stop();
    this.#transfer = undefined;
    this.#erase();
  }

  /** The state stays in the store, as at a power cut. */
  close(): void {
    this.#stop();
  }

  /** Inactive, and the higher model is told why. */
  fail(code: string, message: string): void {
    const events = this.#transfer?.events;
    this.cancel();
    events?.failed(new MeshError(code, message));
  }

  /** Phase Complete. It is forgotten only when the higher model knows: a power cut in between must not cost the whole BLOB. */
  complete(transfer: ServerTransfer): void {
    this.end(transfer);
    transfer.events?.complete();
    if (this.#transfer === transfer) this.#erase();
  }

  /** Phase Complete, of which nobody has been told yet. */
  end(transfer: ServerTransfer): void {
    transfer.phase = BlobPhase.complete;
    this.#stop();
    transfer.release();
  }

  /** Starts the timer anew, for `atLeastMs` or more. */
  touch(transfer: ServerTransfer, atLeastMs: number): void {
    this.#deadline.set(Math.max(transfer.timeoutMs, atLeastMs));
  }

  /** False: the state could not be stored. */
  persist(transfer: ServerTransfer): boolean {
    try {
      writeServerRecord(this.#options.store, transfer.record());
      return true;
    } catch (thrown) {
      this.#log('error', 'the state of the BLOB transfer could not be stored', toMeshError(thrown).toJSON());
      return false;
    }
  }

  #onTimeout(): void {
    const transfer = this.#transfer!;
    if (transfer.isWhole) {
      this.complete(transfer);
      return;
    }
    this.#stop();
    transfer.phase = BlobPhase.suspended;
    transfer.block = undefined;
    transfer.events?.suspended();
  }

  #stop(): void {
    this.#deadline.clear();
    this.stopped();
  }

  #erase(): void {
    try {
      eraseServerRecord(this.#options.store);
    } catch (thrown) {
      this.#log('error', 'the state of the BLOB transfer could not be erased', toMeshError(thrown).toJSON());
    }
  }
}

function isActive(phase: number): boolean {
  return phase !== BlobPhase.suspended && phase !== BlobPhase.complete;
}
