import { formatAddress, MeshError, type Unicast } from '@meshferry/core';
import {
  applyDistribution,
  DistributionPhase,
  type DistributionReport,
  type Distributor,
  distributionPhaseName,
  type FirmwareDistributionCapabilitiesStatus,
  type FirmwareDistributionStart,
  type FirmwareDistributionStatus,
  fillReceivers,
  freeDistributor,
  listedReceiverError,
  startDistribution,
  watchDistribution,
} from '@meshferry/dfu';
import { checkTargets } from './check-targets.ts';
import { bringImage, carrierOf } from './image-carrier.ts';
import { blobCapabilitiesOf, modeFor } from './job-mode.ts';
import type { JobWave, SavedJob } from './job-record.ts';
import type { JobRun } from './job-run.ts';
import { settled } from './job-settled.ts';
import type { WaveEnd } from './job-waves.ts';
import type { UpdaterRole } from './roles.ts';
import type { SmpCarrierGround } from './smp-carrier.ts';
import type { JobPhase, UpdatePlan } from './update-job-types.ts';

const Phase = DistributionPhase;

const JOB_PHASE: Readonly<Record<number, JobPhase>> = {
  [Phase.transferActive]: 'transferring',
  [Phase.transferSuccess]: 'verified',
  [Phase.applyingUpdate]: 'applying',
  [Phase.cancelingUpdate]: 'cancelling',
  [Phase.transferSuspended]: 'suspended',
  [Phase.completed]: 'confirming',
  [Phase.failed]: 'confirming',
};

/** How a job speaks to its Distributor. */
export function distributorOf({ distributor = 0, appIndex, ttl }: UpdatePlan): Distributor {
  return { address: distributor, appIndex, ttl: ttl ?? 0xff };
}

/** What makes a distribution that of a job. */
type Identity = Pick<SavedJob, 'request' | 'remote'>;

/** Whether what a Distributor is at has the parameters of the job. */
export function isOurDistribution(job: Identity, wave: JobWave, now: FirmwareDistributionStatus): boolean {
  const { multicast: _, ...parameters } = parametersOf(job, wave);
  const names = Object.keys(parameters) as (keyof typeof parameters)[];
  return names.every((name) => now[name] === parameters[name]) && now.multicastAddress === (job.request.group ?? 0);
}

function parametersOf({ request, remote }: Identity, { policy }: JobWave): FirmwareDistributionStart {
  return {
    appKeyIndex: request.appIndex,
    distributionTtl: request.ttl ?? 0xff,
    timeoutBase: request.timeoutBase ?? 3,
    transferMode: request.mode ?? remote.mode ?? 'push',
    updatePolicy: policy === 'apply' ? 'verifyAndApply' : 'verifyOnly',
    imageIndex: remote.imageIndex ?? 0,
    multicast: request.label ?? request.group ?? 0,
  };
}

/**
 * Updates targets through another node: uploads the image to it, fills its receivers list, starts it, watches it, and
 * clears up [firmware-distribution.md 3]. All that matters is in the Distributor: whoever comes back goes on with what that
 * says it is at, also when it has ended meanwhile.
 */
export class DistributorUpdate {
  readonly #run: JobRun;
  readonly #role: UpdaterRole;
  readonly #to: Distributor;
  readonly #ground: SmpCarrierGround;

  constructor(run: JobRun, role: UpdaterRole, distributor: Unicast, ground: SmpCarrierGround) {
    this.#run = run;
    this.#role = role;
    this.#ground = ground;
    this.#to = distributorOf({ ...run.request, distributor });
  }

