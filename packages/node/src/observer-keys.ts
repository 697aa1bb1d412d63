import { type Address, type AppIndex, isUnicast, type NetIndex, type Unicast } from '@meshferry/core';
import {
  type CryptoProvider,
  directedCredentials,
  type FriendshipParameters,
  friendshipCredentials,
  virtualAddress,
} from '@meshferry/crypto';
import {
  type AccessKeys,
  type AppKeyMaterial,
  appKeyMaterial,
  type DeviceKey,
  NetKeyMaterial,
  type SubnetSecurity,
} from '@meshferry/network';

/** All that an observer knows of the networks on the air. Keys have 16 octets. */
export interface ObserverKnowledge {
  /** Values of NetKeys; an index may have several, as in a Key Refresh. */
  readonly netKeys: readonly { readonly index: NetIndex; readonly key: Uint8Array }[];
  /** Values of AppKeys. Without `netIndex`: of any subnet. */
  readonly appKeys?: readonly {
    readonly index: AppIndex;
    readonly key: Uint8Array;
    readonly netIndex?: NetIndex | undefined;
  }[];
  /** Device keys; an address may have several. Without `address`: of any node. */
  readonly deviceKeys?: readonly { readonly address?: Unicast | undefined; readonly key: Uint8Array }[];
  /** Label UUIDs of virtual addresses. */
  readonly labels?: readonly Uint8Array[];
  /** IV Indexes that may be in use; others are learnt from beacons. */
  readonly ivIndexes?: readonly number[];
}

/** Material that opens Network PDUs, and the friendship that it belongs to, if any. */
export interface ObservedSecurity {
  readonly security: SubnetSecurity;
  readonly friendship: FriendshipParameters | undefined;
}

/** The node of a device key that may be any node's. */
export const ANY_NODE: Unicast = 0;

const NONE: readonly never[] = [];

/** The keys of an observer: nothing of it identifies a key, so look-ups give all that may fit. */
export class ObserverKeys implements AccessKeys {
  readonly netKeys: readonly NetKeyMaterial[];
  readonly #provider: CryptoProvider;
  readonly #byNid = new Map<number, ObservedSecurity[]>();
  readonly #byAid = new Map<number, AppKeyMaterial[]>();
  readonly #deviceKeys: readonly DeviceKey[];
  readonly #labels = new Map<Address, Uint8Array[]>();
  readonly #friendships = new Set<string>();
  readonly #ivIndexes = new Set<number>();

  /** Throws `bad-key-length`, `bad-label-uuid`. */
  constructor(provider: CryptoProvider, knowledge: ObserverKnowledge) {
    const { netKeys, appKeys = NONE, deviceKeys = NONE, labels = NONE, ivIndexes = NONE } = knowledge;
    this.#provider = provider;
    this.netKeys = netKeys.map(({ index, key }) => new NetKeyMaterial(provider, index, key));
    for (const netKey of this.netKeys) {
      this.#add({ security: netKey.flooding, friendship: undefined });
      const directed = netKey.secure('directed', directedCredentials(provider, netKey.key));
      this.#add({ security: directed, friendship: undefined });
    }
    const netIndexes = [...new Set(netKeys.map(({ index }) => index))];
    for (const { index, key, netIndex } of appKeys) {
      for (const bound of netIndex === undefined ? netIndexes : [netIndex]) {
        const material = appKeyMaterial(provider, index, bound, key);
        push(this.#byAid, material.aid, material);
      }
    }
    this.#deviceKeys = deviceKeys.map(({ address = ANY_NODE, key }) => ({ node: address, aes: provider.aes(key) }));
    for (const label of labels) push(this.#labels, virtualAddress(provider, label), label);
    for (const ivIndex of ivIndexes) this.addIvIndex(ivIndex);
  }

  withNid(nid: number): readonly ObservedSecurity[] {
    return this.#byNid.get(nid) ?? NONE;
  }

  /** The IV Indexes that a PDU with this IVI bit may be secured with: those heard of, and those next to them. */
  ivIndexes(ivi: number): number[] {
    const found = new Set<number>();
    for (const known of this.#ivIndexes) {
      if ((known & 1) === ivi) found.add(known);
      else {
        if (known > 0) found.add(known - 1);
        if (known < 0xffff_ffff) found.add(known + 1);
      }
    }
    return [...found];
  }

  addIvIndex(ivIndex: number): void {
    this.#ivIndexes.add(ivIndex);
  }

  /** Learns the credentials of a friendship from its Friend Request and Friend Offer, heard on this subnet. */
  addFriendship(netIndex: NetIndex, friendship: FriendshipParameters): void {
    const { lpnAddress, friendAddress, lpnCounter, friendCounter } = friendship;
    const name = [netIndex, lpnAddress, friendAddress, lpnCounter, friendCounter].join();
    if (this.#friendships.has(name)) return;
    this.#friendships.add(name);
    for (const netKey of this.netKeys) {
      if (netKey.index !== netIndex) continue;
      const derived = friendshipCredentials(this.#provider, netKey.key, friendship);
      this.#add({ security: netKey.secure('friendship', derived), friendship });
    }
  }

  withAid(aid: number): Iterable<AppKeyMaterial> {
    return this.#byAid.get(aid) ?? NONE;
  }

  labelsOf(dst: Address): Iterable<Uint8Array> {
    return this.#labels.get(dst) ?? NONE;
  }

  /** Those of the two nodes first; then all others, since an element's address does not tell the node's. */
  deviceKeys(src: Unicast, dst: Unicast): Iterable<DeviceKey> {
    const likelihood = ({ node }: DeviceKey): number => (node === dst ? 0 : node === src ? 1 : isUnicast(node) ? 3 : 2);
    return [...this.#deviceKeys].sort((a, b) => likelihood(a) - likelihood(b));
  }

  #add(observed: ObservedSecurity): void {
    push(this.#byNid, observed.security.nid, observed);
  }
}

function push<T>(lists: Map<number, T[]>, key: number, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}
