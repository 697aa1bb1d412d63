import {
  type Address,
  type Clock,
  type Log,
  MeshError,
  type NetIndex,
  type Random,
  type Store,
  storeView,
  toMeshError,
  type Unicast,
} from '@meshferry/core';
import { type BridgingEntry, BridgingTable, bridgingEntryFault } from './bridge-table.ts';
import type { NetworkCounters } from './counters.ts';
import type { Features } from './features.ts';
import type { Interfaces } from './interfaces.ts';
import type { SubnetSecurity } from './key-material.ts';
import type { Keys } from './keys.ts';
import type { NetworkChange } from './network-change.ts';
import type { ReceivedPdu } from './network-receiver.ts';
import type { NodeStates } from './node-states.ts';
import type { NetworkLimits } from './options.ts';
import { encodeNetworkPdu } from './pdu.ts';
import { RELAY_DELAY_MS } from './relay.ts';
import { ReplayList } from './replay-list.ts';
import type { SendingQueue } from './sending-queue.ts';

/** Bridged PDUs that may wait for the bearers; in a flood more would only come too late. */
const MAX_WAITING = 64;
/** Entries of the Bridging Table, unless said otherwise. */
const TABLE_SIZE = 256;
/** All sources that there can be: the table limits them. */
const SOURCES = 0x7fff;

export interface SubnetBridgeOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly store: Store;
  readonly counters: NetworkCounters;
  readonly keys: Keys;
  readonly interfaces: Interfaces;
  readonly sending: SendingQueue;
  readonly features: Features;
  readonly limits: Pick<NetworkLimits, 'bridgingTable'>;
  readonly states: NodeStates;
  isOwn(dst: Address): boolean;
  /** The Friend in this node, whose Low Power nodes in other subnets hear nothing but what it keeps for them. */
  friend(): { accepted(pdu: ReceivedPdu): void } | undefined;
}

/**
 * The Subnet Bridge feature [Mesh Protocol 1.1, 3.4.6.3, 4.2.41, 4.2.42]: sends what the Bridging Table names on to other
 * subnets, secured with their NetKeys. The Relay feature is not needed for it.
 *
 * What is bridged keeps SRC, SEQ and IV Index, so that the message cache ends all loops. It must be newer than all that
 * was bridged from its source before, in a replay list that survives a power cut [3.9.8].
 */
export class SubnetBridge {
  readonly #options: SubnetBridgeOptions;
  readonly #table: BridgingTable;
  readonly #replay: ReplayList;
  #waiting = 0;

  constructor(options: SubnetBridgeOptions) {
    this.#options = options;
    const { store, limits, keys } = options;
    const size = limits.bridgingTable ?? TABLE_SIZE;
    if (!(Number.isInteger(size) && size >= 16 && size <= 0xffff)) {
      throw new MeshError('bad-field', `a Bridging Table of ${size} entries`, { hint: 'Give 16 to 65535.' });
    }
    this.#table = new BridgingTable(store, size, (netIndex) => keys.netKeyState(netIndex) !== undefined);
    this.#replay = new ReplayList(storeView(store, 'bridge/'), SOURCES);
  }

  /** The Subnet Bridge state [4.2.41]; off at first. */
  get enabled(): boolean {
    return this.#table.enabled;
  }

  /** Throws `store-failed`. */
  set enabled(enabled: boolean) {
    this.#table.enabled = enabled;
  }

  /** The Bridging Table Size: how many entries there can be. */
  get tableSize(): number {
    return this.#table.size;
  }

  /** The Bridging Table [4.2.42], in the order in which its entries were added. */
  get entries(): readonly BridgingEntry[] {
    return this.#table.entries;
  }

  /**
   * Adds an entry, durably when it returns; to one of the same subnets and addresses it gives its directions. Throws
   * `bad-field`, `unknown-net-key`, `bridging-table-full`, `store-failed`.
   */
  add(entry: BridgingEntry): void {
    const fault = bridgingEntryFault(entry);
    if (fault !== undefined) {
      throw new MeshError('bad-field', `Bridging Table: ${fault.field}: ${fault.reason}`, {
        hint: 'Give two subnets and two addresses, Address1 unicast, Address2 too when it is bridged both ways.',
      });
    }
    for (const netIndex of [entry.netKeyIndex1, entry.netKeyIndex2]) this.#checkSubnet(netIndex);
    this.#table.add(entry);
  }

