import type { BlobSource } from '@meshferry/blob';
import { type Clock, encodeRecord, type MeshError, type Store, type Unicast, type Write } from '@meshferry/core';
import { JobMeter } from './job-meter.ts';
import type { DepartedNode, JobRemote, JobWave, SavedJob } from './job-record.ts';
import { JobTargets } from './job-targets.ts';
import type { UndoStep } from './job-undo.ts';
import { closingSeconds, type UpdateForecast } from './update-forecast.ts';
import type { JobPhase, JobProgress, JobReport, UpdatePlan } from './update-job-types.ts';

/** The record of a job in its store. */
export const JOB_RECORD = 'job';
/** What an earlier job could not take back. */
export const LEFT_RECORD = 'left';
/** The last job that ended with targets that can be tried again. */
export const LAST_RECORD = 'last';

export interface JobRunOptions {
  readonly clock: Clock;
  readonly store: Store;
  readonly request: UpdatePlan;
  readonly source: BlobSource;
  /** Of the image, lower-case hex. */
  readonly imageSha256: string;
  readonly saved?: SavedJob | undefined;
  /** What an earlier job has left to be taken back. */
  readonly left?: readonly UndoStep[];
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
  readonly remote: JobRemote;
  /** What is to be taken back at the end; changed only by who saves it at once. */
  undo: readonly UndoStep[];
  departed: readonly DepartedNode[];
  rounds: number;
  /** What was found out before the transfer. */
  forecast: UpdateForecast | undefined;
  readonly #options: JobRunOptions;
  readonly #startedAt: number;
  #wave: JobWave | null;
  #phase: JobPhase;
  /** When the image had been sent to all. */
  #sentAt: number | undefined;
  #transferStartedAt: number | undefined;
  #transferSeconds: number;
  #uploadStartedAt: number | undefined;
  #uploadSeconds: number;

  constructor(options: JobRunOptions) {
    const { clock, request, source, saved, left = [] } = options;
    this.#options = options;
    this.request = request;
    this.source = source;
    this.#startedAt = clock.now;
    this.#phase = saved?.phase ?? 'preparing';
    this.#transferStartedAt = this.#phase === 'transferring' ? clock.now : undefined;
    this.#transferSeconds = saved?.transferSeconds ?? 0;
    this.#uploadStartedAt = this.#phase === 'uploading' ? clock.now : undefined;
    this.#uploadSeconds = saved?.uploadSeconds ?? 0;
    this.targets = new JobTargets(request.targets, saved?.targets);
    this.transfer = new JobMeter(clock, source.size);
    this.upload = new JobMeter(clock, source.size);
    this.remote = { ...saved?.remote };
    this.undo = saved?.undo ?? left;
    this.departed = saved?.departed ?? [];
    this.rounds = saved?.rounds ?? 0;
    this.#wave = saved?.wave ? { ...saved.wave } : null;
  }

  get phase(): JobPhase {
    return this.#phase;
  }

  /** The targets that are being updated. */
  get wave(): JobWave | null {
    return this.#wave;
  }

  /** Kept before any of them hears of it. */
  beginWave(receivers: readonly Unicast[], blobId: bigint): JobWave {
    const wave: JobWave = { receivers, blobId, policy: this.request.policy ?? 'apply', begun: false, ended: false };
    this.#wave = wave;
    this.transfer.restart();
    this.save();
    return wave;
  }

  /** With how its targets ended, in one write. */
  endWave(): void {
    this.#wave = null;
    this.save();
  }

