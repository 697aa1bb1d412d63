import type { Store } from '@meshferry/core';

const KEY = 'iv';

/** The IV Index of the network and whether it is being updated, as stored [Mesh Protocol 1.1, 3.11.5]. */
export class IvIndexState {
  #current: number;
  #updating: boolean;

  /** What the store holds; `initial` (32 bits), in Normal Operation, is written when it holds nothing. */
  constructor(store: Store, initial: number) {
    const record = store.get(KEY);
    if (record?.length === 5) {
      this.#current = new DataView(record.buffer, record.byteOffset).getUint32(0);
      this.#updating = record[4] === 1;
    } else {
      this.#current = initial;
      this.#updating = false;
      store.batch([[KEY, Uint8Array.of(initial >>> 24, initial >>> 16, initial >>> 8, initial, 0)]]);
    }
  }

  /** The current IV Index, as beacons carry it. */
  get current(): number {
    return this.#current;
  }

  /** The IV Update Flag: IV Update in Progress. */
  get updating(): boolean {
    return this.#updating;
  }

  /** The one to transmit with: one less than the current one while it is being updated. */
  get transmit(): number {
    return this.#updating && this.#current > 0 ? this.#current - 1 : this.#current;
  }

  /** The one that a received PDU with this IVI bit was secured with, or -1 when there is none. */
  select(ivi: number): number {
    return ivi === (this.#current & 1) ? this.#current : this.#current - 1;
  }
}
