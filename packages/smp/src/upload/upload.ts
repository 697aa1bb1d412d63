import { fail, MeshError, ok, type Result, toMeshError, type Unsubscribe } from '@meshferry/core';
import type { SmpLimitOptions, SmpLimits } from '../client/capacity.ts';
import type { SmpClient } from '../client/client.ts';
import { cancelled } from '../client/errors.ts';
import type { ChunkLimits } from './chunk-length.ts';
import { type ChunkSender, ChunkWindow, type Delivered } from './chunk-window.ts';
import { RateMeter, type TransferProgress } from './progress.ts';
import type { UploadSender } from './upload-sender.ts';

/** How an upload goes. */
export interface SmpUploadOptions extends SmpLimitOptions {
  /** Chunks but the last are a multiple of it, octets: 1 (default), 2, 4, 8, 16. */
  readonly alignment?: number;
  /** Octets of data in a chunk at most, 32 or more. Default: as many as a packet holds. */
  readonly chunkOctets?: number;
  readonly onProgress?: (progress: TransferProgress) => void;
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

/** What sends the chunks, once it is known how much the device takes; throws what makes it impossible. */
export type MakeSender = (
  limits: ChunkLimits & SmpLimits,
  advanced: ChunkSender['advanced'],
) => ChunkSender & Pick<UploadSender<never>, 'sentTo'>;

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
  readonly #meter = new RateMeter();
  readonly #abort = (): void => this.#stop(cancelled('upload'));
  readonly #unsubscribe: Unsubscribe;
  #settle: ((outcome: Result<SmpUploadReport, MeshError>) => void) | undefined;
  #window: ChunkWindow | undefined;
  #paused = false;

  /** `from`: octets that the device has. */
  constructor(client: SmpClient, makeSender: MakeSender, options: SmpUploadOptions, from = 0) {
    this.#client = client;
    this.#options = options;
    this.finished = new Promise((resolve, reject) => {
      this.#settle = (outcome) => (outcome.ok ? resolve(outcome.value) : reject(outcome.error));
    });
    this.#unsubscribe = client.whenEnded((reason) => this.#stop(reason));
    options.signal?.addEventListener('abort', this.#abort);
    if (options.signal?.aborted) this.#abort();
    else void this.#begin(makeSender, from);
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

  async #begin(makeSender: MakeSender, from: number): Promise<void> {
    try {
      const { packet, window } = await this.#client.capacity.limits(this.#options);
      if (this.#settle === undefined) return;
      const { alignment, chunkOctets } = this.#options;
      const { clock } = this.#client;
      const sender: ReturnType<MakeSender> = makeSender({ packet, window, alignment, chunkOctets }, (offset, before) =>
        this.#advanced(offset, before, sender),
      );
      this.#window = new ChunkWindow(sender, clock, (outcome) => this.#ended(outcome, sender.total));
      if (this.#paused) this.#window.pause();
      this.#meter.add(clock.now, 0);
      this.#window.start(from);
    } catch (thrown) {
      this.#end(fail(toMeshError(thrown)));
    }
  }

  #stop(error: MeshError): void {
    if (this.#window === undefined) this.#end(fail(error));
    else this.#window.stop(error);
  }

  #advanced(offset: number, before: number, { total, sentTo }: ReturnType<MakeSender>): void {
    const { now } = this.#client.clock;
    // What the device had already was not brought now.
    this.#meter.add(now, Math.max(0, Math.min(offset, sentTo) - before));
    const bytesPerSecond = this.#meter.rate(now);
    const secondsLeft = bytesPerSecond === undefined ? undefined : (total - offset) / bytesPerSecond;
    try {
      this.#options.onProgress?.({ offset, total, bytesPerSecond, secondsLeft });
    } catch (thrown) {
      this.#stop(toMeshError(thrown));
    }
  }

  #ended(outcome: Delivered | MeshError, total: number): void {
    if (outcome instanceof MeshError) this.#end(fail(outcome));
    else this.#end(ok({ total, moved: this.#meter.moved, match: outcome.match }));
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
