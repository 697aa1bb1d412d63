import {
  type AppIndex,
  type Clock,
  MeshError,
  type Random,
  readRecord,
  type Store,
  toHex,
  type Unicast,
} from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import { checkTargets } from './check-targets.ts';
import { JOB_RECORD, JobRun } from './job-run.ts';
import { updateFromHere } from './local-update.ts';
import type { UpdaterRole } from './roles.ts';
import type { JobProgress, JobReport, SavedJob, TargetCheck, UpdateRequest } from './update-job-types.ts';

export interface UpdateJobOptions {
  readonly role: UpdaterRole;
  readonly clock: Clock;
  /** BLOB IDs are drawn from it. */
  readonly random: Random;
  readonly crypto: CryptoProvider;
  /** A view of its own: at most one unfinished job is in it. */
  readonly store: Store;
}

export interface RunOptions {
  /** Take up the unfinished job of the store. */
  readonly resume?: boolean;
  readonly onProgress?: (progress: JobProgress) => void;
}

/**
 * A firmware update as one resumable job, from the check of the targets to the confirmation of what they run then;
 * this node distributes, or another one does. What is needed to go on in another process is in the store at any time.
 */
export class UpdateJob {
  readonly #options: UpdateJobOptions;

  constructor(options: UpdateJobOptions) {
    this.#options = options;
  }

  /** The unfinished job of the store. */
  saved(): SavedJob | undefined {
    return readRecord<SavedJob>(this.#options.store, JOB_RECORD);
  }

  /** Asks the targets what they run and, with `metadata`, whether they would take the image. Changes nothing. */
  checkTargets(targets: readonly Unicast[], appIndex: AppIndex, metadata?: Uint8Array): Promise<TargetCheck[]> {
    const client = this.#options.role.update;
    return checkTargets({ client, targets, appIndex, ...(metadata && { metadata }) });
  }

  /**
   * Runs the job to its end. Rejects with `job-unfinished` when the store holds one and `resume` is not set, `no-job`
   * or `other-image` when it is and does not fit; trouble with single targets is in the report.
   */
  async run(request: UpdateRequest, options: RunOptions = {}): Promise<JobReport> {
    const { clock, crypto, store, role, random } = this.#options;
    const saved = this.#savedFor(request, options.resume === true);
    const run = new JobRun({ clock, crypto, store, request, saved, onProgress: options.onProgress });
    const begun = saved !== undefined && saved.phase !== 'checking';
    if (!begun) await this.#check(run);
    if (run.targets.taking.length === 0) return run.report('failed');
    return updateFromHere(run, role.update, random, begun);
  }

  async #check(run: JobRun): Promise<void> {
    const { request } = run;
    run.save();
    run.tell();
    await checkTargets({
      client: this.#options.role.update,
      targets: request.targets,
      appIndex: request.appIndex,
      metadata: request.metadata,
      onChecked: (check) => {
        run.targets.checked(check);
        run.tell();
      },
    });
  }

  #savedFor(request: UpdateRequest, resume: boolean): SavedJob | undefined {
    const saved = this.saved();
    if (!resume) {
      if (saved === undefined) return undefined;
      throw new MeshError('job-unfinished', `an update to ${toHex(saved.request.firmwareId)} was not finished`, {
        hint: 'Go on with --resume, or give it up with `meshferry dfu cancel`.',
      });
    }
    if (saved === undefined) {
      throw new MeshError('no-job', 'there is no unfinished update to resume', {
        hint: 'Start one without --resume; --state must name the folder of the interrupted run.',
      });
    }
    if (saved.imageSha256 !== toHex(this.#options.crypto.sha256(request.image))) {
      throw new MeshError('other-image', 'the unfinished update is of another image', {
        hint: 'Resume with the same file, or give it up with `meshferry dfu cancel`.',
      });
    }
    return saved;
  }
}
