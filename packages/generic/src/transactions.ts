import type { Address, Clock, Unicast } from '@meshferry/core';

/** A Transaction Identifier means the same transaction for so long, ms [Mesh Model 1.1, 3.1.1]. */
export const TRANSACTION_MS = 6000;

/** Sources remembered at least; older ones are forgotten when there are more. */
const KEPT = 64;

/** Tells repetitions of a command from new ones: by source, destination and Transaction Identifier. */
export class Transactions {
  readonly #last = new Map<number, { readonly tid: number; readonly until: number }>();

  /** Whether the command was heard already; notes it if not. A repetition does not lengthen the time. */
  isRepeated(clock: Clock, src: Unicast, dst: Address, tid: number): boolean {
    const key = src * 0x10000 + dst;
    const last = this.#last.get(key);
    if (last !== undefined && last.tid === tid && clock.now < last.until) return true;
    if (this.#last.size >= KEPT) this.#forget(clock.now);
    this.#last.set(key, { tid, until: clock.now + TRANSACTION_MS });
    return false;
  }

  #forget(now: number): void {
    for (const [key, { until }] of this.#last) if (until <= now) this.#last.delete(key);
  }
}
