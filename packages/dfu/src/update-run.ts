import type { Model } from '@meshferry/access';
import { type BlobClient, type BlobEvent, type BlobSource, BlobStatus, type BlobTransfer } from '@meshferry/blob';
import type { Cancel, Clock, Log, Random, Unicast } from '@meshferry/core';
import { UpdatePhase } from './update-codes.ts';
import { judgeTransferLoss, type Verdict } from './update-judgment.ts';
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
  readonly #source: BlobSource;
  readonly #steps: UpdateSteps;
  readonly #byAddress: ReadonlyMap<Unicast, MutableReceiver>;
  #plan: UpdatePlan;
  #phase: UpdateRunPhase;
  /** Ends the step that runs. */
  #stopStep: Cancel;
  #transfer: BlobTransfer | undefined;
  /** The BLOB transfer may have begun, here or before a restart: it asks for the missing blocks first. */
  #transferBegun: boolean;
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
    this.#source = source;
    this.receivers = receivers;
    this.#byAddress = new Map(receivers.map((receiver) => [receiver.address, receiver]));
    this.#phase = savedPhase ?? 'starting';
    this.#transferBegun = savedPhase !== undefined;
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
    this.#enter('suspended');
    this.#dropTransfer();
    return true;
  }

  resume(): boolean {
    if (this.#phase !== 'suspended') return false;
    this.#start();
    return true;
  }

  apply(): boolean {
    switch (this.#phase) {
      case 'starting':
      case 'transferring':
      case 'suspended':
      case 'refreshing':
        this.#plan = { ...this.#plan, policy: 'apply' };
        this.#save();
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
    this.#dropTransfer();
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
    const resume = this.#transferBegun;
    this.#transferBegun = true;
    const { blobId, appIndex, ttl, timeoutBase, mode, group, label, settings } = this.#plan;
    const receivers = active.map((receiver) => ({ address: receiver.address, skip: !needsImage(receiver) }));
    this.#transfer = this.#ground.blob.start(
      { blobId, source: this.#source, receivers, appIndex, ttl, timeoutBase, mode, group, label, settings, resume },
      (event) => this.#blobEvent(event),
    );
  }

  /** Suspended, a BLOB transfer forgets without a message; what it needs to go on the receivers tell it again. */
  #dropTransfer(): void {
    this.#transfer?.suspend();
    this.#transfer?.cancel();
    this.#transfer = undefined;
  }

  #blobEvent(event: BlobEvent): void {
    if (this.#phase !== 'transferring') return;
    this.#takeTransfer(event.type === 'done' && event.outcome !== 'complete');
    this.#ground.listener({ type: 'blob', event });
    if (this.#phase !== 'transferring') return;
    if (event.type === 'done') this.#refresh();
    else if (event.type === 'suspended') this.#onBlobSuspended();
  }

  /** All that took part fell silent, or nothing can be sent any more. Those that have the image do not wait for them. */
  #onBlobSuspended(): void {
    const active = this.#active();
    if (active.length > 0 && !active.some(needsImage)) this.#refresh();
    else this.#enter('suspended');
    this.#dropTransfer();
  }

  /**
   * What the BLOB transfer knows of its receivers. One that is lost to it has failed for the whole update, unless it has
   * merely forgotten the transfer: the target restarted, and may have had the image by then. Refresh will tell.
   */
  #takeTransfer(failed: boolean): void {
    for (const { address, progress, status, lost, timedOut, error } of this.#transfer?.receivers ?? []) {
      const receiver = this.#byAddress.get(address);
      if (receiver === undefined || !needsImage(receiver)) continue;
      receiver.progress = progress;
      receiver.transferStatus = status;
      const forgotten = lost && !timedOut && status === BlobStatus.wrongPhase;
      if (forgotten || !(lost || failed)) continue;
      this.#change(receiver, judgeTransferLoss(address, progress, timedOut, error), () => {});
    }
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
    this.#stopStep();
    if (!this.#enter('canceling')) return;
    // Each Firmware Update Server cancels the BLOB transfer under it.
    this.#dropTransfer();
    this.#step(this.#steps.cancel(), this.receivers.filter(holdsUpdate), () => this.#end('cancelled'));
  }

  #finish(): void {
    this.#end(this.receivers.some(({ phase }) => phase === UpdatePhase.applySuccess) ? 'complete' : 'failed');
  }

  #end(outcome: 'complete' | 'failed' | 'cancelled'): void {
    this.#ground.store.clear();
    this.#phase = 'done';
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
    });
  }

  /** Takes down what is new of a receiver; durable before it is told. */
  #change(receiver: MutableReceiver, verdict: Verdict, take: () => void): void {
    const before = outline(receiver);
    take();
    takeVerdict(receiver, verdict);
    if (receiver.phase === UpdatePhase.applySuccess) receiver.firmwareId = this.#plan.firmwareId;
    if (outline(receiver) === before) return;
    this.#ground.store.saveReceiver(receiver);
    if (verdict.kind === 'fail') this.#ground.log('warn', verdict.error.message);
    this.#ground.listener({ type: 'receiver', receiver });
  }

  #active(): MutableReceiver[] {
    return this.receivers.filter(isActive);
  }

  /** Durable before it is told. False when the listener has changed the course: cancelled, stopped or applied. */
  #enter(phase: UpdateRunPhase): boolean {
    this.#phase = phase;
    this.#save();
    this.#ground.listener({ type: 'phase', phase });
    return this.#phase === phase;
  }

  #save(): void {
    this.#ground.store.save(this.#plan, this.#source.size, this.#phase, this.receivers);
  }
}
