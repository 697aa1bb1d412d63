import type { Store, Write } from '@meshferry/core';

const KEY = 'iv';
const OCTETS = 17;
const NEVER = 0xffff_ffff;

/** All that a node remembers of the IV Index. */
export interface IvIndexRecord {
  /** The current IV Index, 32 bits, as beacons carry it. */
  readonly ivIndex: number;
  /** The IV Update Flag: IV Update in Progress; Normal Operation otherwise. */
  readonly updating: boolean;
  /** The next transition may come before 96 h: the node was provisioned into an update, or has recovered its index. */
  readonly unlimited: boolean;
  /** The update in progress was this node's own initiative. */
  readonly initiator: boolean;
  /** Times until this was written, ms: in this state; since the last recovery; since the last own initiative. */
  readonly inState: number;
  readonly sinceRecovery: number | undefined;
  readonly sinceInitiative: number | undefined;
}

/** The IV Index of the network and whether it is being updated, as stored [Mesh Protocol 1.1, 3.11.5]. */
export class IvIndexState {
  readonly #store: Store;
  #record: IvIndexRecord;
  /** Copies of what is read for each PDU. */
  #current: number;
  #updating: boolean;

  /** What the store holds; when it holds nothing, `initial` (32 bits) and `updating`, as provisioning gave them. */
  constructor(store: Store, initial: number, updating = false) {
    this.#store = store;
    this.#record = read(store) ?? {
      ivIndex: initial,
      updating,
      unlimited: updating,
      initiator: false,
      inState: 0,
      sinceRecovery: undefined,
      sinceInitiative: undefined,
    };
    this.#current = this.#record.ivIndex;
    this.#updating = this.#record.updating;
    if (store.get(KEY) === undefined) this.write(this.#record);
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

  get record(): IvIndexRecord {
    return this.#record;
  }

  /** The one that a received PDU with this IVI bit was secured with, or -1 when there is none. */
  select(ivi: number): number {
    return ivi === (this.#current & 1) ? this.#current : this.#current - 1;
  }

  /** Takes a new record, durably and together with other changes. Throws `store-failed`; then nothing has changed. */
  write(record: IvIndexRecord, others: readonly Write[] = []): void {
    this.#store.batch([[KEY, encode(record)], ...others]);
    this.#record = record;
    this.#current = record.ivIndex;
    this.#updating = record.updating;
  }
}

/** IV Index (4) ‖ bits: updating, unlimited, initiator (1) ‖ the three times in seconds, all ones for none (3 × 4). */
function encode(record: IvIndexRecord): Uint8Array {
  const octets = new Uint8Array(OCTETS);
  const view = new DataView(octets.buffer);
  view.setUint32(0, record.ivIndex);
  octets[4] = (record.updating ? 1 : 0) | (record.unlimited ? 2 : 0) | (record.initiator ? 4 : 0);
  view.setUint32(5, seconds(record.inState));
  view.setUint32(9, seconds(record.sinceRecovery));
  view.setUint32(13, seconds(record.sinceInitiative));
  return octets;
}

/** Also the five octets of an earlier version, which kept no times. */
function read(store: Store): IvIndexRecord | undefined {
  const octets = store.get(KEY);
  if (octets === undefined || octets.length < 5) return undefined;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const time = (at: number) => (octets.length < OCTETS ? undefined : milliseconds(view.getUint32(at)));
  return {
    ivIndex: view.getUint32(0),
    updating: (octets[4]! & 1) === 1,
    unlimited: (octets[4]! & 2) === 2,
    initiator: (octets[4]! & 4) === 4,
    inState: time(5) ?? 0,
    sinceRecovery: time(9),
    sinceInitiative: time(13),
  };
}

function seconds(ms: number | undefined): number {
  return ms === undefined ? NEVER : Math.min(Math.floor(ms / 1000), NEVER - 1);
}

function milliseconds(time: number): number | undefined {
  return time === NEVER ? undefined : time * 1000;
}
