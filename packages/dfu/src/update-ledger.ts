import { type Log, type MeshError, toMeshError } from '@meshferry/core';
import { UpdatePhase } from './update-codes.ts';
import type { Verdict } from './update-judgment.ts';
import { type MutableReceiver, outline, takeVerdict } from './update-receivers.ts';
import type { UpdateStore } from './update-store.ts';
import type { UpdateEvent, UpdatePlan, UpdateRunPhase } from './update-types.ts';

/** What a ledger stands on. */
export interface LedgerGround {
  readonly store: UpdateStore;
  readonly log: Log;
  readonly listener: (event: UpdateEvent) => void;
  /** Something could not be stored, and nothing may rely on it. */
  failed(error: MeshError): void;
}

/** How an update stands: in the store before it is told. */
export class UpdateLedger {
  readonly receivers: readonly MutableReceiver[];
  readonly #ground: LedgerGround;
  readonly #size: number;
  #plan: UpdatePlan;
  #phase: UpdateRunPhase;
  /** Where it stood when trouble of this node suspended it. */
  #haltedIn: UpdateRunPhase | undefined;

  /** `size`: octets of the image. */
  constructor(
    ground: LedgerGround,
    plan: UpdatePlan,
    size: number,
    phase: UpdateRunPhase,
    receivers: readonly MutableReceiver[],
  ) {
    this.#ground = ground;
    this.#plan = plan;
    this.#size = size;
    this.#phase = phase;
    this.receivers = receivers;
  }

  get phase(): UpdateRunPhase {
    return this.#phase;
  }

  get plan(): UpdatePlan {
    return this.#plan;
  }

  /** False when the course has changed: the listener has cancelled, stopped or applied, or the store has failed. */
  enter(phase: UpdateRunPhase): boolean {
    this.#phase = phase;
    this.#haltedIn = undefined;
    if (!this.#durably(() => this.#save())) return false;
    this.#ground.listener({ type: 'phase', phase });
    return this.#phase === phase;
  }

  changePlan(change: Partial<UpdatePlan>): void {
    this.#plan = { ...this.#plan, ...change };
    this.#durably(() => this.#save());
  }

  /** Takes down what is new of a receiver. */
  change(receiver: MutableReceiver, verdict: Verdict, take: () => void): void {
    const before = outline(receiver);
    take();
    takeVerdict(receiver, verdict);
    if (receiver.phase === UpdatePhase.applySuccess) receiver.firmwareId = this.#plan.firmwareId;
    if (outline(receiver) === before) return;
    if (!this.#durably(() => this.#ground.store.saveReceiver(receiver))) return;
    if (verdict.kind === 'fail') this.#ground.log('warn', verdict.error.message);
    this.#ground.listener({ type: 'receiver', receiver });
  }

  /** Suspended by trouble of this node; the store keeps where it stood, for this process or another to go on from. */
  halt(error: MeshError): void {
    this.#ground.log('error', 'the firmware update is suspended', error.toJSON());
    if (this.#phase !== 'suspended') this.#haltedIn = this.#phase;
    this.#phase = 'suspended';
    this.#ground.listener({ type: 'phase', phase: 'suspended', error });
  }

  /** Back to where it stood. */
  unsuspend(): void {
    this.#phase = this.#haltedIn ?? this.#phase;
    this.#haltedIn = undefined;
  }

  /** Nothing is told any more, and the store keeps what it has. */
  close(): void {
    this.#phase = 'done';
  }

  /** The store forgets it. */
  finish(): void {
    this.#phase = 'done';
    this.#durably(() => this.#ground.store.clear());
  }

  #save(): void {
    this.#ground.store.save(this.#plan, this.#size, this.#haltedIn ?? this.#phase, this.receivers);
  }

  /**
   * Whether the store took it, or it does not matter: a cancelled update is cancelled again, and one that has ended
   * finds out so.
   */
  #durably(write: () => void): boolean {
    try {
      write();
      return true;
    } catch (thrown) {
      const error = toMeshError(thrown);
      if (this.#phase !== 'canceling' && this.#phase !== 'done') {
        this.#ground.failed(error);
        return false;
      }
      this.#ground.log('error', 'the end of the firmware update could not be stored', error.toJSON());
      return true;
    }
  }
}
