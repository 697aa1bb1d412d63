import { equal } from '@meshferry/core';
import { UpdateEffect } from '@meshferry/dfu';
import { checkTargets } from './check-targets.ts';
import type { JobWave } from './job-record.ts';
import type { JobRun } from './job-run.ts';
import { updateFromHere } from './local-update.ts';
import type { MeshNetwork } from './mesh-network.ts';
import { DistributorUpdate } from './remote-update.ts';
import type { UpdaterRole } from './roles.ts';
import type { SmpCarrierGround } from './smp-carrier.ts';

/**
 * How a wave ended: its targets have come to their ends; all fell silent; all wait for Apply; somebody cancelled it; or
 * whoever should know of it does not, so that the targets are to be asked.
 */
export type WaveEnd = 'ended' | 'suspended' | 'verified' | 'cancelled' | 'gone';

/** What updates in waves need. */
export interface WavesGround extends SmpCarrierGround {
  readonly role: UpdaterRole;
  /** Tells which targets are Low Power nodes. */
  readonly network: MeshNetwork | undefined;
  /** 64 random bits. */
  readonly blobId: () => bigint;
}

/**
 * Updates all targets that take the image: from here in one wave, through a Distributor in as many as its receivers list
 * asks for; then those again that were lost and answer by now. Gives why it stopped; `ended`: nobody is left.
 */
export async function updateInWaves(run: JobRun, ground: WavesGround): Promise<Exclude<WaveEnd, 'gone'>> {
  const { role, network } = ground;
  const { distributor } = run.request;
  const remote = distributor === undefined ? undefined : new DistributorUpdate(run, role, distributor, ground);
  for (;;) {
    const earlier = run.wave;
    const wave = earlier ?? (await nextWave(run, ground, remote));
    if (wave === undefined) return 'ended';
    const end = await (remote?.update(wave) ?? updateFromHere(run, role.update, wave, earlier === null, network));
    if (end === 'gone') await askHowItEnded(run, role, wave);
    else if (end !== 'ended') return end;
    run.endWave();
  }
}

async function nextWave(
  run: JobRun,
  { role, blobId }: WavesGround,
  remote: DistributorUpdate | undefined,
): Promise<JobWave | undefined> {
  if (run.targets.taking.length === 0) await takeUpLost(run, role);
  const { taking } = run.targets;
  if (taking.length === 0) return undefined;
  const most = remote === undefined ? taking.length : await remote.capacity(taking);
  return run.beginWave(taking.slice(0, most), blobId());
}

/** Who was lost, and answers now, takes part once more; the others keep the reason why they were lost. */
async function takeUpLost(run: JobRun, role: UpdaterRole): Promise<void> {
  const { lost } = run.targets;
  const { retries = 0, appIndex, metadata, imageIndex = 0, firmwareId } = run.request;
  if (lost.length === 0 || run.rounds >= retries) return;
  run.rounds++;
  run.enter('checking');
  await checkTargets({
    client: role.update,
    targets: lost,
    appIndex,
    imageIndex,
    metadata,
    // One that was too slow to confirm may have applied by now.
    expected: { firmwareId, skipCurrent: true, anyCompany: true },
    onChecked: (check) => {
      if (check.isCurrent === true) run.targets.reached(check.address, 'applied', check.firmwareId);
      else if (check.accepts) run.targets.takeUp(check.address);
      run.tell();
    },
  });
  run.save();
}

/** Only the targets still know: who runs the new firmware has got it, who was to leave and is silent has left. */
async function askHowItEnded(run: JobRun, role: UpdaterRole, { receivers }: JobWave): Promise<void> {
  const open = receivers.filter((address) => run.targets.get(address)?.phase === 'checked');
  const { appIndex, imageIndex = 0, firmwareId } = run.request;
  run.enter('checking');
  await checkTargets({
    client: role.update,
    targets: open,
    appIndex,
    imageIndex,
    onChecked: ({ address, firmwareId: runs, error }) => {
      if (runs !== null && equal(runs, firmwareId)) run.targets.reached(address, 'applied', runs);
      else if (error !== null && run.targets.get(address)?.effect === UpdateEffect.unprovisioned)
        run.targets.reached(address, 'unprovisioned', null);
      else if (error !== null) run.targets.failed(address, error);
      run.tell();
    },
  });
}
