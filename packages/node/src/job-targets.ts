import { MeshError, type Unicast } from '@meshferry/core';
import { UpdateEffect, UpdatePhase } from '@meshferry/dfu';
import type { JobPhase, SavedTarget, TargetCheck, TargetPhase, TargetProgress } from './update-job-types.ts';

/** What a job knows of one target. */
interface Target {
  readonly address: Unicast;
  phase: TargetPhase;
  percent: number;
  effect: number | null;
  firmwareIdBefore: Uint8Array | null;
  firmwareIdAfter: Uint8Array | null;
  error: MeshError | null;
}

/** One target as an update client or a Distributor's receivers list tells it. */
export interface Retrieved {
  readonly address: Unicast;
  /** Retrieved Update Phase. */
  readonly phase: number;
  readonly progress: number;
  readonly effect?: number | undefined;
  readonly error?: MeshError | undefined;
}

/** The targets of a job, in the order of the request, and what is known of each. */
export class JobTargets {
  readonly #targets: readonly Target[];
  readonly #byAddress: ReadonlyMap<Unicast, Target>;

  /** `saved`: what an earlier run of the job had found out. */
  constructor(addresses: readonly Unicast[], saved: readonly SavedTarget[] = []) {
    this.#targets = addresses.map((address) =>
      takeUp(
        address,
        saved.find((target) => target.address === address),
      ),
    );
    this.#byAddress = new Map(this.#targets.map((target) => [target.address, target]));
  }

  /** A picture of the moment. */
  get progress(): readonly TargetProgress[] {
    return this.#targets.map((target) => ({ ...target }));
  }

  /** For the record of the job. */
  get saved(): readonly SavedTarget[] {
    return this.#targets.map(({ address, effect, firmwareIdBefore, error }) => ({
      address,
      effect,
      firmwareIdBefore,
      error: error?.toJSON() ?? null,
    }));
  }

  /** Those that the update can still go on with. */
  get taking(): readonly Unicast[] {
    return this.#targets.filter(({ error }) => error === null).map(({ address }) => address);
  }

  /** Whether any target got what was asked for. */
  get anyDone(): boolean {
    return this.#targets.some(({ phase }) => DONE.has(phase));
  }

  checked(check: TargetCheck): void {
    const target = this.#byAddress.get(check.address);
    if (target === undefined) return;
    target.firmwareIdBefore = check.firmwareId;
    target.effect = check.effect;
    if (check.accepts) target.phase = 'checked';
    else this.failed(check.address, check.error);
  }

  failed(address: Unicast, error: MeshError | null): void {
    const target = this.#byAddress.get(address);
    if (target === undefined) return;
    target.phase = 'failed';
    target.error = error;
  }

  retrieved(state: Retrieved, jobPhase: JobPhase): void {
    const target = this.#byAddress.get(state.address);
    if (target === undefined) return;
    target.percent = Math.max(target.percent, state.progress);
    target.effect = state.effect ?? target.effect;
    if (state.error !== undefined) {
      this.failed(state.address, state.error);
      return;
    }
    target.error = null;
    target.phase = phaseOf(state.phase, target.effect, jobPhase);
    if (target.phase === 'verified' || target.phase === 'applying' || DONE.has(target.phase)) target.percent = 100;
  }

  /** What a target runs now that it has applied. */
  runs(address: Unicast, firmwareId: Uint8Array): void {
    const target = this.#byAddress.get(address);
    if (target !== undefined) target.firmwareIdAfter = firmwareId;
  }

  /** A Distributor has ended: targets that were to leave the network and cannot be asked have left. */
  distributionEnded(): void {
    for (const target of this.#targets) {
      if (target.phase === 'applying' && target.effect === UpdateEffect.unprovisioned) target.phase = 'unprovisioned';
    }
  }

  /** The job is over: whoever is still on the way got nowhere that is known. */
  end(): void {
    for (const target of this.#targets) if (!ENDS.has(target.phase)) target.phase = 'unknown';
  }
}

const DONE: ReadonlySet<TargetPhase> = new Set(['applied', 'verified', 'unprovisioned']);
const ENDS: ReadonlySet<TargetPhase> = new Set([...DONE, 'failed', 'unknown']);

function takeUp(address: Unicast, saved: SavedTarget | undefined): Target {
  const error = saved?.error ?? null;
  return {
    address,
    phase: error !== null ? 'failed' : saved === undefined ? 'waiting' : 'checked',
    percent: 0,
    effect: saved?.effect ?? null,
    firmwareIdBefore: saved?.firmwareIdBefore ?? null,
    firmwareIdAfter: null,
    error: error && new MeshError(error.code, error.message, error.hint === undefined ? {} : { hint: error.hint }),
  };
}

function phaseOf(retrieved: number, effect: number | null, jobPhase: JobPhase): TargetPhase {
  switch (retrieved) {
    case UpdatePhase.transferActive:
      return jobPhase === 'starting' ? 'starting' : 'transferring';
    case UpdatePhase.verifyingUpdate:
      return 'verifying';
    case UpdatePhase.verificationSucceeded:
      return 'verified';
    case UpdatePhase.applyingUpdate:
      return jobPhase === 'confirming' ? 'confirming' : 'applying';
    case UpdatePhase.applySuccess:
      return effect === UpdateEffect.unprovisioned ? 'unprovisioned' : 'applied';
    case UpdatePhase.verificationFailed:
    case UpdatePhase.applyFailed:
    case UpdatePhase.transferCanceled:
      return 'failed';
    default:
      return jobPhase === 'starting' || jobPhase === 'checking' || jobPhase === 'uploading'
        ? 'checked'
        : 'transferring';
  }
}
