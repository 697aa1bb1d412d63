import type { Sent, Transmit } from '@meshferry/bearer';
import { type Address, type Cancel, type Clock, Deadline, MeshError } from '@meshferry/core';
import { type Interfaces, latest } from './interfaces.ts';
import type { Pace } from './sar-transmission.ts';

/** A PDU of a bulk transfer that waits for its turn. */
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

/** A {@link BulkPdu} under way. */
interface Bulk {
  readonly message: BulkPdu;
  octets: Uint8Array | undefined;
  /** Copies not handed over yet. */
  left: number;
  readonly cancels: Set<Cancel>;
  outcome: Sent | MeshError | undefined;
}

/**
 * What goes to the bearers when. Interactive PDUs, acknowledgments and what others want relayed are handed over at once. A
 * PDU of a bulk transfer gets what they leave: only when the bearers hold nothing but what is on air, so that an
 * interactive one waits for an advertising set to become free, not for a queue, and yet no set is ever idle.
 *
 * Bulk PDUs get their SEQ when they are handed over: receivers drop as replayed what is older than the last they took. For
 * that reason copies of a bulk PDU go out one right after the other, on several sets in parallel, and none begins while
 * copies of an own interactive one are still to come.
 */
export class SendingQueue {
  readonly #clock: Clock;
  readonly #interfaces: Interfaces;
  readonly #waiting: Bulk[] = [];
  /** PDUs that the bearers hold. */
  #held = 0;
  /** Those of them that are of this node and come in several copies. */
  #heldWithCopies = 0;
  /** When advertising sets that have sent become free, in this order. */
  readonly #freeAt: number[] = [];
  readonly #wake: Deadline;

  constructor(clock: Clock, interfaces: Interfaces) {
    this.#clock = clock;
    this.#interfaces = interfaces;
    this.#wake = new Deadline(clock, () => this.#pump());
  }

  /** Sends an interactive PDU of this node at once, as {@link Interfaces.send}. */
  send(pdu: Uint8Array, transmit: Transmit, done: (outcome: Sent | MeshError) => void, dst?: Address): Cancel {
    return this.#hand(pdu, transmit, dst, transmit.count > 1, done);
  }

  /** Sends a PDU of another node at once: relayed, bridged, or kept for a Low Power node. */
  pass(pdu: Uint8Array, transmit: Transmit, done: (outcome: Sent | MeshError) => void): Cancel {
    // Sets for single events are free between copies: nothing has to wait for them, and copies go first there anyway.
    if (this.#interfaces.holdMs === 0) return this.#interfaces.send(pdu, transmit, done);
    return this.#hand(pdu, transmit, undefined, false, done);
  }

  /** Sends a PDU of a bulk transfer when its turn has come, in the order of these calls. */
  sendBulk(message: BulkPdu): Cancel {
    const { count } = message.transmit;
    const bulk: Bulk = { message, octets: undefined, left: count, cancels: new Set(), outcome: undefined };
    this.#waiting.push(bulk);
    this.#pump();
    return () => this.#cancel(bulk);
  }

  /** How the bearers take PDUs of this transmission: bulk ones in copies that follow each other. */
  pace(transmit: Transmit, isBulk: boolean): Pace {
    if (!isBulk || !this.#splits) return this.#interfaces.pace(transmit);
    const { sets, occupancyMs } = this.#interfaces.pace({ ...transmit, count: 1 });
    return { sets, occupancyMs: transmit.count * occupancyMs };
  }

  /** Drops all that waits, without telling anybody. */
  close(): void {
    this.#waiting.length = 0;
    this.#wake.clear();
  }

  /** Whether copies are handed over singly. A GATT link needs none: the proxy behind it makes them. */
  get #splits(): boolean {
    return !this.#interfaces.hasGatt && !this.#interfaces.isToProxy;
  }

  #pump(): void {
    for (;;) {
      const bulk = this.#waiting[0];
      if (bulk === undefined) return;
      const wait = this.#waitMs();
      if (wait > 0) {
        if (Number.isFinite(wait)) this.#wake.set(wait);
        return;
      }
      this.#handBulk(bulk);
    }
  }

  /** Until a bulk PDU may be handed over, ms; without end when the end of another PDU has to come first. */
  #waitMs(): number {
    const { sets } = this.#interfaces;
    if (this.#held >= sets || this.#heldWithCopies > 0) return Number.POSITIVE_INFINITY;
    const { now } = this.#clock;
    while (this.#freeAt.length > 0 && this.#freeAt[0]! <= now) this.#freeAt.shift();
    const excess = this.#held + this.#freeAt.length - sets;
    return excess < 0 ? 0 : this.#freeAt[excess]! - now;
  }

  #handBulk(bulk: Bulk): void {
    const { message } = bulk;
    const isFirst = bulk.octets === undefined;
    const octets = bulk.octets ?? message.make();
    if (octets instanceof MeshError) {
      this.#waiting.shift();
      const timer = this.#clock.after(0, () => message.done(octets));
      bulk.cancels.add(() => timer.cancel());
      return;
    }
    bulk.octets = octets;
    const count = this.#splits ? 1 : bulk.left;
    bulk.left -= count;
    if (bulk.left === 0) this.#waiting.shift();
    const transmit = { count, intervalMs: message.transmit.intervalMs };
    const cancel = this.#hand(octets, transmit, message.dst, false, (outcome) => {
      bulk.cancels.delete(cancel);
      bulk.outcome = bulk.outcome === undefined ? outcome : whole(bulk.outcome, outcome);
      if (bulk.left === 0 && bulk.cancels.size === 0) message.done(bulk.outcome);
    });
    bulk.cancels.add(cancel);
    if (isFirst) message.begun?.();
  }

  #cancel(bulk: Bulk): void {
    const at = this.#waiting.indexOf(bulk);
    if (at >= 0) this.#waiting.splice(at, 1);
    for (const cancel of bulk.cancels) cancel();
    bulk.cancels.clear();
  }

  #hand(
    pdu: Uint8Array,
    transmit: Transmit,
    dst: Address | undefined,
    hasCopies: boolean,
    done: (outcome: Sent | MeshError) => void,
  ): Cancel {
    this.#held++;
    if (hasCopies) this.#heldWithCopies++;
    let over = false;
    const end = (): void => {
      over = true;
      this.#held--;
      if (hasCopies) this.#heldWithCopies--;
      const { holdMs, sets } = this.#interfaces;
      if (holdMs === 0) return;
      this.#freeAt.push(this.#clock.now + holdMs);
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
    return () => {
      if (over) return;
      cancel();
      end();
      // Not at once: who cancels several must not see one begin between them, such as under an old IV Index.
      if (this.#waiting.length > 0) this.#wake.set(0);
    };
  }
}

/** From the start of the first copy that left to the end of the last. */
function whole(first: Sent | MeshError, next: Sent | MeshError): Sent | MeshError {
  const last = latest(first, next);
  if (first instanceof MeshError || last instanceof MeshError) return last;
  return { start: first.start, end: last.end };
}
