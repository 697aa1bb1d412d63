import { type BlobSource, sourceOf } from '@meshferry/blob';
import {
  type AppIndex,
  type Clock,
  encodeRecord,
  MeshError,
  type Random,
  readRecord,
  type Store,
  toHex,
  type Unicast,
} from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import type { DistributionReport } from '@meshferry/dfu';
import type { SmpRoute } from '@meshferry/smp';
import { checkTargets } from './check-targets.ts';
import type { ReprovisionWay } from './job-effects.ts';
import { noImage, noJob, nothingToRetry, notVerified, otherImage, unfinishedJob } from './job-errors.ts';
import { type JobGround, runJob } from './job-procedure.ts';
import type { SavedJob } from './job-record.ts';
import { endWrites, JOB_RECORD, JobRun, LAST_RECORD, LEFT_RECORD } from './job-run.ts';
import { cancelUpdate, suspendUpdate } from './job-steering.ts';
import { takeBack, type UndoStep } from './job-undo.ts';
import type { MeshNetwork } from './mesh-network.ts';
import { askDistribution } from './remote-status.ts';
import { distributorOf } from './remote-update.ts';
import type { UpdaterRole } from './roles.ts';
import { noSmpWay } from './smp-carrier-errors.ts';
import { type ForecastQuestion, forecastUpdate, type UpdateForecast } from './update-forecast.ts';
import type { JobProgress, JobReport, TargetCheck, UpdatePlan, UpdateRequest } from './update-job-types.ts';

export interface UpdateJobOptions {
  readonly role: UpdaterRole;
  readonly clock: Clock;
  /** BLOB IDs are drawn from it. */
  readonly random: Random;
  readonly crypto: CryptoProvider;
  /** A view of its own: at most one unfinished job is in it. */
  readonly store: Store;
  /**
   * The network that the targets are in: they are given keys, bindings and the group as far as they lack them, for as long
   * as the job lasts, and its document follows what the image does to them. Default: they are as the job needs them.
   */
  readonly network?: MeshNetwork;
  /** What reaches nodes that have left the network, for requests with `reprovision`. */
  readonly reprovision?: ReprovisionWay;
  /** How the Distributor is reached by SMP, for requests with `via: 'smp'`. */
  readonly smp?: SmpRoute;
}

export interface RunOptions {
  /** Take up the unfinished job of the store. */
  readonly resume?: boolean;
  readonly onProgress?: (progress: JobProgress) => void;
}

