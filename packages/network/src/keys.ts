import type { AppIndex, NetIndex, Store, Write } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import { type AppKeyMaterial, appKeyMaterial, NetKeyMaterial, type SubnetSecurity } from './key-material.ts';
import {
  type AppKeyState,
  appKeyWrite,
  type KeyRefreshPhase,
  type NetKeyState,
  netKeyWrite,
  readAppKeys,
  readNetKeys,
} from './key-records.ts';

/** New states of keys, all of which count together; undefined removes a key. */
export interface KeyChanges {
  readonly netKeys?: ReadonlyMap<NetIndex, NetKeyState | undefined>;
  readonly appKeys?: ReadonlyMap<AppIndex, AppKeyState | undefined>;
}

const NO_MATERIAL: readonly never[] = [];
const NIDS = 128;
const NO_CHANGES: ReadonlyMap<number, undefined> = new Map();

/**
 * NetKeys and AppKeys of a node as the store has them, and the look-ups of reception. NID and AID identify nothing:
 * they give lists, and all members are tried [Mesh Protocol 1.1, 3.9.6]. Rules are those of `KeyManager`.
 */
export class Keys {
  readonly #store: Store;
  readonly #directed: boolean;
  readonly #netKeys = new Map<NetIndex, NetKeyState>();
  readonly #appKeys = new Map<AppIndex, AppKeyState>();
  /** Credentials besides flooding. */
  readonly #extra = new Set<SubnetSecurity>();
  /** By NID, 0 to 127. */
  #byNid: readonly (readonly SubnetSecurity[])[] = [];
  #byAid = new Map<number, AppKeyMaterial[]>();

  /** `directed`: receives with the directed credentials of every NetKey, too. */
  constructor(provider: CryptoProvider, store: Store, directed = false) {
    this.#store = store;
    this.#directed = directed;
    for (const { index, head, current, next } of readNetKeys(store)) {
      const material = (key: Uint8Array) => new NetKeyMaterial(provider, index, key);
      const phase = head as KeyRefreshPhase;
      this.#netKeys.set(index, { phase, current: material(current), ...(next ? { next: material(next) } : {}) });
    }
    for (const { index, head, current, next } of readAppKeys(store)) {
      const material = (key: Uint8Array) => appKeyMaterial(provider, index, head, key);
      this.#appKeys.set(index, { current: material(current), ...(next ? { next: material(next) } : {}) });
    }
    this.#indexKeys();
  }

  get netIndexes(): NetIndex[] {
    return [...this.#netKeys.keys()];
  }

  get appIndexes(): AppIndex[] {
    return [...this.#appKeys.keys()];
  }

  netKeyState(index: NetIndex): NetKeyState | undefined {
    return this.#netKeys.get(index);
  }

  appKeyState(index: AppIndex): AppKeyState | undefined {
    return this.#appKeys.get(index);
  }

  /** The subnets, for look-ups that try all. */
  get subnets(): Iterable<NetKeyState> {
    return this.#netKeys.values();
  }

  /** The value of a NetKey to transmit with, or undefined when it is not here: the new one in Key Refresh Phase 2. */
  transmitKey(index: NetIndex): NetKeyMaterial | undefined {
    const state = this.#netKeys.get(index);
    return state?.phase === 2 ? (state.next ?? state.current) : state?.current;
  }

  /** The directed credentials to transmit with, or undefined when the node has none. */
  directed(index: NetIndex): SubnetSecurity | undefined {
    return this.#directed ? this.transmitKey(index)?.directed : undefined;
  }

  /** The material to transmit with on a subnet, or undefined when its NetKey is not here. */
  netKey(index: NetIndex): SubnetSecurity | undefined {
    return this.transmitKey(index)?.flooding;
  }

  /** The AppKey value to transmit with, or undefined. */
  appKey(index: AppIndex): AppKeyMaterial | undefined {
    const state = this.#appKeys.get(index);
    if (state?.next === undefined) return state?.current;
    return this.#netKeys.get(state.current.netIndex)?.phase === 2 ? state.next : state.current;
  }

  /** All material with this NID. */
  withNid(nid: number): readonly SubnetSecurity[] {
    return this.#byNid[nid] ?? NO_MATERIAL;
  }

  /** All AppKeys with this AID, of every subnet. */
  withAid(aid: number): readonly AppKeyMaterial[] {
    return this.#byAid.get(aid) ?? NO_MATERIAL;
  }

  /** Makes the changes, durably and all together. Throws `store-failed`; then nothing has changed. */
  commit({ netKeys = NO_CHANGES, appKeys = NO_CHANGES }: KeyChanges): void {
    const writes: Write[] = [];
    for (const [index, state] of netKeys) writes.push(netKeyWrite(index, state));
    for (const [index, state] of appKeys) writes.push(appKeyWrite(index, state));
    this.#store.batch(writes);
    for (const [index, state] of netKeys) change(this.#netKeys, index, state);
    for (const [index, state] of appKeys) change(this.#appKeys, index, state);
    for (const security of this.#extra) if (!this.#isKnown(security.netKey)) this.#extra.delete(security);
    this.#indexKeys();
  }

  /** Receives with these credentials, too, until they are removed or the value of the NetKey is that they are made of. */
  addCredentials(security: SubnetSecurity): void {
    this.#extra.add(security);
    this.#indexKeys();
  }

  removeCredentials(security: SubnetSecurity): void {
    if (this.#extra.delete(security)) this.#indexKeys();
  }

  #isKnown(material: NetKeyMaterial): boolean {
    const state = this.#netKeys.get(material.index);
    return state?.current === material || state?.next === material;
  }

  #indexKeys(): void {
    const values = [...this.#netKeys.values()].flatMap(valuesOf);
    const subnets = values.flatMap((value) => (this.#directed ? [value.flooding, value.directed] : [value.flooding]));
    const byNid = groupBy([...subnets, ...this.#extra], (security) => security.nid);
    this.#byNid = Array.from({ length: NIDS }, (_, nid) => byNid.get(nid) ?? NO_MATERIAL);
    this.#byAid = groupBy([...this.#appKeys.values()].flatMap(valuesOf), (material) => material.aid);
  }
}

/** The values that a key has, older first; outside a Key Refresh one. */
export function valuesOf<Material>(state: { readonly current: Material; readonly next?: Material }): Material[] {
  return state.next === undefined ? [state.current] : [state.current, state.next];
}

function change<State>(map: Map<number, State>, index: number, state: State | undefined): void {
  if (state === undefined) map.delete(index);
  else map.set(index, state);
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => number): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
