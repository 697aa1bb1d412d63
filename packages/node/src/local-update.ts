import type { Random } from '@meshferry/core';
import type { FirmwareUpdateClient, Update, UpdateEvent, UpdateParameters, UpdateRunPhase } from '@meshferry/dfu';
import type { JobRun } from './job-run.ts';
import type { JobPhase, JobReport } from './update-job-types.ts';

const JOB_PHASE: Readonly<Record<UpdateRunPhase, JobPhase>> = {
  starting: 'starting',
  transferring: 'transferring',
  suspended: 'suspended',
  refreshing: 'verifying',
  verified: 'verified',
  applying: 'applying',
  confirming: 'confirming',
  canceling: 'cancelling',
  done: 'done',
};

/** Updates the targets from this node, which is the Distributor; `resume` takes up what the client's store holds. */
export function updateFromHere(
  run: JobRun,
  client: FirmwareUpdateClient,
  random: Random,
  resume: boolean,
): Promise<JobReport> {
  return new Promise((resolve) => {
    const saved = resume ? client.saved() : undefined;
    const parameters = saved === undefined ? fresh(run, random) : { ...saved, source: run.source, resume: true };
    const finish = (outcome: JobReport['outcome'], resumable = false): void => {
      if (resumable) update.stop();
      resolve(run.report(outcome, resumable));
    };
    const update: Update = client.update(parameters, (event) => {
      takeEvent(run, update, event);
      if (event.type === 'done') finish(event.outcome);
      if (event.type !== 'phase') return;
      // All targets fell silent: the job ends here, and goes on from here when somebody resumes it.
      if (event.phase === 'suspended') finish('failed', true);
      if (event.phase !== 'verified') return;
      if ((run.request.policy ?? 'apply') === 'apply') update.apply();
      else finish('complete', true);
    });
  });
}

function fresh(run: JobRun, random: Random): UpdateParameters {
  const { request, source } = run;
  return {
    receivers: run.targets.taking.map((address) => ({ address, imageIndex: 0 })),
    appIndex: request.appIndex,
    ttl: request.ttl ?? 0xff,
    timeoutBase: request.timeoutBase ?? 3,
    ...(request.group === undefined ? {} : { group: request.group }),
    ...(request.mode === undefined ? {} : { mode: request.mode }),
    ...(request.settings === undefined ? {} : { settings: request.settings }),
    blobId: new DataView(random.bytes(8).buffer).getBigUint64(0),
    metadata: request.metadata,
    firmwareId: request.firmwareId,
    policy: request.policy ?? 'apply',
    source,
  };
}

function takeEvent(run: JobRun, update: Update, event: UpdateEvent): void {
  if (event.type === 'phase') run.enter(JOB_PHASE[event.phase]);
  if (event.type === 'blob') {
    run.transfer.take(event.event);
    if (event.event.type === 'block') run.save();
    if (event.event.type === 'chunks') return;
  }
  for (const receiver of update.receivers) {
    run.targets.retrieved(receiver, event.type === 'done' ? 'done' : JOB_PHASE[update.phase]);
    if (receiver.firmwareId !== undefined) run.targets.runs(receiver.address, receiver.firmwareId);
  }
  run.tell();
}
