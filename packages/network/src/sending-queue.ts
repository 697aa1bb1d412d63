import type { Sent, Transmit } from '@meshferry/bearer';
import { type Address, type Cancel, type Clock, Deadline, MeshError } from '@meshferry/core';
import { AirBudget } from './air-budget.ts';
import { type Interfaces, latest } from './interfaces.ts';
import { NETWORK_PDU_MAX } from './pdu.ts';
import type { Pace } from './sar-transmission.ts';

/** A PDU of a bulk transfer. */
export interface BulkPdu {
  readonly dst: Address | undefined;
  readonly transmit: Transmit;
  /** Its turn has come: allocates its SEQ and encrypts it, or says why it cannot be sent. */
  make(): Uint8Array | MeshError;
  /** Its first copy was handed to the bearers; may be called before {@link SendingQueue.sendBulk} returns. */
  begun?(): void;
  /** Called once, not before {@link SendingQueue.sendBulk} returns, unless cancelled. */
  done(outcome: Sent | MeshError): void;
}

/** A PDU that waits, whole or the copies of it that have not been handed over. */
interface Queued {
  readonly message: BulkPdu;
  readonly isBulk: boolean;
  octets: Uint8Array | undefined;
  /** Copies not handed over yet. */
  left: number;
  readonly cancels: Set<Cancel>;
  outcome: Sent | MeshError | undefined;
  hasBegun: boolean;
  wasTakenBack: boolean;
}

/** A PDU at the bearers. */
interface Handed {
  readonly cancel: Cancel;
  /** As if it had never been handed over. */
  readonly takeBack: () => void;
}

/** An advertising event at its longest, ms: three channels, 31 octets, and the gaps between. */
const EVENT_MS = 1.8;

/**
 * What goes to the bearers when. Interactive PDUs and what others want relayed are handed over at once. Others get what
 * these leave, copies of acknowledgments first, then bulk transfers: only when the bearers hold nothing but what is on air, so that
 * an interactive PDU waits for an advertising set to become free, not for a queue, and yet no set is ever idle. When exactly
 * a set becomes free only the controller knows: a bulk PDU handed over too early is taken back for an interactive one.
 *
 * What waits gets its SEQ when it is handed over: receivers drop as replayed what is older than the last they took. For
 * that reason copies of a bulk PDU go out one right after the other, on several sets in parallel, and none begins while
 * copies of another PDU of this node are still to come.
 */
export class SendingQueue {
  readonly #clock: Clock;
  readonly #interfaces: Interfaces;
  readonly #waiting: Queued[] = [];
  /** PDUs that the bearers hold. */
  #held = 0;
  /** Those of them that are of this node and come in several copies. */
  #heldWithCopies = 0;
  /** Bulk PDUs and acknowledgments among them that may wait for a set to become free, in the order of handing over. */
  readonly #early = new Map<Queued, Handed>();
  /** When advertising sets that have sent become free, in this order. */
  readonly #freeAt: number[] = [];
  readonly #wake: Deadline;

  constructor(clock: Clock, interfaces: Interfaces) {
    this.#clock = clock;
    this.#interfaces = interfaces;
    this.#wake = new Deadline(clock, () => this.#pump());
  }

  /** Keeps bulk transfers within a share of the air, 0.01 to 1; undefined: no limit. Throws `bad-field`. */
  limitAir(share: number | undefined): void {
    this.#interfaces.air = share === undefined ? undefined : new AirBudget(share, this.#clock.now);
    this.#wake.set(0);
  }

  /** Sends an interactive PDU of this node at once, as {@link Interfaces.send}. */
  send(pdu: Uint8Array, transmit: Transmit, done: (outcome: Sent | MeshError) => void, dst?: Address): Cancel {
    const acknowledgments = this.#takeBack();
    const { cancel } = this.#hand(pdu, transmit, dst, transmit.count > 1, done);
    // They wait for this PDU, not for all the others of a segmented message.
    for (const queued of acknowledgments) {
      this.#handQueued(queued);
      if (queued.left === 0) this.#drop(queued);
    }
    return cancel;
  }

