import type { Model } from '@meshferry/access';
import { type Clock, Deadline, isUnicast, type Log } from '@meshferry/core';
import { segmentsOfChunk } from './arithmetic.ts';
import { firstBit, hasBit } from './bits.ts';
import { BlobPartialBlockReport } from './messages.ts';
import type { BlobPullOptions } from './server-contract.ts';
import type { ServerTransfer } from './server-transfer.ts';

/** Chunks that are asked for at a time, and Block Report Time-out, as Zephyr has them. */
const DEFAULT_WINDOW = 4;
const DEFAULT_INTERVAL_MS = 10_000;

/**
 * What a server in pull mode asks for, and when it says so [MBT 5.2.4]: as soon as all is here that it asked for last, and
 * whenever the Block Report Timer (T_BPI) has run out. Reports go on until the next Block Start or the end: one may be lost.
 */
export class PullReports {
  readonly intervalMs: number;
  readonly #model: Model;
  readonly #log: Log;
  readonly #options: BlobPullOptions;
  readonly #deadline: Deadline;
  #transfer: ServerTransfer | undefined;
  /** Chunks of the active block that were asked for last. */
  #asked: readonly number[] = [];

  constructor(clock: Clock, model: Model, log: Log, options: BlobPullOptions = {}) {
    this.#model = model;
    this.#log = log;
    this.#options = options;
    this.intervalMs = Math.min(31_000, Math.max(1000, options.reportIntervalMs ?? DEFAULT_INTERVAL_MS));
    this.#deadline = new Deadline(clock, () => this.#report());
  }

  /** The chunks that are wanted next, ascending; none when the block is whole. They count as asked for. */
  ask({ block }: ServerTransfer): readonly number[] {
    const asked: number[] = [];
    if (block !== undefined && block.missingCount > 0) {
      const window = this.#window(block.shape.chunkSize);
      for (let next = firstBit(block.missing); next !== undefined && asked.length < window; ) {
        asked.push(next);
        next = firstBit(block.missing, next + 1);
      }
    }
    this.#asked = asked;
    return asked;
  }

  /** Block Start was accepted: the client has T_BPI to send what its answer asks for. */
  begin(transfer: ServerTransfer): void {
    this.#transfer = transfer;
    this.#deadline.set(this.intervalMs);
  }

  /** A chunk of the active block came, to `dst`; `isNew`: it was missing. */
  received({ block }: ServerTransfer, chunk: number, isNew: boolean, dst: number): void {
    const isServed = isNew && !this.#asked.some((asked) => hasBit(block!.missing, asked));
    this.#deadline.set(isServed ? this.#spread(chunk, dst) : this.intervalMs);
  }

  /** Nothing is reported any more. */
  stop(): void {
    this.#transfer = undefined;
    this.#deadline.clear();
  }

  /** No more than the Friend of a Low Power node holds, but one chunk at least. */
  #window(chunkSize: number): number {
    const { window = DEFAULT_WINDOW, friendQueue } = this.#options;
    if (friendQueue === undefined) return window;
    return Math.max(1, Math.min(window, Math.floor(friendQueue / segmentsOfChunk(chunkSize))));
  }

  /** As long as an answer would wait [MshPRT 3.7.3.1]: many have got a chunk to the group at the same time. */
  #spread(chunk: number, dst: number): number {
    if (isUnicast(dst)) return 20;
    return 20 + 480 * (((this.#model.element + 31 * chunk) * GOLDEN) % 1);
  }

  #report(): void {
    const transfer = this.#transfer;
    if (transfer?.parameters === undefined) return;
    this.#deadline.set(this.intervalMs);
    const { client, appIndex } = transfer.parameters;
    const missingChunks = this.ask(transfer);
    this.#model.send(
      BlobPartialBlockReport,
      { missingChunks },
      { dst: client, appIndex, ttl: transfer.ttl },
      (error) => {
        if (error === undefined) this.#options.reported?.();
        else this.#log('warn', 'a Partial Block Report was not sent', error.toJSON());
      },
    );
  }
}

/** Multiples of it spread evenly over the unit interval, neighbours far from each other. */
const GOLDEN = 0.618034;
