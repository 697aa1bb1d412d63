import { MeshError, type Unicast } from '@meshferry/core';
import { UpdateEffect, UpdatePhase } from '@meshferry/dfu';
import type { SavedTarget } from './job-record.ts';
import type { JobPhase, TargetCheck, TargetPhase, TargetProgress } from './update-job-types.ts';

/** What a job knows of one target. */
interface Target {
  readonly address: Unicast;
  phase: TargetPhase;
  percent: number;
  effect: number | null;
  firmwareIdBefore: Uint8Array | null;
  firmwareIdAfter: Uint8Array | null;
  error: MeshError | null;
  notice: string | null;
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
      restored(
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

  /** For the record of the job: only how a target has ended lasts, the way there is gone through again. */
  get saved(): readonly SavedTarget[] {
    return this.#targets.map(({ address, phase, effect, firmwareIdBefore, firmwareIdAfter, error, notice }) => ({
      address,
      phase: phase === 'waiting' || ENDS.has(phase) ? phase : 'checked',
      effect,
      firmwareIdBefore,
      firmwareIdAfter,
      error: error?.toJSON() ?? null,
      notice,
    }));
  }

  /** Those that were not asked yet. */
  get waiting(): readonly Unicast[] {
    return this.#in((phase) => phase === 'waiting');
  }

  /** Those that would take the image and have not got it. */
  get taking(): readonly Unicast[] {
    return this.#in((phase) => phase === 'checked');
  }

  /** Those that have not got what was asked for. */
  get failing(): readonly Unicast[] {
    return this.#in((phase) => phase === 'failed' || phase === 'unknown');
  }

  /** Of them those that may well get it at another time: they were lost on the way, or had no time. */
  get lost(): readonly Unicast[] {
    return this.#targets
      .filter(({ phase, error }) => phase === 'failed' && error !== null && PASSING.has(error.code))
      .map(({ address }) => address);
  }

  /** Whether any target got what was asked for. */
  get anyDone(): boolean {
    return this.#targets.some(({ phase }) => DONE.has(phase));
  }

  /** One of them as it is at the moment. */
  get(address: Unicast): TargetProgress | undefined {
    const target = this.#byAddress.get(address);
    return target && { ...target };
  }

  /** It takes part (again). */
  takeUp(address: Unicast): void {
    const target = this.#byAddress.get(address);
    if (target !== undefined) Object.assign(target, { phase: 'checked', percent: 0, error: null });
  }

  /** It has what was asked for. */
  reached(address: Unicast, phase: 'applied' | 'unprovisioned', firmwareId: Uint8Array | null): void {
    const target = this.#byAddress.get(address);
    if (target === undefined) return;
    Object.assign(target, { phase, percent: 100, error: null });
    if (firmwareId !== null) target.firmwareIdAfter = firmwareId;
  }

  /** What a person should know about it; several things one after the other. */
  note(address: Unicast, notice: string): void {
    const target = this.#byAddress.get(address);
    if (target === undefined || target.notice?.includes(notice)) return;
    target.notice = target.notice === null ? notice : `${target.notice}; ${notice}`;
  }

  checked(check: TargetCheck): void {
    const target = this.#byAddress.get(check.address);
    if (target === undefined) return;
    target.firmwareIdBefore ??= check.firmwareId;
    target.effect = check.effect ?? target.effect;
    if (check.isCurrent === true) {
      this.reached(check.address, 'applied', check.firmwareId);
      this.note(check.address, 'it ran this firmware already');
    } else if (check.accepts) this.takeUp(check.address);
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
      const isApplying = target.phase === 'applying' || target.phase === 'confirming';
      if (isApplying && target.effect === UpdateEffect.unprovisioned) target.phase = 'unprovisioned';
    }
  }

  /** The job is over: whoever is still on the way got nowhere that is known. */
  end(): void {
    for (const target of this.#targets) if (!ENDS.has(target.phase)) target.phase = 'unknown';
  }

  #in(is: (phase: TargetPhase) => boolean): readonly Unicast[] {
    return this.#targets.filter(({ phase }) => is(phase)).map(({ address }) => address);
  }
}

/** Codes of errors after which it makes sense to ask again: of silence, of a lack of time, of a restart. */
const PASSING: ReadonlySet<string> = new Set([
  'no-response',
  'target-silent',
  'target-busy',
  'blob-busy',
  'target-lost-in-transfer',
  'target-left-update',
  'verification-slow',
  'apply-slow',
]);

const DONE: ReadonlySet<TargetPhase> = new Set(['applied', 'verified', 'unprovisioned']);
const ENDS: ReadonlySet<TargetPhase> = new Set([...DONE, 'failed', 'unknown']);

function restored(address: Unicast, saved: SavedTarget | undefined): Target {
  const error = saved?.error ?? null;
  return {
    address,
    phase: saved?.phase ?? 'waiting',
    percent: saved !== undefined && DONE.has(saved.phase) ? 100 : 0,
    effect: saved?.effect ?? null,
    firmwareIdBefore: saved?.firmwareIdBefore ?? null,
    firmwareIdAfter: saved?.firmwareIdAfter ?? null,
    error: error && new MeshError(error.code, error.message, error.hint === undefined ? {} : { hint: error.hint }),
    notice: saved?.notice ?? null,
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
      return BEFORE_TRANSFER.has(jobPhase) ? 'checked' : 'transferring';
  }
}

const BEFORE_TRANSFER: ReadonlySet<JobPhase> = new Set(['preparing', 'checking', 'uploading', 'starting']);
