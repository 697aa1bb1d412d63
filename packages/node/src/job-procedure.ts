import { segmentsOfChunk } from '@meshferry/blob';
import { type MeshError, toMeshError } from '@meshferry/core';
import { checkTargets } from './check-targets.ts';
import { followEffects, type ReprovisionWay } from './job-effects.ts';
import { lacksKeys, prepareGroup, prepareKeys } from './job-prepare.ts';
import type { JobRun } from './job-run.ts';
import { tuneReception } from './job-tune.ts';
import { takeBack } from './job-undo.ts';
import { updateInWaves } from './job-waves.ts';
import type { MeshNetwork } from './mesh-network.ts';
import type { UpdaterRole } from './roles.ts';
import type { SmpCarrierGround } from './smp-carrier.ts';
import { forecastUpdate } from './update-forecast.ts';
import type { JobReport } from './update-job-types.ts';

/** What a job stands on. */
export interface JobGround extends SmpCarrierGround {
  readonly role: UpdaterRole;
  readonly network: MeshNetwork | undefined;
  readonly reprovision: ReprovisionWay | undefined;
}

/** Errors after which the job is kept, whatever it is at: another time it may go on. */
const PASSING: ReadonlySet<string> = new Set([
  'distributor-silent',
  'upload-failed',
  'upload-interrupted',
  'no-smp-way',
  'store-failed',
  'internal',
]);

/**
 * The whole procedure of an Initiator [firmware-distribution.md 3], from where the run of the job stands to its end, or to
 * where it waits for somebody. Rejects when it cannot go on; the job is over then unless its updates have begun.
 */
export async function runJob(run: JobRun, ground: JobGround): Promise<JobReport> {
  // What was prepared is being taken back already: not to be prepared again.
  const isClosing = run.phase === 'refreshing' || run.phase === 'undoing';
  try {
    const end = isClosing ? 'ended' : await updateAll(run, ground);
    if (end === 'verified' || end === 'suspended') return run.pause(end === 'verified' ? 'complete' : 'failed');
    const { network, clock, reprovision } = ground;
    if (network !== undefined) await followEffects(run, { network, clock, reprovision });
    const notUndone = await undo(run, network);
    return run.end(end === 'cancelled' ? 'cancelled' : run.targets.anyDone ? 'complete' : 'failed', notUndone);
  } catch (thrown) {
    const error = toMeshError(thrown);
    if (PASSING.has(error.code) || isUnderWay(run, ground)) throw error;
    await undo(run, ground.network);
    run.giveUp();
    throw error;
  }
}

async function updateAll(run: JobRun, ground: JobGround): ReturnType<typeof updateInWaves> {
  const { role, random, network } = ground;
  // Where nothing is to be prepared the first question goes out at once.
  if (network !== undefined && lacksKeys(run, network)) await prepareKeys(run, network);
  const begun = ground.clock.now;
  const checked = run.targets.waiting.length;
  await check(run, role);
  const checkSeconds = checked === 0 ? undefined : (ground.clock.now - begun) / 1000;
  if (network !== undefined) await prepareGroup(run, network);
  // What has begun tells by itself how it goes on.
  if (run.wave === null && run.targets.taking.length > 0) await lookAhead(run, ground, checkSeconds);
  return updateInWaves(run, {
    ...ground,
    blobId: () => new DataView(random.bytes(8).slice().buffer).getBigUint64(0),
  });
}

/** What the transfer will be like, and whether something can be done about it. */
async function lookAhead(
  run: JobRun,
  { role, clock, network }: JobGround,
  checkSeconds: number | undefined,
): Promise<void> {
  const { settings, distributor, tune = settings !== 'stock' } = run.request;
  run.enter('checking');
  const question = { ...run.request, targets: run.targets.taking, size: run.source.size, checkSeconds };
  const forecast = await forecastUpdate({ role, clock, network }, question);
  if (forecast === undefined) return;
  run.foresee(forecast);
  const { plan, outlook } = forecast;
  if (!tune || network === undefined || distributor !== undefined || !plan.byUnicast) return;
  const { eventMs = 25, receivers } = outlook;
  await tuneReception(run, network, {
    chunks: Math.ceil(run.source.size / plan.chunkSize),
    segments: Math.max(2, segmentsOfChunk(plan.chunkSize)),
    eventMs,
    lossOf: (target) => receivers.get(target)?.loss ?? 0,
  });
}

/** Whether somebody works for the job, or waits for it: the update client of this node, or the Distributor. */
function isUnderWay({ wave }: JobRun, { role }: JobGround): boolean {
  return wave !== null && (wave.begun || role.update.saved()?.blobId === wave.blobId);
}

async function check(run: JobRun, role: UpdaterRole): Promise<void> {
  const { waiting } = run.targets;
  if (waiting.length === 0) return;
  const { appIndex, imageIndex = 0, metadata, firmwareId, skipCurrent = false, anyCompany = false } = run.request;
  run.enter('checking');
  await checkTargets({
    client: role.update,
    targets: waiting,
    appIndex,
    imageIndex,
    metadata,
    expected: { firmwareId, skipCurrent, anyCompany },
    onChecked: (one) => {
      run.targets.checked(one);
      run.tell();
    },
  });
  run.save();
}

/** Whoever is killed meanwhile goes on with it. Gives why something is left. */
async function undo(run: JobRun, network: MeshNetwork | undefined): Promise<MeshError | null> {
  if (network === undefined || run.undo.length === 0) return null;
  run.enter('undoing');
  return takeBack(network, {
    get steps() {
      return run.undo;
    },
    replace: (steps) => {
      run.undo = steps;
      run.save();
    },
  });
}
