import type { Model } from '@meshferry/access';
import { type BlobClient, type BlobEvent, type BlobSource, BlobStatus, type RadioOutlook } from '@meshferry/blob';
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
import { UpdateLedger } from './update-ledger.ts';
import { holdsUpdate, isActive, type MutableReceiver, needsImage, revive } from './update-receivers.ts';
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
  /** What is known of the radio before the transfer. */
  readonly outlook?: RadioOutlook | undefined;
  /** The update has ended or was stopped. */
  released(): void;
}

/** One update of many targets [firmware-update.md, section 5]: the steps in order; each takes along whom the last one left. */
export class UpdateRun implements Update {
  readonly #ground: UpdateGround;
  readonly #ledger: UpdateLedger;
  readonly #transfer: UpdateTransfer;
  readonly #steps: UpdateSteps;
  readonly #byAddress: ReadonlyMap<Unicast, MutableReceiver>;
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
    const { store, log, listener, clock } = ground;
    const failed = (error: MeshError): void => this.#halt(error);
    this.#ground = ground;
    this.#ledger = new UpdateLedger(
      { store, log, listener, failed },
      plan,
      source.size,
      savedPhase ?? 'starting',
      receivers,
    );
    this.#transfer = new UpdateTransfer(ground.blob, source, savedPhase !== undefined, ground.outlook);
    this.#byAddress = new Map(receivers.map((receiver) => [receiver.address, receiver]));
    this.#steps = new UpdateSteps(
      plan,
      clientTimeout(plan.timeoutBase, plan.ttl === 0xff ? ground.defaultTtl : plan.ttl),
    );
    const first = clock.after(0, () => this.#begin());
    this.#stopStep = () => first.cancel();
  }

  get phase(): UpdateRunPhase {
    return this.#ledger.phase;
  }

  get receivers(): readonly MutableReceiver[] {
    return this.#ledger.receivers;
  }

  suspend(): boolean {
    if (this.phase !== 'transferring') return false;
    this.#transfer.drop();
    this.#enter('suspended');
    return true;
  }

  resume(): boolean {
    if (this.phase !== 'suspended') return false;
    this.#ledger.unsuspend();
    this.#begin();
    return true;
  }

  apply(): boolean {
    switch (this.phase) {
      case 'starting':
      case 'transferring':
      case 'suspended':
      case 'refreshing':
        this.#ledger.changePlan({ policy: 'apply' });
        return true;
      case 'verified':
        this.#applyNext();
        return true;
      default:
        return false;
    }
  }

  cancel(done?: () => void): void {
    if (this.phase === 'done') {
      done?.();
      return;
    }
    if (done !== undefined) this.#cancelled.push(done);
    if (this.phase !== 'canceling') this.#cancelAll();
  }

  stop(): void {
    if (this.phase === 'done') return;
    this.#ledger.close();
    this.#stopStep();
    this.#transfer.drop();
    this.#ground.released();
  }

  #begin(): void {
    const phase = this.phase;
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
      this.#transfer.start(this.#ledger.plan, active, (event) => this.#blobEvent(event));
    } catch (thrown) {
      this.#halt(toMeshError(thrown));
    }
  }

  #blobEvent(event: BlobEvent): void {
    if (this.phase !== 'transferring') return;
    if (!this.#takeTransfer(event)) return;
    this.#ground.listener({ type: 'blob', event });
    if (this.phase !== 'transferring') return;
    if (event.type === 'done') this.#refresh();
    else if (event.type === 'suspended') this.#onBlobSuspended(event.error);
  }

  /** False when it has changed the course. */
  #takeTransfer(event: BlobEvent): boolean {
    for (const [receiver, verdict] of this.#transfer.take(event, this.#byAddress)) {
      this.#ledger.change(receiver, verdict, () => {});
      if (this.phase !== 'transferring') return false;
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
    if (this.#enter('verified') && this.#ledger.plan.policy === 'apply') this.#applyNext();
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
    this.#ledger.finish();
    this.#ground.log('info', `firmware update ${outcome}`);
    this.#ground.released();
    this.#ground.listener({ type: 'phase', phase: 'done' });
    this.#ground.listener({ type: 'done', outcome });
    for (const done of this.#cancelled) done();
  }

  #step<T, R>(step: UpdateStep<T, R>, receivers: readonly MutableReceiver[], ended: () => void): void {
    const { model, clock, random } = this.#ground;
    const { appIndex, ttl } = this.#ledger.plan;
    this.#stopStep = runUpdateStep(step, {
      model,
      clock,
      random,
      to: { appIndex, ttl },
      receivers,
      change: (receiver, verdict, take) => this.#ledger.change(receiver, verdict, take),
      ended,
      failed: (error) => this.#halt(error),
    });
  }

  #active(): MutableReceiver[] {
    return this.receivers.filter(isActive);
  }

  /** Ends what runs and goes over to another phase; false as of the ledger. */
  #enter(phase: UpdateRunPhase): boolean {
    this.#stopStep();
    return this.#ledger.enter(phase);
  }

  /** This node cannot send or store any more. No target is to blame: the update rests where it stands. */
  #halt(error: MeshError): void {
    if (this.phase === 'canceling') {
      this.#end('cancelled');
      return;
    }
    this.#stopStep();
    this.#transfer.drop();
    this.#ledger.halt(error);
  }
}
