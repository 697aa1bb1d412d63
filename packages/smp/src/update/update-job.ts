import { MeshError, silent, toMeshError } from '@meshferry/core';
import { ImageErase } from '../messages/image.ts';
import { uploadSlot } from './device-view.ts';
import { drive, reach, recover } from './drive.ts';
import { planUpdate } from './plan.ts';
import type { SmpImagePlace, SmpUpdatePlan } from './plan-types.ts';
import { placeIn, type SmpUpdateEnd } from './situation.ts';
import { nameOf, updateError } from './update-errors.ts';
import { UpdateLink } from './update-link.ts';
import { UpdateMeter } from './update-meter.ts';
import { discardSmpUpdate, readSmpUpdate, takeUpSmpUpdate } from './update-record.ts';
import { UpdateRun } from './update-run.ts';
import type {
  SmpUpdateImage,
  SmpUpdateJob,
  SmpUpdateOptions,
  SmpUpdateOutcome,
  SmpUpdateProgress,
  SmpUpdateReport,
} from './update-types.ts';

/**
 * The update of one device over SMP. Nothing is sent before `inspect` or `run`.
 *
 * ```ts
 * const read = await readFirmwarePackage(octets, { crypto });
 * if (!read.ok) throw read.error;
 * const job = createSmpUpdate({ route, clock, random, store, images: smpUpdateImages(read.value), onProgress: draw });
 * const report = await job.run();
 * if (!report.succeeded) console.error(report.error?.message, report.error?.hint);
 * ```
 */
export function createSmpUpdate(options: SmpUpdateOptions): SmpUpdateJob {
  return new Job(options);
}

/** Erasing a slot takes up to a minute [spec: smp section 4.6], ms. */
const ERASE_MS = 75_000;

class Job implements SmpUpdateJob {
  readonly #options: SmpUpdateOptions;
  readonly #link: UpdateLink;
  #meter: UpdateMeter;
  #run: UpdateRun | undefined;
  #abort: AbortController | undefined;
  #stopping: 'suspended' | 'cancelled' | undefined;

  constructor(options: SmpUpdateOptions) {
    this.#options = options;
    const { route, clock, random, log = silent } = options;
    this.#link = new UpdateLink({ route, clock, random, log });
    this.#meter = new UpdateMeter(clock, options.onProgress);
  }

  get progress(): SmpUpdateProgress {
    return this.#meter.progress;
  }

