import { type AppIndex, equal, MeshError, type NetIndex, type Unicast } from '@meshferry/core';
import { type Aes, aid, type CryptoProvider, networkCredentials } from '@meshferry/crypto';
import type { Credentials } from './contract.ts';
import { type NetworkSecurity, networkSecurity } from './pdu.ts';

/** Material of one key of one subnet. */
export interface SubnetSecurity extends NetworkSecurity {
  readonly netIndex: NetIndex;
  readonly credentials: Credentials;
}

/** One value of an AppKey, ready for use. */
export interface AppKeyMaterial {
  readonly index: AppIndex;
  /** The subnet it is bound to. */
  readonly netIndex: NetIndex;
  readonly aid: number;
  readonly aes: Aes;
}

/** One value of a NetKey and what it secures with; a Key Refresh gives a subnet two of them. */
interface NetKeyMaterial {
  readonly flooding: SubnetSecurity;
}

/** The values that a key index has, older first; outside a Key Refresh one. */
interface KeySlot<Material> {
  readonly values: readonly { readonly key: Uint8Array; readonly material: Material }[];
  /** The value to transmit with. */
  readonly transmit: Material;
}

const NO_MATERIAL: readonly never[] = [];

/**
 * NetKeys, AppKeys and the device key of a node, and the look-ups of reception. NID and AID identify nothing: they
 * give lists, and all members are tried [Mesh Protocol 1.1, 3.9.6].
 */
export class Keys {
  readonly #provider: CryptoProvider;
  readonly #netKeys = new Map<NetIndex, KeySlot<NetKeyMaterial>>();
  readonly #appKeys = new Map<AppIndex, KeySlot<AppKeyMaterial>>();
  #byNid = new Map<number, SubnetSecurity[]>();
  #byAid = new Map<number, AppKeyMaterial[]>();

  constructor(provider: CryptoProvider) {
    this.#provider = provider;
  }

  /** Adds a NetKey; the same once more is harmless. Throws `bad-key-index`, `bad-key-length`, `key-exists`. */
  addNetKey(index: NetIndex, key: Uint8Array): void {
    checkIndex('NetKey Index', index);
    if (isKnown('NetKey', index, this.#netKeys.get(index), key)) return;
    const credentials = networkCredentials(this.#provider, key);
    const flooding: SubnetSecurity = {
      ...networkSecurity(this.#provider, credentials),
      netIndex: index,
      credentials: 'flooding',
    };
    this.#netKeys.set(index, singleValue(key, { flooding }));
    this.#indexKeys();
  }

  /** Removes a NetKey and the AppKeys bound to it. */
  removeNetKey(index: NetIndex): void {
    if (!this.#netKeys.delete(index)) return;
    for (const [appIndex, slot] of this.#appKeys) {
      if (slot.transmit.netIndex === index) this.#appKeys.delete(appIndex);
    }
    this.#indexKeys();
  }

  /** Adds an AppKey; as {@link addNetKey}, and throws `unknown-net-key`. */
  addAppKey(index: AppIndex, netIndex: NetIndex, key: Uint8Array): void {
    checkIndex('AppKey Index', index);
    if (!this.#netKeys.has(netIndex)) {
      throw new MeshError('unknown-net-key', `AppKey ${index} is bound to NetKey ${netIndex}, which is not here`, {
        hint: 'Add the NetKey first.',
      });
    }
    const known = this.#appKeys.get(index);
    if (isKnown('AppKey', index, known, key) && known?.transmit.netIndex === netIndex) return;
    if (known !== undefined) throw keyExists('AppKey', index);
    const material = { index, netIndex, aid: aid(this.#provider, key), aes: this.#provider.aes(key) };
    this.#appKeys.set(index, singleValue(key, material));
    this.#indexKeys();
  }

  removeAppKey(index: AppIndex): void {
    if (this.#appKeys.delete(index)) this.#indexKeys();
  }

  get netIndexes(): NetIndex[] {
    return [...this.#netKeys.keys()];
  }

  get appIndexes(): AppIndex[] {
    return [...this.#appKeys.keys()];
  }

  /** The material to transmit with on a subnet, or undefined when its NetKey is not here. */
  netKey(index: NetIndex): SubnetSecurity | undefined {
    return this.#netKeys.get(index)?.transmit.flooding;
  }

  /** The AppKey value to transmit with, or undefined. */
  appKey(index: AppIndex): AppKeyMaterial | undefined {
    return this.#appKeys.get(index)?.transmit;
  }

  /** All material with this NID. */
  withNid(nid: number): readonly SubnetSecurity[] {
    return this.#byNid.get(nid) ?? NO_MATERIAL;
  }

  /** All AppKeys with this AID, of every subnet. */
  withAid(aid: number): readonly AppKeyMaterial[] {
    return this.#byAid.get(aid) ?? NO_MATERIAL;
  }

  #indexKeys(): void {
    const subnets = [...this.#netKeys.values()].flatMap((slot) => slot.values.map((value) => value.material.flooding));
    this.#byNid = groupBy(subnets, (security) => security.nid);
    const apps = [...this.#appKeys.values()].flatMap((slot) => slot.values.map((value) => value.material));
    this.#byAid = groupBy(apps, (material) => material.aid);
  }
}

const DEVICE_KEYS_KEPT = 512;

/** Device keys of nodes bound to the crypto provider, kept as long as the node's key is the same octets. */
export class DeviceKeys {
  readonly #provider: CryptoProvider;
  readonly #keyOf: (node: Unicast) => Uint8Array | undefined;
  readonly #bound = new Map<Unicast, { readonly key: Uint8Array; readonly aes: Aes }>();

  constructor(provider: CryptoProvider, keyOf: (node: Unicast) => Uint8Array | undefined) {
    this.#provider = provider;
    this.#keyOf = keyOf;
  }

  /** The device key of a node, or undefined when it is not known. */
  get(node: Unicast): Aes | undefined {
    const key = this.#keyOf(node);
    if (key?.length !== 16) return undefined; // received octets must not throw for a key that is none
    const bound = this.#bound.get(node);
    if (bound !== undefined && equal(bound.key, key)) return bound.aes;
    if (this.#bound.size >= DEVICE_KEYS_KEPT) this.#bound.clear();
    const aes = this.#provider.aes(key);
    this.#bound.set(node, { key: key.slice(), aes });
    return aes;
  }
}

function singleValue<Material>(key: Uint8Array, material: Material): KeySlot<Material> {
  return { values: [{ key: key.slice(), material }], transmit: material };
}

/** Whether the index has this key already; throws when it has another one. */
function isKnown(kind: string, index: number, slot: KeySlot<unknown> | undefined, key: Uint8Array): boolean {
  if (slot === undefined) return false;
  if (slot.values.some((value) => equal(value.key, key))) return true;
  throw keyExists(kind, index);
}

function keyExists(kind: string, index: number): MeshError {
  return new MeshError('key-exists', `${kind} ${index} is here already, with another value or binding`, {
    hint: 'Remove it first, or give the new one another index.',
  });
}

function checkIndex(field: string, index: number): void {
  if (Number.isInteger(index) && index >= 0 && index <= 0xfff) return;
  throw new MeshError('bad-key-index', `${field} ${index} is not from 0 to 4095`, {
    hint: 'Key indexes have 12 bits.',
  });
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
