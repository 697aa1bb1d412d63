import { fail, MeshError, ok, type Result, toMeshError, type Unsubscribe } from '@meshferry/core';
import type { SmpLimitOptions, SmpLimits } from '../client/capacity.ts';
import type { SmpClient } from '../client/client.ts';
import { cancelled } from '../client/errors.ts';
import type { ChunkLimits } from './chunk-length.ts';
import { type ChunkSender, ChunkWindow } from './chunk-window.ts';
import { type ProgressOptions, ProgressTeller } from './progress.ts';
import type { UploadSender } from './upload-sender.ts';

/** How an upload goes. */
export interface SmpUploadOptions extends SmpLimitOptions, ProgressOptions {
  /** Chunks but the last are a multiple of it, octets: 1 (default), 2, 4, 8, 16. */
  readonly alignment?: number;
  /** Octets of data in a chunk at most, 32 or more. Default: as many as a packet holds. */
  readonly chunkOctets?: number;
  /** Aborted: the upload ends with `cancelled`. What the device has stays there. */
  readonly signal?: AbortSignal;
}

/** How an upload ended well. */
export interface SmpUploadReport {
  readonly total: number;
  /** Octets that this upload brought; the device had the others. */
  readonly moved: number;
  /** True when the device has compared what it stored with the file; undefined where it does not. */
  readonly match: boolean | undefined;
}

/** What is uploaded, and what is to be done before and after. */
export interface UploadTask {
  /** What sends the chunks, once it is known how much the device takes; throws what makes it impossible. */
  sender(limits: ChunkLimits & SmpLimits, advanced: ChunkSender['advanced']): TaskSender;
  /** Octets that the device has. Default 0. */
  from?(): Promise<number>;
  /** Whether the device has what was sent; undefined where that cannot be told. */
  verify?(): Promise<boolean | undefined>;
}

type TaskSender = ChunkSender & Pick<UploadSender<never>, 'sentTo'>;

/** An upload under way, see {@link startImageUpload} and {@link startFileUpload}. */
export class SmpUpload {
  /**
   * Resolves once the device has said that it has everything. Rejects with a `SmpRefusedError`; `link-lost`, `smp-silent`,
   * `smp-no-reassembly` (connect again and upload the same again: it goes on where it stopped); `smp-no-progress`,
   * `smp-upload-corrupt`, `smp-bad-offset`, `smp-packet-too-small`, `cancelled`.
   */
  readonly finished: Promise<SmpUploadReport>;
  readonly #client: SmpClient;
  readonly #options: SmpUploadOptions;
  readonly #abort = (): void => this.#stop(cancelled('upload'));
  readonly #unsubscribe: Unsubscribe;
  #settle: ((outcome: Result<SmpUploadReport, MeshError>) => void) | undefined;
  #window: ChunkWindow | undefined;
  #paused = false;

  constructor(client: SmpClient, task: UploadTask, options: SmpUploadOptions) {
    this.#client = client;
    this.#options = options;
    this.finished = new Promise((resolve, reject) => {
      this.#settle = (outcome) => (outcome.ok ? resolve(outcome.value) : reject(outcome.error));
    });
    this.#unsubscribe = client.whenEnded((reason) => this.#stop(reason));
    options.signal?.addEventListener('abort', this.#abort);
    if (options.signal?.aborted) this.#abort();
    else void this.#run(task);
  }

  /** No new chunks until {@link resume}; the answers of those under way are taken. */
  pause(): void {
    this.#paused = true;
    this.#window?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#window?.resume();
  }

  /** Ends it with `cancelled`. What the device has stays there, and the same upload goes on with it later. */
  cancel(): void {
    this.#abort();
  }

  async #run(task: UploadTask): Promise<void> {
    try {
      const { packet, window } = await this.#client.capacity.limits(this.#options);
      const from = (await task.from?.()) ?? 0;
      if (this.#settle === undefined) return;
      const { alignment, chunkOctets } = this.#options;
      const { match, moved, total } = await this.#send(task, { packet, window, alignment, chunkOctets }, from);
      this.#end(ok({ total, moved, match: match ?? (await this.#verify(task)) }));
    } catch (thrown) {
      const error = toMeshError(thrown);
      // Whatever the silence comes from: the next connection finds out anew.
      if (error.code === 'smp-silent') delete this.#client.knowledge.reassembles;
      this.#end(fail(error));
    }
  }

  #verify(task: UploadTask): Promise<boolean | undefined> | undefined {
    if (task.verify !== undefined) this.#window = undefined;
    return task.verify?.();
  }

  #send(task: UploadTask, limits: ChunkLimits & SmpLimits, from: number): Promise<SmpUploadReport> {
    const { clock } = this.#client;
    return new Promise((resolve, reject) => {
      const sender = task.sender(limits, (offset, before) => this.#advanced(offset, before, teller, sender.sentTo));
      const { total } = sender;
      const teller = new ProgressTeller(clock, total, this.#options);
      const window = new ChunkWindow(sender, clock, (outcome) => {
        if (outcome instanceof MeshError) reject(outcome);
        else resolve({ total, moved: teller.octets, match: outcome.match });
      });
      this.#window = window;
      if (this.#paused) window.pause();
      window.start(from);
    });
  }

  /** What the device had already does not count as moved. */
  #advanced(offset: number, before: number, teller: ProgressTeller, sentTo: number): void {
    try {
      teller.moved(offset, Math.max(0, Math.min(offset, sentTo) - before));
    } catch (thrown) {
      this.#stop(toMeshError(thrown));
    }
  }

  /** Before and behind the chunks there is nobody else to say so. */
  #stop(error: MeshError): void {
    if (this.#window === undefined) this.#end(fail(error));
    else this.#window.stop(error);
  }

  #end(outcome: Result<SmpUploadReport, MeshError>): void {
    const settle = this.#settle;
    if (settle === undefined) return;
    this.#settle = undefined;
    this.#unsubscribe();
    this.#options.signal?.removeEventListener('abort', this.#abort);
    settle(outcome);
  }
}