  /** Sends a PDU of another node at once: relayed, bridged, or kept for a Low Power node. */
  pass(pdu: Uint8Array, transmit: Transmit, done: (outcome: Sent | MeshError) => void): Cancel {
    // Sets for single events are free between copies: nothing has to wait for them, and copies go first there anyway.
    const takesSet = this.#interfaces.intervalMs > 0;
    return this.#hand(pdu, transmit, undefined, false, done, takesSet).cancel;
  }

  /**
   * Sends an acknowledgment, behind what the bearers hold; further copies let interactive PDUs go first. `again` makes it
   * under a newer SEQ, when even the first one has to.
   */
  acknowledge(
    pdu: Uint8Array,
    transmit: Transmit,
    again: () => Uint8Array | MeshError,
    done: (outcome: Sent | MeshError) => void,
    dst?: Address,
  ): Cancel {
    const { sets, intervalMs } = this.#interfaces;
    // Several sets would send the copies all at once; and those with a longer interval are to keep it.
    if (!this.#isAdvertised || transmit.count === 1 || sets > 1 || transmit.intervalMs > intervalMs) {
      return this.send(pdu, transmit, done, dst);
    }
    let isNew = true;
    const make = (): Uint8Array | MeshError => {
      if (!isNew) return again();
      isNew = false;
      return pdu;
    };
    const queued = newQueued({ dst, transmit, make, done }, false);
    this.#handQueued(queued);
    const at = this.#waiting.findIndex(({ isBulk }) => isBulk);
    this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, queued);
    return () => this.#cancel(queued);
  }

  /** Sends a PDU of a bulk transfer when its turn has come, in the order of these calls. */
  sendBulk(message: BulkPdu): Cancel {
    const queued = newQueued(message, true);
    this.#waiting.push(queued);
    this.#pump();
    return () => this.#cancel(queued);
  }

  /** How the bearers take PDUs of this transmission: bulk ones in copies that follow each other. */
  pace(transmit: Transmit, isBulk: boolean): Pace {
    if (!isBulk || !this.#isAdvertised) return this.#interfaces.pace(transmit);
    const { sets, occupancyMs } = this.#interfaces.pace({ ...transmit, count: 1 });
    return { sets, occupancyMs: transmit.count * occupancyMs };
  }

  /** Drops all that waits, without telling anybody. */
  close(): void {
    this.#waiting.length = 0;
    this.#wake.clear();
  }

  /** A GATT link needs no copies: the proxy behind it makes them. */
  get #isAdvertised(): boolean {
    return !this.#interfaces.hasGatt && !this.#interfaces.isToProxy;
  }

  #pump(): void {
    for (;;) {
      const queued = this.#waiting[0];
      if (queued === undefined) return;
      const wait = this.#waitMs(queued);
      if (wait > 0) {
        if (Number.isFinite(wait)) this.#wake.set(wait);
        return;
      }
      this.#handQueued(queued);
      if (queued.left === 0) this.#waiting.shift();
      if (queued.hasBegun || queued.octets === undefined) continue;
      queued.hasBegun = true;
      queued.message.begun?.();
    }
  }

  /** Until it may be handed over, ms; without end when the end of another PDU has to come first. */
  #waitMs({ isBulk, octets, left }: Queued): number {
    const { sets, air } = this.#interfaces;
    if (this.#held >= sets || (isBulk && this.#heldWithCopies > 0)) return Number.POSITIVE_INFINITY;
    const { now } = this.#clock;
    while (this.#freeAt.length > 0 && this.#freeAt[0]! <= now) this.#freeAt.shift();
    const excess = this.#held + this.#freeAt.length - sets;
    const untilFree = excess < 0 ? 0 : this.#freeAt[excess]! - now;
    if (air === undefined || !isBulk) return untilFree;
    const airMs = this.#interfaces.airMs(octets?.length ?? NETWORK_PDU_MAX, this.#copiesOf(left));
    return Math.max(untilFree, air.waitMs(airMs, now));
  }

  /** Copies that are handed over together. */
  #copiesOf(left: number): number {
    return this.#isAdvertised ? 1 : left;
  }

  #handQueued(queued: Queued): void {
    const { message, cancels } = queued;
    const octets = queued.octets ?? message.make();
    if (octets instanceof MeshError) {
      queued.left = 0;
      const timer = this.#clock.after(0, () => message.done(octets));
      cancels.add(() => timer.cancel());
      return;
    }
    queued.octets = octets;
    const count = this.#copiesOf(queued.left);
    queued.left -= count;
    const transmit = { count, intervalMs: message.transmit.intervalMs };
    const handed = this.#hand(octets, transmit, message.dst, count > 1, (outcome) => {
      this.#early.delete(queued);
      cancels.delete(handed.cancel);
      queued.outcome = queued.outcome === undefined ? outcome : whole(queued.outcome, outcome);
      if (queued.left === 0 && cancels.size === 0) message.done(queued.outcome);
    });
    cancels.add(handed.cancel);
    // An acknowledgment lets one interactive PDU go first.
    const mayWait = queued.isBulk || !queued.wasTakenBack;
    if (mayWait && this.#isAdvertised && this.#interfaces.intervalMs > 0) this.#early.set(queued, handed);
  }

  /**
   * Bulk PDUs and acknowledgments that have not left yet go after an interactive one, under a newer SEQ. One that is on air
   * at this very moment is repeated: that costs less than the wait of all others.
   */
  #takeBack(): Queued[] {
    const acknowledgments: Queued[] = [];
    for (const [queued, handed] of [...this.#early].reverse()) {
      handed.takeBack();
      queued.wasTakenBack = true;
      queued.cancels.delete(handed.cancel);
      if (queued.left++ === 0) this.#waiting.unshift(queued);
      if (queued.left === queued.message.transmit.count) queued.octets = undefined;
      if (!queued.isBulk) acknowledgments.unshift(queued);
    }
    this.#early.clear();
    return acknowledgments;
  }

  #drop(queued: Queued): void {
    const at = this.#waiting.indexOf(queued);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  #cancel(queued: Queued): void {
    this.#drop(queued);
    for (const cancel of queued.cancels) cancel();
    queued.cancels.clear();
    this.#early.delete(queued);
  }

  #hand(
    pdu: Uint8Array,
    transmit: Transmit,
    dst: Address | undefined,
    hasCopies: boolean,
    done: (outcome: Sent | MeshError) => void,
    takesSet = true,
  ): Handed {
    const { air } = this.#interfaces;
    const airMs = air === undefined ? 0 : this.#interfaces.airMs(pdu.length, transmit.count);
    air?.hold(airMs);
    if (takesSet) this.#held++;
    if (hasCopies) this.#heldWithCopies++;
    let over = false;
    const end = (): void => {
      over = true;
      air?.release(airMs, transmit.count, this.#clock.now);
      if (!takesSet) return;
      this.#held--;
      if (hasCopies) this.#heldWithCopies--;
      const { intervalMs, sets } = this.#interfaces;
      if (intervalMs === 0) return;
      this.#freeAt.push(this.#clock.now + Math.max(0, intervalMs - EVENT_MS));
      if (this.#freeAt.length > sets) this.#freeAt.shift();
    };
    const cancel = this.#interfaces.send(
      pdu,
      transmit,
      (outcome) => {
        if (over) return;
        end();
        done(outcome);
        this.#pump();
      },
      dst,
    );
    return {
      cancel: () => {
        if (over) return;
        cancel();
        end();
        // Not at once: who cancels several must not see one begin between them, such as under an old IV Index.
        if (this.#waiting.length > 0) this.#wake.set(0);
      },
      takeBack: () => {
        over = true;
        cancel();
        air?.hold(-airMs);
        this.#held--;
      },
    };
  }
}

function newQueued(message: BulkPdu, isBulk: boolean): Queued {
  const { count } = message.transmit;
  return {
    message,
    isBulk,
    octets: undefined,
    left: count,
    cancels: new Set(),
    outcome: undefined,
    hasBegun: false,
    wasTakenBack: false,
  };
}

/** From the start of the first copy that left to the end of the last. */
function whole(first: Sent | MeshError, next: Sent | MeshError): Sent | MeshError {
  const last = latest(first, next);
  if (first instanceof MeshError || last instanceof MeshError) return last;
  return { start: first.start, end: last.end };
}