/**
 * A firmware update as one resumable job: targets are prepared and checked, get the image from this node or another one,
 * verify, apply and confirm it, the network follows what that did to them, and what was prepared is taken back. What is
 * needed to go on in another process is in the store at any time.
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

  /** The last job, if it ended with targets that {@link UpdateJob.retry} can try again. */
  last(): SavedJob | undefined {
    return readRecord<SavedJob>(this.#options.store, LAST_RECORD);
  }

  /** Nodes with something on them that an earlier job could not take back. */
  notUndone(): readonly Unicast[] {
    return [...new Set(this.#left().map(({ node }) => node))];
  }

  /**
   * Asks the targets what they run and, with `metadata`, whether they would take the image, as that of `imageIndex`. With
   * `firmwareId`, that of the image, those of another company do not. Changes nothing.
   */
  checkTargets(
    targets: readonly Unicast[],
    appIndex: AppIndex,
    metadata?: Uint8Array,
    firmwareId?: Uint8Array,
    imageIndex = 0,
  ): Promise<TargetCheck[]> {
    const client = this.#options.role.update;
    const expected = firmwareId && { firmwareId, skipCurrent: false, anyCompany: false };
    return checkTargets({
      client,
      targets,
      appIndex,
      imageIndex,
      ...(metadata && { metadata }),
      ...(expected && { expected }),
    });
  }

  /**
   * What an update would be like: how it is sent and what it takes. Asks the targets, and surveys the radio unless `probe` is
   * false; changes nothing. Undefined when none answers, or when they have no sizes in common.
   */
  forecast(question: ForecastQuestion): Promise<UpdateForecast | undefined> {
    const { role, clock, network } = this.#options;
    return forecastUpdate({ role, clock, network }, question);
  }

  /**
   * Runs the job to its end. Rejects with `job-unfinished` when the store holds one and `resume` is not set, with
   * `no-job` or `other-image` when it is and does not fit, with `no-smp-way` when nobody has said how SMP goes, and with what a Distributor refuses or is silent to; trouble
   * with single targets is in the report. When nothing of it has begun yet, a refusal ends the job; otherwise it stays.
   * A resumed job keeps its plan: of `request` only the image counts then.
   */
  async run(request: UpdateRequest, options: RunOptions = {}): Promise<JobReport> {
    const { image, ...plan } = request;
    const imageSha256 = toHex(this.#options.crypto.sha256(image));
    const saved = options.resume === true ? this.#resumable(imageSha256) : this.#none();
    if (saved === undefined && plan.via === 'smp' && this.#options.smp === undefined) throw noSmpWay();
    return this.#run(saved?.request ?? plan, sourceOf(image), imageSha256, saved, options.onProgress);
  }

  /** Lets targets apply that have verified the image under the policy `verify`. Rejects with `no-job`, `not-verified`. */
  async apply(onProgress?: RunOptions['onProgress']): Promise<JobReport> {
    const saved = this.#required();
    if (saved.phase !== 'verified') throw notVerified(saved.phase);
    // Without the image lost targets cannot be taken up again: that is for retry.
    const plan: UpdatePlan = { ...saved.request, policy: 'apply', retries: 0 };
    return this.#run(plan, spent(saved.imageSize), saved.imageSha256, saved, onProgress);
  }

  /**
   * The last job once more, as a job of its own, for the targets that failed in it. Rejects with `nothing-to-retry`,
   * `other-image`, `job-unfinished`, and as {@link UpdateJob.run}.
   */
  async retry(image: Uint8Array, onProgress?: RunOptions['onProgress']): Promise<JobReport> {
    this.#none();
    const last = this.last();
    if (last === undefined) throw nothingToRetry();
    if (toHex(this.#options.crypto.sha256(image)) !== last.imageSha256) throw otherImage();
    const targets = last.targets.filter(({ error }) => error !== null).map(({ address }) => address);
    const open = last.targets.filter(({ phase }) => phase === 'unknown').map(({ address }) => address);
    return this.run({ ...last.request, image, targets: [...targets, ...open] }, onProgress ? { onProgress } : {});
  }

  /**
   * Pauses the transfer of the unfinished job, at its Distributor or here; the targets keep what they have. Rejects with
   * `no-job`, `nothing-to-suspend` or (its Distributor) `distributor-wrong-phase` when nothing is being transferred,
   * `suspend-failed`, `distributor-silent`.
   */
  async suspend(): Promise<void> {
    const saved = this.#required();
    await suspendUpdate(this.#options.role, saved);
    const now = this.saved();
    if (now !== undefined) this.#options.store.batch([[JOB_RECORD, encodeRecord({ ...now, phase: 'suspended' })]]);
  }

  /** What the Distributor of the unfinished job says of it. Rejects with `no-job`, `no-distributor`, `distributor-silent`. */
  async distribution(): Promise<DistributionReport> {
    const { request } = this.#required();
    if (request.distributor === undefined) {
      throw new MeshError('no-distributor', 'this process distributes the image itself', { hint: 'Look at saved().' });
    }
    return askDistribution(this.#options.role.distribution, distributorOf(request));
  }

  /**
   * Gives the unfinished job up: its targets, or its Distributor, are told, what was prepared is taken back, then it is
   * forgotten. `onlyHere`: whoever distributes is not told, because it is gone. Gives why something could not be taken
   * back; without a job what an earlier one has left is taken back. Rejects with `no-job`, `distributor-silent`.
   */
  async cancel({ onlyHere = false }: { readonly onlyHere?: boolean } = {}): Promise<MeshError | null> {
    const { role, store, network } = this.#options;
    const saved = this.saved();
    if (saved === undefined && this.#left().length === 0) throw noJob();
    if (saved !== undefined && !onlyHere) await cancelUpdate(role, saved);
    // Told already: killed from here on, what is left to do is to take back.
    if (saved !== undefined) store.batch([[LAST_RECORD, null], ...endWrites([...(saved.undo ?? [])])]);
    return network === undefined ? null : takeBack(network, this.#leftRecord());
  }

  async #run(
    request: UpdatePlan,
    source: BlobSource,
    imageSha256: string,
    saved: SavedJob | undefined,
    onProgress: RunOptions['onProgress'],
  ): Promise<JobReport> {
    const { clock, store } = this.#options;
    const left = this.#left();
    const run = new JobRun({ clock, store, request, source, imageSha256, saved, left, onProgress });
    run.begin();
    return runJob(run, this.#ground());
  }

  #ground(): JobGround {
    const { role, clock, random, network, reprovision, smp } = this.#options;
    return { role, clock, random, network, reprovision, smp };
  }

  #left(): readonly UndoStep[] {
    return readRecord<readonly UndoStep[]>(this.#options.store, LEFT_RECORD) ?? [];
  }

  #leftRecord() {
    const { store } = this.#options;
    let steps = this.#left();
    return {
      get steps() {
        return steps;
      },
      replace: (now: readonly UndoStep[]): void => {
        steps = now;
        store.batch([[LEFT_RECORD, now.length === 0 ? null : encodeRecord(now)]]);
      },
    };
  }

  #required(): SavedJob {
    const saved = this.saved();
    if (saved === undefined) throw noJob();
    return saved;
  }

  #resumable(imageSha256: string): SavedJob {
    const saved = this.#required();
    if (saved.imageSha256 !== imageSha256) throw otherImage();
    return saved;
  }

  #none(): undefined {
    const saved = this.saved();
    if (saved !== undefined) throw unfinishedJob(saved.request.firmwareId);
  }
}

/** An image whose transfer is over: only its size is still asked for. */
function spent(size: number): BlobSource {
  return {
    size,
    read: () => {
      throw noImage();
    },
  };
}
