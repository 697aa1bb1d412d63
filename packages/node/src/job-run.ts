import type { BlobSource } from '@meshferry/blob';
import { type Clock, encodeRecord, type Store } from '@meshferry/core';
import { JobMeter } from './job-meter.ts';
import { JobTargets } from './job-targets.ts';
import type { JobPhase, JobProgress, JobReport, SavedJob, UpdatePlan } from './update-job-types.ts';

/** The record of a job in its store. */
export const JOB_RECORD = 'job';

export interface JobRunOptions {
  readonly clock: Clock;
  readonly store: Store;
  readonly request: UpdatePlan;
  readonly source: BlobSource;
  /** Of the image, lower-case hex. */
  readonly imageSha256: string;
  readonly saved?: SavedJob | undefined;
  readonly onProgress?: ((progress: JobProgress) => void) | undefined;
}

/** One run of an update job: what it knows, told to whoever watches and kept in the store at each step. */
export class JobRun {
  readonly request: UpdatePlan;
  readonly source: BlobSource;
  readonly targets: JobTargets;
  /** Of the transfer to the targets. */
  readonly transfer: JobMeter;
  /** Of the upload to a Distributor. */
  readonly upload: JobMeter;
  /** What a job through a Distributor must remember. */
  readonly remote: { uploadBlobId?: bigint; imageIndex?: number };
  readonly #options: JobRunOptions;
  readonly #startedAt: number;
  #phase: JobPhase;
  #transferStartedAt: number | undefined;
  #transferSeconds: number;

  constructor(options: JobRunOptions) {
    const { clock, request, source, saved } = options;
    this.#options = options;
    this.request = request;
    this.source = source;
    this.#startedAt = clock.now;
    this.#phase = saved?.phase ?? 'checking';
    this.#transferStartedAt = this.#phase === 'transferring' ? clock.now : undefined;
    this.#transferSeconds = saved?.transferSeconds ?? 0;
    this.targets = new JobTargets(request.targets, saved?.targets);
    this.transfer = new JobMeter(clock, source.size);
    this.upload = new JobMeter(clock, source.size);
    this.remote = { ...saved?.remote };
  }

  get phase(): JobPhase {
    return this.#phase;
  }

  /** Goes to another phase: kept, then told. */
  enter(phase: JobPhase): void {
    if (phase === this.#phase) return;
    if (this.#phase === 'transferring') this.#transferSeconds = this.#transferSecondsNow;
    this.#transferStartedAt = phase === 'transferring' ? this.#options.clock.now : undefined;
    this.#phase = phase;
    this.save();
    this.tell();
  }

  tell(): void {
    const { onProgress } = this.#options;
    if (onProgress === undefined) return;
    const meter = this.#phase === 'uploading' ? this.upload : this.transfer;
    onProgress({
      phase: this.#phase,
      percent: meter.percent,
      blocks: { done: meter.blocksDone, of: meter.blocks },
      bytesPerSecond: meter.bytesPerSecond,
      secondsLeft: meter.secondsLeft,
      elapsedSeconds: this.#elapsed,
      ...this.#chunks,
      targets: this.targets.progress,
    });
  }

  /** Durable when it returns. */
  save(): void {
    const saved: SavedJob = {
      request: this.request,
      imageSize: this.source.size,
      imageSha256: this.#options.imageSha256,
      phase: this.#phase,
      targets: this.targets.saved,
      remote: this.remote,
      totalSeconds: this.#elapsed,
      transferSeconds: this.#transferSecondsNow,
      ...this.#chunks,
    };
    this.#options.store.batch([[JOB_RECORD, encodeRecord(saved)]]);
  }

  /** The end of this run; the record goes away unless the job can be taken up again. */
  report(outcome: JobReport['outcome'], resumable = false): JobReport {
    if (resumable) this.save();
    else {
      this.enter('done');
      this.targets.end();
      this.#options.store.batch([[JOB_RECORD, null]]);
    }
    this.tell();
    return {
      targets: this.targets.progress,
      outcome,
      resumable,
      stats: { totalSeconds: this.#elapsed, transferSeconds: this.#transferSecondsNow, ...this.#chunks },
    };
  }

  get #elapsed(): number {
    return (this.#options.saved?.totalSeconds ?? 0) + (this.#options.clock.now - this.#startedAt) / 1000;
  }

  get #transferSecondsNow(): number {
    const start = this.#transferStartedAt;
    return this.#transferSeconds + (start === undefined ? 0 : (this.#options.clock.now - start) / 1000);
  }

  get #chunks(): { chunksSent: number; chunksResent: number } {
    const { saved } = this.#options;
    return {
      chunksSent: (saved?.chunksSent ?? 0) + this.transfer.chunksSent + this.upload.chunksSent,
      chunksResent: (saved?.chunksResent ?? 0) + this.transfer.chunksResent + this.upload.chunksResent,
    };
  }
}
