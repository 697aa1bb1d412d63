import {
  type Address,
  ALL_NODES,
  encodeRecord,
  isUnicast,
  MeshError,
  type NetIndex,
  readRecord,
  type Store,
  UNASSIGNED,
  type Unicast,
} from '@meshferry/core';

/** Two subnets and what goes from one to the other, as the Bridging Table has it [Mesh Protocol 1.1, 4.2.42]. */
export interface BridgingEntry {
  /** 1: from Address1 in subnet 1 to Address2 in subnet 2; 2: both ways. */
  readonly directions: number;
  readonly netKeyIndex1: NetIndex;
  readonly netKeyIndex2: NetIndex;
  readonly address1: Unicast;
  /** Unicast; group or virtual as well when `directions` is 1. */
  readonly address2: Address;
}

/** Which field of an entry does not go with the others and why; undefined: none. */
export function bridgingEntryFault(entry: BridgingEntry): { field: string; reason: string } | undefined {
  const { directions, netKeyIndex1, netKeyIndex2, address1, address2 } = entry;
  if (directions !== 1 && directions !== 2) return { field: 'directions', reason: `${directions} is not 1 or 2` };
  if (!isUnicast(address1)) return { field: 'address1', reason: 'not unicast' };
  if (netKeyIndex1 === netKeyIndex2) return { field: 'netKeyIndex2', reason: 'the same subnet' };
  if (address1 === address2) return { field: 'address2', reason: 'the same address' };
  if (directions === 2 && !isUnicast(address2)) return { field: 'address2', reason: 'both ways, and not unicast' };
  if (address2 === UNASSIGNED || address2 === ALL_NODES) {
    return { field: 'address2', reason: 'unassigned or all-nodes' };
  }
  return undefined;
}

interface BridgeRecord {
  readonly enabled: boolean;
  readonly entries: readonly BridgingEntry[];
}

const KEY = 'bridge';
const NOWHERE: readonly NetIndex[] = [];

/** The Subnet Bridge and Bridging Table states, durable, and the table as it is looked up for each PDU. */
export class BridgingTable {
  /** How many entries there can be: the Bridging Table Size. */
  readonly size: number;
  readonly #store: Store;
  #record: BridgeRecord;
  /** The subnets to send on to, by subnet, source and destination of a PDU. */
  #targets = new Map<number, NetIndex[]>();

  /** `isKnown`: whether a NetKey is here. Entries of others are gone for good, whenever the power failed. Throws `store-failed`. */
  constructor(store: Store, size: number, isKnown: (netIndex: NetIndex) => boolean) {
    this.#store = store;
    this.size = size;
    this.#record = readRecord<BridgeRecord>(store, KEY) ?? { enabled: false, entries: [] };
    this.#index();
    this.remove(({ netKeyIndex1, netKeyIndex2 }) => !isKnown(netKeyIndex1) || !isKnown(netKeyIndex2));
  }

  get enabled(): boolean {
    return this.#record.enabled;
  }

  /** Throws `store-failed`. */
  set enabled(enabled: boolean) {
    this.#change({ ...this.#record, enabled });
  }

  /** In the order in which they were added. */
  get entries(): readonly BridgingEntry[] {
    return this.#record.entries;
  }

  /** Adds an entry; one of the same subnets and addresses gets its directions. Throws as `SubnetBridge.add`. */
  add(entry: BridgingEntry): void {
    const entries = this.entries.slice();
    const { directions, netKeyIndex1, netKeyIndex2, address1, address2 } = entry;
    const at = entries.findIndex((other) => isSame(other, entry));
    if (at < 0 && entries.length >= this.size) {
      throw new MeshError('bridging-table-full', `the Bridging Table has ${this.size} entries`, {
        hint: 'Remove entries that are not needed.',
      });
    }
    entries[at < 0 ? entries.length : at] = { directions, netKeyIndex1, netKeyIndex2, address1, address2 };
    this.#change({ ...this.#record, entries });
  }

  /** Removes the entries that `isGone` says. Throws `store-failed`; then nothing has changed. */
  remove(isGone: (entry: BridgingEntry) => boolean): void {
    const entries = this.entries.filter((entry) => !isGone(entry));
    if (entries.length < this.entries.length) this.#change({ ...this.#record, entries });
  }

  /** The subnets that a PDU received on `netIndex` goes to as well. */
  targets(netIndex: NetIndex, src: Unicast, dst: Address): readonly NetIndex[] {
    return this.#targets.get(keyOf(netIndex, src, dst)) ?? NOWHERE;
  }

  #change(record: BridgeRecord): void {
    this.#store.batch([[KEY, encodeRecord(record)]]);
    this.#record = record;
    this.#index();
  }

  #index(): void {
    this.#targets = new Map();
    for (const { directions, netKeyIndex1, netKeyIndex2, address1, address2 } of this.entries) {
      this.#point(keyOf(netKeyIndex1, address1, address2), netKeyIndex2);
      if (directions === 2) this.#point(keyOf(netKeyIndex2, address2, address1), netKeyIndex1);
    }
  }

  /** Once for each subnet, though two entries say so. */
  #point(key: number, to: NetIndex): void {
    const targets = this.#targets.get(key);
    if (targets === undefined) this.#targets.set(key, [to]);
    else if (!targets.includes(to)) targets.push(to);
  }
}

function isSame(a: BridgingEntry, b: BridgingEntry): boolean {
  return (
    a.netKeyIndex1 === b.netKeyIndex1 &&
    a.netKeyIndex2 === b.netKeyIndex2 &&
    a.address1 === b.address1 &&
    a.address2 === b.address2
  );
}

/** 12 bits of NetKey Index, 16 of SRC, 16 of DST: exact in a double. */
function keyOf(netIndex: NetIndex, src: Unicast, dst: Address): number {
  return (netIndex * 0x1_0000 + src) * 0x1_0000 + dst;
}