  /** How many of the targets one distribution can take. Rejects with `too-many-to-verify` when they need several. */
  async capacity(targets: readonly Unicast[]): Promise<number> {
    const client = this.#role.distribution;
    const { maxReceiversCount } = await settled<FirmwareDistributionCapabilitiesStatus>((done) =>
      client.capabilitiesGet(this.#to, done),
    );
    const most = Math.max(1, maxReceiversCount);
    if (targets.length > most && (this.#run.request.policy ?? 'apply') === 'verify')
      throw tooManyToVerify(this.#to.address, targets.length, most);
    await this.#chooseMode(targets);
    return most;
  }

  /** `gone` when the Distributor is idle although the wave was begun: it never heard of it, or somebody cancelled it. */
  async update(wave: JobWave): Promise<WaveEnd> {
    const client = this.#role.distribution;
    if (!wave.ended) {
      if (!wave.begun) await this.#begin(wave);
      else {
        const now = await settled<FirmwareDistributionStatus>((done) => client.get(this.#to, done));
        if (now.phase === Phase.idle) return 'gone';
        if (!isOurDistribution(this.#run, wave, now)) throw occupied(this.#to.address, now.phase);
        if (now.phase === Phase.transferSuspended) await this.#start(wave);
      }
      const end = await this.#follow(wave);
      if (end !== 'ended') return end;
      wave.ended = true;
      this.#run.save();
    }
    await this.#clear();
    return 'ended';
  }

  /** From an idle Distributor to one that distributes. */
  async #begin(wave: JobWave): Promise<void> {
    const run = this.#run;
    const client = this.#role.distribution;
    await settled<FirmwareDistributionStatus>((done) => freeDistributor(client, this.#to, done));
    run.enter('uploading');
    run.remote.imageIndex = await bringImage(run, client, this.#to, carrierOf(run, this.#ground));
    run.enter('starting');
    const imageIndex = run.request.imageIndex ?? 0;
    const receivers = wave.receivers.map((address) => ({ address, imageIndex }));
    await settled<number>((done) => fillReceivers(client, this.#to, receivers, {}, done));
    wave.begun = true;
    run.save();
    await this.#start(wave);
  }

  async #start(wave: JobWave): Promise<void> {
    const { distribution } = this.#role;
    const parameters = parametersOf(this.#run, wave);
    await settled<FirmwareDistributionStatus>((done) => startDistribution(distribution, this.#to, parameters, done));
    this.#run.enter('transferring');
  }

  /** To the end of the distribution, or to where it waits for somebody. */
  async #follow(wave: JobWave): Promise<WaveEnd> {
    const report = await this.#watch(wave);
    switch (report.status.phase) {
      case Phase.idle:
        return 'cancelled';
      case Phase.transferSuspended:
        return 'suspended';
      case Phase.transferSuccess: {
        if ((this.#run.request.policy ?? 'apply') === 'verify') return 'verified';
        const { distribution } = this.#role;
        await settled<FirmwareDistributionStatus>((done) => applyDistribution(distribution, this.#to, done));
        return this.#follow(wave);
      }
    }
    this.#run.targets.distributionEnded();
    await this.#askWhatTheyRun(wave);
    return 'ended';
  }

  /** The report in which the distribution has ended, or waits for somebody. */
  #watch(wave: JobWave): Promise<DistributionReport> {
    return new Promise((resolve, reject) => {
      const stop = watchDistribution(this.#role.distribution, this.#to, {}, (event) => {
        if (event.type === 'lost') reject(event.error);
        if (event.type !== 'report' && event.type !== 'ended') return;
        try {
          this.#take(wave, event.report);
          if (event.type === 'ended') resolve(event.report);
        } catch (thrown) {
          stop();
          reject(thrown);
        }
      });
    });
  }

  #take(wave: JobWave, { status, receivers }: DistributionReport): void {
    const run = this.#run;
    const own = new Set(wave.receivers);
    if (receivers.length !== own.size || receivers.some(({ address }) => !own.has(address)))
      throw occupied(this.#to.address, status.phase);
    const phase = JOB_PHASE[status.phase];
    if (phase !== undefined) run.enter(phase);
    const timeoutBase = run.request.timeoutBase ?? 3;
    let slowest = 100;
    for (const receiver of receivers) {
      const error = listedReceiverError(receiver, timeoutBase);
      const { address, retrievedUpdatePhase, transferProgress } = receiver;
      run.targets.retrieved({ address, phase: retrievedUpdatePhase, progress: transferProgress, error }, run.phase);
      if (error === undefined) slowest = Math.min(slowest, transferProgress);
    }
    run.transfer.reach(slowest);
    run.save();
    run.tell();
  }

  /** The list does not tell the firmware id. */
  async #askWhatTheyRun({ receivers }: JobWave): Promise<void> {
    const { targets, request } = this.#run;
    await checkTargets({
      client: this.#role.update,
      targets: receivers.filter((address) => targets.get(address)?.phase === 'applied'),
      appIndex: request.appIndex,
      imageIndex: request.imageIndex ?? 0,
      onChecked: ({ address, firmwareId }) => {
        if (firmwareId !== null) targets.runs(address, firmwareId);
      },
    });
  }

  /** Its report is taken: it is free for the next. Somebody may have taken it already. */
  async #clear(): Promise<void> {
    const client = this.#role.distribution;
    await settled<FirmwareDistributionStatus>((done) => freeDistributor(client, this.#to, done)).catch((thrown) => {
      if (!(thrown instanceof MeshError && thrown.code === 'distributor-busy')) throw thrown;
    });
  }

  async #chooseMode(targets: readonly Unicast[]): Promise<void> {
    const { request, remote } = this.#run;
    if (request.mode !== undefined || remote.mode !== undefined) return;
    remote.mode = modeFor(await blobCapabilitiesOf(this.#role.blob, targets, request.appIndex));
  }
}

function occupied(address: Unicast, phase: number): MeshError {
  const message = `Distributor ${formatAddress(address)} is busy with something else: ${distributionPhaseName(phase)}`;
  return new MeshError('distributor-busy', message, {
    hint: 'Somebody else has begun another distribution. Wait until it ends, then resume; or give this update up.',
  });
}

function tooManyToVerify(address: Unicast, targets: number, most: number): MeshError {
  return new MeshError(
    'too-many-to-verify',
    `Distributor ${formatAddress(address)} takes ${most} of the ${targets} targets at a time, and all wait for Apply`,
    { hint: `Verify ${most} targets at most (--targets), or let them apply at once (--policy apply).` },
  );
}
