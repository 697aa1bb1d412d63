import type { Transmit } from '@meshferry/bearer';
import type { Unicast } from '@meshferry/core';

/** A Network PDU that waits to be sent on. */
export interface WaitingPdu {
  readonly src: Unicast;
  readonly octets: Uint8Array;
  readonly transmit: Transmit;
  /** Clock time from which on it may go. */
  due: number;
}

/**
 * PDUs that a relay has taken and not sent yet. Sources take turns, so that an acknowledgment does not wait behind the bulk
 * transfer of somebody else; those of one source keep their order, or receivers would drop the later ones as replayed.
 * When it is full, the source with the most PDUs waiting loses its oldest: what it sent since is worth more.
 */
export class RelayQueue {
  readonly #capacity: number;
  /** In the order of their turns; none is empty. */
  readonly #lanes = new Map<Unicast, WaitingPdu[]>();
  #size = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** False when another PDU had to make room. Not before those of its source that wait already. */
  add(pdu: WaitingPdu): boolean {
    const lane = this.#lanes.get(pdu.src);
    const before = lane?.at(-1);
    if (before !== undefined) pdu.due = Math.max(pdu.due, before.due);
    if (lane === undefined) this.#lanes.set(pdu.src, [pdu]);
    else lane.push(pdu);
    this.#size++;
    if (this.#size <= this.#capacity) return true;
    this.#dropOne();
    return false;
  }

  /** Takes out the next one that is due; undefined: none is. */
  take(now: number): WaitingPdu | undefined {
    for (const [src, lane] of this.#lanes) {
      const first = lane[0] as WaitingPdu;
      if (first.due > now) continue;
      lane.shift();
      this.#size--;
      this.#lanes.delete(src);
      if (lane.length > 0) this.#lanes.set(src, lane); // at the end of the turn
      return first;
    }
    return undefined;
  }

  /** When the next one is due; undefined: none waits. */
  get nextDue(): number | undefined {
    let next: number | undefined;
    for (const [first] of this.#lanes.values()) {
      const { due } = first as WaitingPdu;
      if (next === undefined || due < next) next = due;
    }
    return next;
  }

  clear(): void {
    this.#lanes.clear();
    this.#size = 0;
  }

  #dropOne(): void {
    let longest: WaitingPdu[] = [];
    for (const lane of this.#lanes.values()) if (lane.length > longest.length) longest = lane;
    const dropped = longest.shift();
    this.#size--;
    if (longest.length === 0 && dropped !== undefined) this.#lanes.delete(dropped.src);
  }
}