  inspect(): Promise<SmpUpdatePlan> {
    return this.#exclusively(async (run) => {
      for (;;) {
        try {
          await reach(run);
          return planUpdate(run);
        } catch (error) {
          const ended = recover(run, error);
          if (ended !== undefined) throw ended.error ?? error;
        }
      }
    });
  }

  run(): Promise<SmpUpdateReport> {
    return this.#exclusively(async (run) => {
      try {
        const report = this.#ended(run, await drive(run));
        this.#meter.enter('done');
        return report;
      } catch (thrown) {
        const error = toMeshError(thrown);
        if (error.code === 'store-failed' || error.code === 'internal') throw error;
        return await this.#interrupted(run, error);
      } finally {
        this.#link.close();
      }
    });
  }

  pause(): void {
    this.#run?.pause(true);
  }

  resume(): void {
    this.#run?.pause(false);
  }

  suspend(): void {
    if (this.#stopping !== undefined || this.#abort === undefined) return;
    this.#stopping = 'suspended';
    this.#abort.abort();
    this.#link.close();
  }

  cancel(): void {
    const saved = this.#run?.saved ?? readSmpUpdate(this.#options.store);
    if (saved !== undefined && saved.resetsAsked > 0) throw tooLate();
    if (this.#abort === undefined) discardSmpUpdate(this.#options.store);
    else this.#stopping = 'cancelled';
    this.#abort?.abort();
  }

  close(): void {
    this.suspend();
    this.#link.close();
  }

  async #exclusively<T>(work: (run: UpdateRun) => Promise<T>): Promise<T> {
    if (this.#abort !== undefined) throw running();
    const { clock, store, images, mode, onProgress } = this.#options;
    const saved = takeUpSmpUpdate(store, images, mode);
    this.#abort = new AbortController();
    this.#stopping = undefined;
    this.#meter = new UpdateMeter(clock, onProgress);
    this.#run = new UpdateRun(this.#options, saved, this.#link, this.#meter, this.#abort.signal);
    try {
      return await work(this.#run);
    } finally {
      this.#abort = undefined;
      this.#run = undefined;
    }
  }

  /** The device has had the last word: nothing is left to go on with. */
  #ended(run: UpdateRun, { outcome, error, note }: SmpUpdateEnd): SmpUpdateReport {
    discardSmpUpdate(run.options.store);
    if (note !== null) run.note(note.severity, note.code, note.message);
    return report(run, outcome, error);
  }

  async #interrupted(run: UpdateRun, error: MeshError): Promise<SmpUpdateReport> {
    if (this.#stopping === undefined) return report(run, 'failed', error);
    if (this.#stopping === 'cancelled') {
      await takeBack(run);
      discardSmpUpdate(run.options.store);
    }
    return report(run, this.#stopping, null);
  }
}

/** An image that waits for its boot would be started by the next reset, whoever does it: its slot is erased. */
async function takeBack(run: UpdateRun): Promise<void> {
  const { client } = run.link;
  if (run.lastView === undefined) return;
  for (const image of run.images) {
    if (!placeIn(run.situation, image).startsWith('staged')) continue;
    const slot = 2 * image.image + uploadSlot(run.lastView, image.image);
    try {
      if (client === undefined) throw new MeshError('link-lost', 'the link is gone');
      await client.request(ImageErase, { slot }, { timeoutMs: ERASE_MS });
    } catch (error) {
      const why = toMeshError(error).message;
      const message = `${nameOf(image)} is marked and could not be erased (${why}): the next reset of the device starts it`;
      run.note('warning', 'still-marked', message);
    }
  }
}

function report(run: UpdateRun, outcome: SmpUpdateOutcome, error: MeshError | null): SmpUpdateReport {
  const { meter, lastView, saved } = run;
  const { bytesSent, uploadSeconds } = meter;
  return {
    outcome,
    succeeded: SUCCESSES.has(outcome),
    error,
    resumable: readSmpUpdate(run.options.store) !== undefined,
    notes: run.notes,
    images: run.images.map((image) => ({
      image: image.image,
      file: image.file,
      version: image.version,
      hash: image.hash,
      versionBefore: saved.before[image.image] ?? null,
      state: lastView === undefined ? 'absent' : placeAtEnd(run, image, outcome),
    })),
    stats: {
      totalSeconds: meter.elapsedSeconds,
      uploadSeconds,
      bytesSent,
      bytesPerSecond: uploadSeconds > 0 && bytesSent > 0 ? bytesSent / uploadSeconds : null,
      links: run.link.made,
      resets: run.resets,
    },
  };
}

/** What was started need not be listed: by a device whose application has no image group, or of another core. */
function placeAtEnd(run: UpdateRun, image: SmpUpdateImage, outcome: SmpUpdateOutcome): SmpImagePlace {
  const place = placeIn(run.situation, image);
  const wasStarted = outcome === 'updated' || outcome === 'unverified';
  return place === 'absent' && wasStarted ? 'unlisted' : place;
}

const SUCCESSES: ReadonlySet<SmpUpdateOutcome> = new Set(['updated', 'current', 'unconfirmed', 'unverified']);

function running(): MeshError {
  return updateError('smp-update-running', 'this update is under way already', 'Wait for its end, or suspend it.');
}

function tooLate(): MeshError {
  return updateError(
    'smp-too-late',
    'the device was told to reset into the new image: that cannot be cancelled any more',
    'Wait for the end. An image that was only tested is reverted at the next reset if nobody confirms it.',
  );
}