  /**
   * Removes the entries of two subnets, in this order, with these addresses; 0 stands for any. Harmless when there is
   * none. Throws `store-failed`; then nothing has changed.
   */
  remove({ netKeyIndex1, netKeyIndex2, address1, address2 }: Omit<BridgingEntry, 'directions'>): void {
    this.#table.remove(
      (entry) =>
        entry.netKeyIndex1 === netKeyIndex1 &&
        entry.netKeyIndex2 === netKeyIndex2 &&
        (address1 === 0 || entry.address1 === address1) &&
        (address2 === 0 || entry.address2 === address2),
    );
  }

  /** For the network layer: sends a PDU that the node received on to other subnets, if the table says so. */
  consider(pdu: ReceivedPdu): void {
    if (pdu.ttl < 2) return;
    const targets = this.#table.targets(pdu.netIndex, pdu.src, pdu.dst);
    if (targets.length === 0 || !this.#isBridged(pdu) || !this.#hasRoom() || !this.#isNew(pdu)) return;
    for (const netIndex of targets) {
      const security = this.#options.keys.netKey(netIndex);
      if (security !== undefined) this.#send(pdu, security);
    }
  }

  /** For the network layer: entries go with their NetKeys, replay entries with their IV Index. */
  changed(change: NetworkChange): void {
    if (change.type === 'net-key-removed') {
      const { netIndex } = change;
      this.#table.remove((entry) => entry.netKeyIndex1 === netIndex || entry.netKeyIndex2 === netIndex);
    } else if (change.type === 'iv-index') this.#forget(change.ivIndex - 1);
  }

  #forget(oldest: number): void {
    try {
      this.#replay.prune(oldest);
    } catch (thrown) {
      const { code } = toMeshError(thrown);
      this.#options.log('warn', 'old replay entries of the subnet bridge could not be deleted', { code });
    }
  }

  #checkSubnet(netIndex: NetIndex): void {
    if (this.#options.keys.netKeyState(netIndex) !== undefined) return;
    throw new MeshError('unknown-net-key', `NetKey ${netIndex} is not here`, { hint: 'Add the NetKey first.' });
  }

  /**
   * The rows of table 3.13 that lead out of a subnet: from a client only through a proxy, from a Low Power node only
   * through its Friend. On paths of directed forwarding nothing is bridged.
   */
  #isBridged({ credentials, from, dst }: ReceivedPdu): boolean {
    if (credentials === 'directed' || this.#options.isOwn(dst)) return false;
    return from === undefined || this.#options.features.inUse('proxy');
  }

  #hasRoom(): boolean {
    if (this.#waiting < MAX_WAITING) return true;
    this.#options.counters.relayDropped++;
    return false;
  }

  /** Whether it is newer than all that was bridged from its source; then it is recorded, durably. */
  #isNew({ src, ivIndex, seq }: { src: Unicast; ivIndex: number; seq: number }): boolean {
    const { counters, log } = this.#options;
    if (!this.#replay.record(src, ivIndex, seq)) {
      counters.replayed++;
      return false;
    }
    try {
      this.#replay.flush();
      return true;
    } catch (thrown) {
      const { code } = toMeshError(thrown);
      log('error', 'the replay list of the subnet bridge could not be written: nothing is bridged', { code });
      return false;
    }
  }

  /** TTL one less, IV Index and SEQ as received, under flooding credentials of the other subnet. */
  #send(pdu: ReceivedPdu, security: SubnetSecurity): void {
    const { clock, random, counters, interfaces, sending, features, states, friend } = this.#options;
    const { ctl, ttl, seq, src, dst, transportPdu, ivIndex } = pdu;
    const octets = encodeNetworkPdu({ ctl, ttl: ttl - 1, seq, src, dst, transportPdu }, security, ivIndex);
    this.#waiting++;
    clock.after(random.uniform() * RELAY_DELAY_MS, () => {
      counters.bridged++;
      sending.pass(octets, states.values.relayRetransmit, () => {
        this.#waiting--;
      });
    });
    if (features.inUse('proxy') && interfaces.hasGatt) interfaces.sendOverGatt(octets, dst, pdu.from);
    friend()?.accepted({ ...pdu, netIndex: security.netIndex, credentials: 'flooding', security });
  }
}
