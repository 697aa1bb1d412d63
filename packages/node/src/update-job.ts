import { type BlobSource, sourceOf } from '@meshferry/blob';
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
import { cancelDistribution } from '@meshferry/dfu';
import { checkTargets } from './check-targets.ts';
import { JOB_RECORD, JobRun } from './job-run.ts';
import { updateFromHere } from './local-update.ts';
import { updateThroughDistributor } from './remote-update.ts';
import type { UpdaterRole } from './roles.ts';
import type { JobProgress, JobReport, SavedJob, TargetCheck, UpdatePlan, UpdateRequest } from './update-job-types.ts';

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
   * Runs the job to its end. Rejects with `job-unfinished` when the store holds one and `resume` is not set, with
   * `no-job` or `other-image` when it is and does not fit, and with what a Distributor refuses; trouble with single
   * targets is in the report. A resumed job keeps its plan: of `request` only the image counts then.
   */
  async run(request: UpdateRequest, options: RunOptions = {}): Promise<JobReport> {
    const imageSha256 = toHex(this.#options.crypto.sha256(request.image));
    const saved = this.#savedFor(imageSha256, options.resume === true);
    const { image, ...plan } = request;
    return this.#run(saved?.request ?? plan, sourceOf(image), imageSha256, saved, options.onProgress);
  }

  /** Lets targets apply that have verified the image under the policy `verify`. Rejects with `no-job`, `not-verified`. */
  async apply(onProgress?: RunOptions['onProgress']): Promise<JobReport> {
    const saved = this.#required();
    if (saved.phase !== 'verified') {
      throw new MeshError('not-verified', `the update is at "${saved.phase}": there is nothing to apply yet`, {
        hint: 'Go on with `meshferry dfu run FILE --resume` first.',
      });
    }
    const plan: UpdatePlan = { ...saved.request, policy: 'apply' };
    return this.#run(plan, spent(saved.imageSize), saved.imageSha256, saved, onProgress);
  }

  /** Gives the unfinished job up: its targets, or its Distributor, are told, then it is forgotten. Rejects with `no-job`. */
  async cancel(): Promise<void> {
    const saved = this.#required();
    const { role, store } = this.#options;
    const { distributor, appIndex } = saved.request;
    if (distributor !== undefined) {
      await new Promise<void>((resolve) => {
        cancelDistribution(role.distribution, { address: distributor, appIndex }, () => resolve());
      });
    }
    const update = role.update.saved();
    if (update !== undefined) {
      await new Promise<void>((resolve) => {
        role.update.update({ ...update, source: spent(update.size), resume: true }, () => {}).cancel(resolve);
      });
    }
    store.batch([[JOB_RECORD, null]]);
  }

  async #run(
    request: UpdatePlan,
    source: BlobSource,
    imageSha256: string,
    saved: SavedJob | undefined,
    onProgress: RunOptions['onProgress'],
  ): Promise<JobReport> {
    const { clock, store, role, random } = this.#options;
    const run = new JobRun({ clock, store, request, source, imageSha256, saved, onProgress });
    const begun = saved !== undefined && saved.phase !== 'checking';
    if (!begun) await this.#check(run);
    const { distributor } = request;
    // Whoever fell silent in an update that has begun may be back: the update itself knows who takes part.
    const known = begun && (distributor !== undefined || role.update.saved() !== undefined);
    if (!known && run.targets.taking.length === 0) return run.report('failed');
    if (distributor !== undefined) return updateThroughDistributor(run, role, distributor, begun);
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

  #required(): SavedJob {
    const saved = this.saved();
    if (saved !== undefined) return saved;
    throw new MeshError('no-job', 'there is no unfinished update', {
      hint: 'Start one with `meshferry dfu run`; --state must name the folder of the interrupted run.',
    });
  }

  #savedFor(imageSha256: string, resume: boolean): SavedJob | undefined {
    if (resume) {
      const saved = this.#required();
      if (saved.imageSha256 === imageSha256) return saved;
      throw new MeshError('other-image', 'the unfinished update is of another image', {
        hint: 'Resume with the same file, or give it up with `meshferry dfu cancel`.',
      });
    }
    const saved = this.saved();
    if (saved === undefined) return undefined;
    throw new MeshError('job-unfinished', `an update to ${toHex(saved.request.firmwareId)} was not finished`, {
      hint: 'Go on with --resume, or give it up with `meshferry dfu cancel`.',
    });
  }
}

/** An image whose transfer is over: only its size is still asked for. */
function spent(size: number): BlobSource {
  return {
    size,
    read: () => {
      throw new MeshError('image-needed', 'the image is needed to go on with the transfer', {
        hint: 'Resume with `meshferry dfu run FILE --resume`.',
      });
    },
  };
}
