import type { Store, Unicast, Write } from '@meshferry/core';
import type { UnicastAddressRange } from './address-range.ts';
import type { Solicitation } from './solicitation-pdu.ts';

const PREFIX = 'srpl/';

/** The Solicitation Replay Protection List: for each client the SSEQ last accepted, durable [Mesh Protocol 1.1, 4.2.47]. */
export class SolicitationReplayList {
  readonly #store: Store;
  readonly #capacity: number;
  readonly #entries = new Map<Unicast, number>();

  /** `capacity`: clients; entries make no room for others. */
  constructor(store: Store, capacity: number) {
    this.#store = store;
    this.#capacity = capacity;
    for (const key of store.keys(PREFIX)) {
      const [high, middle, low] = store.get(key) ?? [];
      if (low !== undefined)
        this.#entries.set(Number.parseInt(key.slice(PREFIX.length), 16), (high! << 16) | (middle! << 8) | low);
    }
  }

  /** Whether it is newer than all before; then it is recorded. Throws `store-failed`; then nothing has changed. */
  accept({ ssrc, sseq }: Solicitation): boolean {
    const last = this.#entries.get(ssrc);
    if (last === undefined ? this.#entries.size >= this.#capacity : sseq <= last) return false;
    this.#store.batch([[keyOf(ssrc), Uint8Array.of(sseq >> 16, sseq >> 8, sseq)]]);
    this.#entries.set(ssrc, sseq);
    return true;
  }

  /** Deletes the entries of these clients (Solicitation PDU RPL Items Clear). Throws `store-failed`. */
  clear({ start, length }: UnicastAddressRange): void {
    const gone = [...this.#entries.keys()].filter((ssrc) => ssrc >= start && ssrc < start + length);
    if (gone.length === 0) return;
    this.#store.batch(gone.map((ssrc): Write => [keyOf(ssrc), null]));
    for (const ssrc of gone) this.#entries.delete(ssrc);
  }
}

function keyOf(ssrc: Unicast): string {
  return PREFIX + ssrc.toString(16).padStart(4, '0');
}
