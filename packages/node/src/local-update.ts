import type { FirmwareUpdateClient, Update, UpdateEvent, UpdateParameters, UpdateRunPhase } from '@meshferry/dfu';
import type { JobWave } from './job-record.ts';
import type { JobRun } from './job-run.ts';
import type { WaveEnd } from './job-waves.ts';
import type { MeshNetwork } from './mesh-network.ts';
import { isLowPower } from './update-forecast.ts';
import type { JobPhase } from './update-job-types.ts';

const JOB_PHASE: Readonly<Record<UpdateRunPhase, JobPhase>> = {
  starting: 'starting',
  transferring: 'transferring',
  suspended: 'suspended',
  refreshing: 'verifying',
  verified: 'verified',
  applying: 'applying',
  confirming: 'confirming',
  canceling: 'cancelling',
  done: 'confirming',
};

/**
 * Updates the targets of a wave from this node, which is the Distributor. A wave of an earlier run is taken up where the
 * client's store has it; `gone` when that has nothing of it: it was never begun there, or has ended.
 */
export function updateFromHere(
  run: JobRun,
  client: FirmwareUpdateClient,
  wave: JobWave,
  isNew: boolean,
  network: MeshNetwork | undefined,
): Promise<WaveEnd> {
  const kept = client.saved();
  const saved = kept?.blobId === wave.blobId ? kept : undefined;
  if (saved === undefined && !isNew) return Promise.resolve('gone');
  const { policy = 'apply' } = run.request;
  const parameters: UpdateParameters =
    saved === undefined ? fresh(run, wave, network) : { ...saved, policy, source: run.source, resume: true };
  return new Promise((resolve, reject) => {
    const update: Update = client.update(parameters, (event) => {
      try {
        takeEvent(run, update, event);
        const end = endOf(event, policy);
        if (end === undefined) return;
        // What the client's store holds is taken up from there when somebody resumes the job.
        if (end === 'suspended' || end === 'verified') update.stop();
        resolve(end);
      } catch (thrown) {
        reject(thrown);
      }
    });
  });
}

/** All targets fell silent: the run of the job ends there. */
function endOf(event: UpdateEvent, policy: 'verify' | 'apply'): WaveEnd | undefined {
  if (event.type === 'done') return event.outcome === 'cancelled' ? 'cancelled' : 'ended';
  if (event.type !== 'phase') return undefined;
  if (event.phase === 'suspended') return 'suspended';
  return event.phase === 'verified' && policy === 'verify' ? 'verified' : undefined;
}

function fresh(
  { request, source, forecast }: JobRun,
  { receivers, blobId }: JobWave,
  network: MeshNetwork | undefined,
): UpdateParameters {
  return {
    receivers: receivers.map((address) => ({
      address,
      imageIndex: request.imageIndex ?? 0,
      ...(isLowPower(network, address) && { lowPower: true }),
    })),
    outlook: forecast?.outlook,
    appIndex: request.appIndex,
    ttl: request.ttl ?? 0xff,
    timeoutBase: request.timeoutBase ?? 3,
    ...(request.group === undefined ? {} : { group: request.group }),
    ...(request.label === undefined ? {} : { label: request.label }),
    ...(request.mode === undefined ? {} : { mode: request.mode }),
    ...(request.settings === undefined ? {} : { settings: request.settings }),
    blobId,
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
  const phase = event.type === 'done' ? 'done' : JOB_PHASE[update.phase];
  for (const receiver of update.receivers) {
    run.targets.retrieved(receiver, phase);
    if (receiver.firmwareId !== undefined) run.targets.runs(receiver.address, receiver.firmwareId);
  }
  run.tell();
}
