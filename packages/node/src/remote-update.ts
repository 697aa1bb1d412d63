import type { Cancel, MeshError, Result } from '@meshferry/core';
import {
  applyDistribution,
  cancelDistribution,
  DistributionPhase,
  type DistributionReport,
  type Distributor,
  type FirmwareDistributionClient,
  type FirmwareDistributionStart,
  type FirmwareDistributionStatus,
  fillReceivers,
  freeDistributor,
  listedReceiverError,
  startDistribution,
  type UploadedFirmware,
  uploadFirmware,
  watchDistribution,
} from '@meshferry/dfu';
import { checkTargets } from './check-targets.ts';
import type { JobRun } from './job-run.ts';
import type { UpdaterRole } from './roles.ts';
import type { JobPhase, JobReport } from './update-job-types.ts';

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

/**
 * Updates the targets through another node: uploads the image to it, fills its receivers list, starts it, watches it,
 * and clears up [firmware-distribution.md 3]. With `resume` it goes on with what the Distributor says it is at.
 */
export async function updateThroughDistributor(
  run: JobRun,
  role: UpdaterRole,
  address: number,
  resume: boolean,
): Promise<JobReport> {
  const distributor: Distributor = { address, appIndex: run.request.appIndex, ttl: run.request.ttl ?? 0xff };
  const client = role.distribution;
  const phase = resume ? (await ask(client, distributor)).phase : Phase.idle;
  if (phase === Phase.idle || phase === Phase.completed || phase === Phase.failed)
    await prepare(run, client, distributor);
  else if (phase === Phase.transferSuspended) await start(run, client, distributor);
  let report = await watch(run, client, distributor);
  if (report.status.phase === Phase.transferSuccess && (run.request.policy ?? 'apply') === 'apply') {
    await settled<FirmwareDistributionStatus>((done) => applyDistribution(client, distributor, done));
    report = await watch(run, client, distributor);
  }
  return finish(run, role, distributor, report);
}

function ask(client: FirmwareDistributionClient, distributor: Distributor): Promise<FirmwareDistributionStatus> {
  return settled((done) => client.get(distributor, done));
}

/** From an idle Distributor to one that distributes. */
async function prepare(run: JobRun, client: FirmwareDistributionClient, distributor: Distributor): Promise<void> {
  await settled<FirmwareDistributionStatus>((done) => freeDistributor(client, distributor, done));
  run.enter('uploading');
  const { imageIndex } = await upload(run, client, distributor);
  run.remote.imageIndex = imageIndex;
  run.enter('starting');
  const receivers = run.targets.taking.map((address) => ({ address, imageIndex: 0 }));
  await settled<number>((done) => fillReceivers(client, distributor, receivers, {}, done));
  await start(run, client, distributor);
}

function upload(run: JobRun, client: FirmwareDistributionClient, distributor: Distributor): Promise<UploadedFirmware> {
  const { request } = run;
  const begun = run.remote.uploadBlobId;
  return settled<UploadedFirmware>((done) =>
    uploadFirmware(
      client,
      {
        to: distributor,
        firmwareId: request.firmwareId,
        metadata: request.metadata,
        source: run.source,
        timeoutBase: request.timeoutBase ?? 3,
        ...(begun === undefined ? {} : { blobId: begun, resume: true }),
        ...(request.settings === undefined ? {} : { settings: request.settings }),
      },
      (event) => {
        switch (event.type) {
          case 'transfer':
            run.remote.uploadBlobId = event.blobId;
            run.save();
            break;
          case 'blob':
            run.upload.take(event.event);
            run.tell();
            break;
          case 'done':
            done(event.outcome);
        }
      },
    ),
  );
}

async function start(run: JobRun, client: FirmwareDistributionClient, distributor: Distributor): Promise<void> {
  const { request } = run;
  const parameters: FirmwareDistributionStart = {
    appKeyIndex: request.appIndex,
    distributionTtl: request.ttl ?? 0xff,
    timeoutBase: request.timeoutBase ?? 3,
    transferMode: request.mode ?? 'push',
    updatePolicy: (request.policy ?? 'apply') === 'apply' ? 'verifyAndApply' : 'verifyOnly',
    imageIndex: run.remote.imageIndex ?? 0,
    multicast: request.group ?? 0,
  };
  await settled<FirmwareDistributionStatus>((done) => startDistribution(client, distributor, parameters, done));
  run.enter('transferring');
}

/** The report in which the distribution has ended, or waits for somebody. */
function watch(run: JobRun, client: FirmwareDistributionClient, distributor: Distributor): Promise<DistributionReport> {
  return new Promise((resolve, reject) => {
    watchDistribution(client, distributor, {}, (event) => {
      if (event.type === 'lost') reject(event.error);
      if (event.type !== 'report' && event.type !== 'ended') return;
      take(run, event.report);
      if (event.type === 'ended') resolve(event.report);
    });
  });
}

function take(run: JobRun, { status, receivers }: DistributionReport): void {
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

async function finish(
  run: JobRun,
  role: UpdaterRole,
  distributor: Distributor,
  report: DistributionReport,
): Promise<JobReport> {
  switch (report.status.phase) {
    case Phase.transferSuspended:
      return run.report('failed', true);
    case Phase.transferSuccess:
      return run.report('complete', true);
    case Phase.idle:
      return run.report('cancelled');
  }
  run.targets.distributionEnded();
  const updated = run.targets.progress.filter(({ phase }) => phase === 'applied').map(({ address }) => address);
  await checkTargets({
    client: role.update,
    targets: updated,
    appIndex: run.request.appIndex,
    onChecked: ({ address, firmwareId }) => {
      if (firmwareId !== null) run.targets.runs(address, firmwareId);
    },
  });
  await settled<FirmwareDistributionStatus>((done) => cancelDistribution(role.distribution, distributor, done));
  return run.report(report.status.phase === Phase.completed ? 'complete' : 'failed');
}

/** A procedure of the stack as a promise; its error rejects. */
function settled<T>(begin: (done: (outcome: Result<T, MeshError>) => void) => Cancel): Promise<T> {
  return new Promise((resolve, reject) => {
    begin((outcome) => (outcome.ok ? resolve(outcome.value) : reject(outcome.error)));
  });
}
