import type { Model } from '@meshferry/access';
import { type BlobClient, type BlobEvent, type BlobSource, BlobStatus } from '@meshferry/blob';
import {
  type Cancel,
  type Clock,
  type Log,
  type MeshError,
  type Random,
  toMeshError,
  type Unicast,
} from '@meshferry/core';
import { UpdatePhase } from './update-codes.ts';
import type { Verdict } from './update-judgment.ts';
import {
  holdsUpdate,
  isActive,
  type MutableReceiver,
  needsImage,
  outline,
  revive,
  takeVerdict,
} from './update-receivers.ts';
import { runUpdateStep, type UpdateStep } from './update-step.ts';
import { clientTimeout, UpdateSteps } from './update-steps.ts';
import type { UpdateStore } from './update-store.ts';
import { UpdateTransfer } from './update-transfer.ts';
import type { Update, UpdateEvent, UpdatePlan, UpdateRunPhase } from './update-types.ts';

/** What an update stands on. */
export interface UpdateGround {
  readonly clock: Clock;
  readonly random: Random;
  readonly model: Model;
  readonly blob: BlobClient;
  readonly store: UpdateStore;
  readonly log: Log;
  /** For the time-outs of a plan with TTL 0xFF. */
  readonly defaultTtl: number;
  readonly listener: (event: UpdateEvent) => void;
  /** The update has ended or was stopped. */
  released(): void;
}

/** One update of many targets [firmware-update.md, section 5]: the steps in order; each takes along whom the last one left. */
export class UpdateRun implements Update {
  readonly receivers: readonly MutableReceiver[];
  readonly #ground: UpdateGround;
  readonly #transfer: UpdateTransfer;
  readonly #steps: UpdateSteps;
  readonly #byAddress: ReadonlyMap<Unicast, MutableReceiver>;
  #plan: UpdatePlan;
  #phase: UpdateRunPhase;
  /** Where a suspension goes on that this node's own trouble has caused. */
  #haltedIn: UpdateRunPhase | undefined;
  /** Ends the step that runs. */
  #stopStep: Cancel;
  readonly #cancelled: (() => void)[] = [];

  /** `savedPhase`: where the update was that is resumed. Nothing is sent before the constructor has returned. */
  constructor(
    ground: UpdateGround,
    plan: UpdatePlan,
    source: BlobSource,
    receivers: readonly MutableReceiver[],
    savedPhase: UpdateRunPhase | undefined,
  ) {
    this.#ground = ground;
    this.#plan = plan;
    this.#transfer = new UpdateTransfer(ground.blob, source, savedPhase !== undefined);
    this.receivers = receivers;
    this.#byAddress = new Map(receivers.map((receiver) => [receiver.address, receiver]));
    this.#phase = savedPhase ?? 'starting';
    this.#steps = new UpdateSteps(
      plan,
      clientTimeout(plan.timeoutBase, plan.ttl === 0xff ? ground.defaultTtl : plan.ttl),
    );
    const first = ground.clock.after(0, () => this.#begin());
    this.#stopStep = () => first.cancel();
  }

  get phase(): UpdateRunPhase {
    return this.#phase;
  }