  /** Goes to another phase: kept, then told. */
  enter(phase: JobPhase): void {
    if (phase === this.#phase) return;
    if (this.#phase === 'transferring') this.#transferSeconds = this.#transferSecondsNow;
    if (this.#phase === 'uploading') this.#uploadSeconds = this.#uploadSecondsNow;
    this.#uploadStartedAt = phase === 'uploading' ? this.#options.clock.now : undefined;
    this.#transferStartedAt = phase === 'transferring' ? this.#options.clock.now : undefined;
    if (phase === 'verifying') this.#sentAt = this.#options.clock.now;
    if (phase === 'transferring') {
      this.#sentAt = undefined;
      if (this.forecast !== undefined) this.transfer.expect(this.forecast.plan.seconds);
    }
    this.#phase = phase;
    this.save();
    this.tell();
  }

  /** What is foreseen of the transfer, and of the upload before it. */
  foresee(forecast: UpdateForecast): void {
    this.forecast = forecast;
    this.transfer.expect(forecast.plan.seconds);
    if (forecast.uploadSeconds > 0) this.upload.expect(forecast.uploadSeconds);
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
      updateSecondsLeft: this.#updateSecondsLeft,
      elapsedSeconds: this.#elapsed,
      ...this.#chunks,
      targets: this.targets.progress,
    });
  }

  /** Durable when it returns. */
  save(): void {
    this.#options.store.batch([[JOB_RECORD, encodeRecord(this.saved)]]);
  }

  /** As the record has it. */
  get saved(): SavedJob {
    return {
      request: this.request,
      imageSize: this.source.size,
      imageSha256: this.#options.imageSha256,
      phase: this.#phase,
      targets: this.targets.saved,
      wave: this.#wave,
      remote: this.remote,
      undo: this.undo,
      departed: this.departed,
      rounds: this.rounds,
      totalSeconds: this.#elapsed,
      transferSeconds: this.#transferSecondsNow,
      uploadSeconds: this.#uploadSecondsNow,
      ...this.#chunks,
    };
  }

  /** The job can be taken up again: its record stays. */
  pause(outcome: JobReport['outcome']): JobReport {
    this.save();
    this.tell();
    return this.#report(outcome, { resumable: true, retryable: false, notUndone: null });
  }

  /** Kept, and told, before anything is done; an earlier job cannot be tried again from here on. */
  begin(): void {
    this.#options.store.batch([
      [JOB_RECORD, encodeRecord(this.saved)],
      [LAST_RECORD, null],
      // It is in the undo list of this job now.
      [LEFT_RECORD, null],
    ]);
    this.tell();
  }

  /** It could not even begin: nothing is kept of it but what could not be taken back. */
  giveUp(): void {
    this.#phase = 'done';
    this.#options.store.batch(endWrites(this.undo));
  }

  /** The end of the job; its record goes away. `notUndone`: why there is something left to be taken back. */
  end(outcome: JobReport['outcome'], notUndone: MeshError | null): JobReport {
    this.targets.end();
    const retryable = outcome !== 'cancelled' && this.targets.failing.length > 0;
    this.#phase = 'done';
    this.#wave = null;
    this.#options.store.batch([[LAST_RECORD, retryable ? encodeRecord(this.saved) : null], ...endWrites(this.undo)]);
    this.tell();
    return this.#report(outcome, { resumable: false, retryable, notUndone });
  }

  #report(outcome: JobReport['outcome'], what: Pick<JobReport, 'resumable' | 'retryable' | 'notUndone'>): JobReport {
    const stats = {
      totalSeconds: this.#elapsed,
      transferSeconds: this.#transferSecondsNow,
      uploadSeconds: this.#uploadSecondsNow,
      ...this.#chunks,
    };
    return { targets: this.targets.progress, outcome, ...what, stats };
  }

  get #updateSecondsLeft(): number | null {
    const { forecast, upload, transfer } = this;
    const closing = forecast?.closingSeconds ?? closingSeconds(this.request);
    switch (this.#phase) {
      case 'preparing':
      case 'checking':
      case 'starting':
        return forecast === undefined ? null : forecast.uploadSeconds + forecast.plan.seconds + closing;
      case 'uploading':
        return forecast === undefined ? null : (upload.secondsLeft ?? 0) + forecast.plan.seconds + closing;
      case 'transferring':
        return transfer.secondsLeft === null ? null : transfer.secondsLeft + closing;
      case 'suspended':
      case 'cancelling':
        return null;
      case 'done':
        return 0;
      default:
        return this.#sentAt === undefined
          ? null
          : Math.max(0, closing - (this.#options.clock.now - this.#sentAt) / 1000);
    }
  }

  get #elapsed(): number {
    return (this.#options.saved?.totalSeconds ?? 0) + (this.#options.clock.now - this.#startedAt) / 1000;
  }

  get #transferSecondsNow(): number {
    return this.#transferSeconds + this.#secondsSince(this.#transferStartedAt);
  }

  get #uploadSecondsNow(): number {
    return this.#uploadSeconds + this.#secondsSince(this.#uploadStartedAt);
  }

  #secondsSince(start: number | undefined): number {
    return start === undefined ? 0 : (this.#options.clock.now - start) / 1000;
  }

  get #chunks(): { chunksSent: number; chunksResent: number } {
    const { saved } = this.#options;
    return {
      chunksSent: (saved?.chunksSent ?? 0) + this.transfer.chunksSent + this.upload.chunksSent,
      chunksResent: (saved?.chunksResent ?? 0) + this.transfer.chunksResent + this.upload.chunksResent,
    };
  }
}

/** A job is over: its record goes, what it could not take back stays, in one batch. */
export function endWrites(undo: readonly UndoStep[]): Write[] {
  return [
    [JOB_RECORD, null],
    [LEFT_RECORD, undo.length === 0 ? null : encodeRecord(undo)],
  ];
}