  suspend(): boolean {
    if (this.#phase !== 'transferring') return false;
    this.#transfer.drop();
    this.#enter('suspended');
    return true;
  }

  resume(): boolean {
    if (this.#phase !== 'suspended') return false;
    this.#phase = this.#haltedIn ?? 'suspended';
    this.#haltedIn = undefined;
    this.#begin();
    return true;
  }

  apply(): boolean {
    switch (this.#phase) {
      case 'starting':
      case 'transferring':
      case 'suspended':
      case 'refreshing':
        this.#plan = { ...this.#plan, policy: 'apply' };
        this.#durably(() => this.#save(this.#haltedIn ?? this.#phase));
        return true;
      case 'verified':
        this.#applyNext();
        return true;
      default:
        return false;
    }
  }

  cancel(done?: () => void): void {
    if (this.#phase === 'done') {
      done?.();
      return;
    }
    if (done !== undefined) this.#cancelled.push(done);
    if (this.#phase !== 'canceling') this.#cancelAll();
  }

  stop(): void {
    if (this.#phase === 'done') return;
    this.#phase = 'done';
    this.#stopStep();
    this.#transfer.drop();
    this.#ground.released();
  }

  #begin(): void {
    const phase = this.#phase;
    if (phase === 'refreshing') this.#refresh();
    else if (phase === 'verified') this.#verified();
    else if (phase === 'applying' || phase === 'confirming') this.#applyNext();
    else if (phase === 'canceling') this.#cancelAll();
    else this.#start();
  }

  /** Step 1, also of a resumption: those lost by silence come back. */
  #start(): void {
    for (const receiver of this.receivers) if (receiver.timedOut) revive(receiver);
    if (!this.#enter('starting')) return;
    this.#step(this.#steps.start(), this.#active(), () => this.#send());
  }

  /** Steps 2 and 3, without those that have the image already. */
  #send(): void {
    const active = this.#active();
    if (!active.some(needsImage)) {
      this.#refresh();
      return;
    }
    if (!this.#enter('transferring')) return;
    try {
      this.#transfer.start(this.#plan, active, (event) => this.#blobEvent(event));
    } catch (thrown) {
      this.#halt(toMeshError(thrown));
    }
  }

  #blobEvent(event: BlobEvent): void {
    if (this.#phase !== 'transferring') return;
    if (event.type !== 'chunks' && !this.#takeTransfer(event)) return;
    this.#ground.listener({ type: 'blob', event });
    if (this.#phase !== 'transferring') return;
    if (event.type === 'done') this.#refresh();
    else if (event.type === 'suspended') this.#onBlobSuspended(event.error);
  }

  /** False when it has changed the course. */
  #takeTransfer(event: BlobEvent): boolean {
    const failed = event.type === 'done' && event.outcome !== 'complete';
    for (const [receiver, verdict] of this.#transfer.take(this.#byAddress, failed)) {
      this.#change(receiver, verdict, () => {});
      if (this.#phase !== 'transferring') return false;
    }
    return true;
  }

  /** All that took part fell silent, or nothing can be sent any more. Those that have the image do not wait for them. */
  #onBlobSuspended(error: MeshError | undefined): void {
    if (error !== undefined) {
      this.#halt(error);
      return;
    }
    this.#transfer.drop();
    const active = this.#active();
    if (active.length > 0 && !active.some(needsImage)) this.#refresh();
    else this.#enter('suspended');
  }

  /** Step 4. */
  #refresh(): void {
    const active = this.#active();
    if (active.length === 0) this.#finish();
    else if (this.#enter('refreshing')) this.#step(this.#steps.refresh(), active, () => this.#verified());
  }

  #verified(): void {
    const active = this.#active();
    if (active.length === 0) {
      this.#finish();
      return;
    }
    for (const receiver of active) Object.assign(receiver, { progress: 100, transferStatus: BlobStatus.success });
    if (this.#enter('verified') && this.#plan.policy === 'apply') this.#applyNext();
  }

  /** Steps 5 and 6 for the other nodes, then for this one: its Apply may end this process [5.1]. */
  #applyNext(): void {
    const active = this.#active();
    const others = active.filter(({ self }) => self !== true);
    const wave = others.length > 0 ? others : active;
    if (wave.length === 0) {
      this.#finish();
      return;
    }
    if (!this.#enter('applying')) return;
    this.#step(this.#steps.apply(), wave, () => {
      if (!this.#enter('confirming')) return;
      this.#step(this.#steps.confirm(), wave.filter(isActive), () => this.#applyNext());
    });
  }

  #cancelAll(): void {
    // Each Firmware Update Server cancels the BLOB transfer under it.
    this.#transfer.drop();
    if (!this.#enter('canceling')) return;
    this.#step(this.#steps.cancel(), this.receivers.filter(holdsUpdate), () => this.#end('cancelled'));
  }

  #finish(): void {
    this.#end(this.receivers.some(({ phase }) => phase === UpdatePhase.applySuccess) ? 'complete' : 'failed');
  }

  #end(outcome: 'complete' | 'failed' | 'cancelled'): void {
    this.#stopStep();
    this.#phase = 'done';
    this.#durably(() => this.#ground.store.clear());
    this.#ground.log('info', `firmware update ${outcome}`);
    this.#ground.released();
    this.#ground.listener({ type: 'phase', phase: 'done' });
    this.#ground.listener({ type: 'done', outcome });
    for (const done of this.#cancelled) done();
  }

  #step<T, R>(step: UpdateStep<T, R>, receivers: readonly MutableReceiver[], ended: () => void): void {
    const { model, clock, random } = this.#ground;
    const { appIndex, ttl } = this.#plan;
    this.#stopStep = runUpdateStep(step, {
      model,
      clock,
      random,
      to: { appIndex, ttl },
      receivers,
      change: (receiver, verdict, take) => this.#change(receiver, verdict, take),
      ended,
      failed: (error) => this.#halt(error),
    });
  }

  /** Takes down what is new of a receiver; durable before it is told. */
  #change(receiver: MutableReceiver, verdict: Verdict, take: () => void): void {
    const before = outline(receiver);
    take();
    takeVerdict(receiver, verdict);
    if (receiver.phase === UpdatePhase.applySuccess) receiver.firmwareId = this.#plan.firmwareId;
    if (outline(receiver) === before) return;
    if (!this.#durably(() => this.#ground.store.saveReceiver(receiver))) return;
    if (verdict.kind === 'fail') this.#ground.log('warn', verdict.error.message);
    this.#ground.listener({ type: 'receiver', receiver });
  }

  #active(): MutableReceiver[] {
    return this.receivers.filter(isActive);
  }

  /**
   * Ends what runs and goes over to another phase; durable before it is told. False when the course has changed: the
   * listener has cancelled, stopped or applied, or the store has failed.
   */
  #enter(phase: UpdateRunPhase): boolean {
    this.#stopStep();
    this.#phase = phase;
    if (!this.#durably(() => this.#save(phase))) return false;
    this.#ground.listener({ type: 'phase', phase });
    return this.#phase === phase;
  }

  #save(phase: UpdateRunPhase): void {
    this.#ground.store.save(this.#plan, this.#transfer.size, phase, this.receivers);
  }

  /**
   * Whether the store took it, or it does not matter: what is not taken must not be relied upon, but a cancelled update is
   * cancelled again, and one that has ended finds out so.
   */
  #durably(write: () => void): boolean {
    try {
      write();
      return true;
    } catch (thrown) {
      const error = toMeshError(thrown);
      if (this.#phase !== 'canceling' && this.#phase !== 'done') {
        this.#halt(error);
        return false;
      }
      this.#ground.log('error', 'the end of the firmware update could not be stored', error.toJSON());
      return true;
    }
  }

  /**
   * This node cannot send or store any more. No target is to blame: the update rests where it stands, and goes on from
   * there when it is resumed, here or by another process.
   */
  #halt(error: MeshError): void {
    if (this.#phase === 'canceling') {
      this.#end('cancelled');
      return;
    }
    this.#ground.log('error', 'the firmware update is suspended', error.toJSON());
    this.#stopStep();
    this.#transfer.drop();
    this.#haltedIn = this.#phase === 'suspended' ? this.#haltedIn : this.#phase;
    this.#phase = 'suspended';
    this.#ground.listener({ type: 'phase', phase: 'suspended', error });
  }
}
