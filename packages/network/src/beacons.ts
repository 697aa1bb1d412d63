import { type Clock, MeshError, type NetIndex, type Random } from '@meshferry/core';
import { encodeMeshPrivateBeacon, encodeSecureNetworkBeacon, PRIVATE_BEACON_RANDOM_OCTETS } from './beacon-pdu.ts';
import { type BeaconKind, BeaconReceiver, type HeardBeacon } from './beacon-receiver.ts';
import { BeaconSchedule } from './beacon-schedule.ts';
import type { NetworkCounters } from './counters.ts';
import type { IvUpdate } from './iv-update.ts';
import type { NetKeyMaterial } from './key-material.ts';
import type { Keys } from './keys.ts';
import type { NetworkChange, NetworkState } from './network-change.ts';
import type { NodeStates } from './node-states.ts';
import type { StateFollower } from './state-follower.ts';

export interface BeaconsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: NetworkCounters;
  readonly keys: Keys;
  readonly ivUpdate: IvUpdate;
  readonly states: NodeStates;
  readonly follower: StateFollower;
  /** Sends a beacon once over all advertising interfaces. */
  send(beacon: Uint8Array): void;
}

const KINDS: readonly BeaconKind[] = ['secure-network', 'mesh-private'];
const STEP_MS = 10_000;

/** Secure Network and Mesh Private beacons of a node, for each of its subnets [Mesh Protocol 1.1, 3.10]. */
export class Beacons {
  readonly #options: BeaconsOptions;
  readonly #receiver: BeaconReceiver;
  /** What is being sent, by kind and subnet. */
  readonly #schedules: Record<BeaconKind, Map<NetIndex, BeaconSchedule>> = {
    'secure-network': new Map(),
    'mesh-private': new Map(),
  };
  /** This node has begun or ended an IV Update by itself, and nobody is known to have heard of it. */
  #announcing = false;
  #random: { readonly octets: Uint8Array; readonly since: number } | undefined;
  #closed = false;

  constructor(options: BeaconsOptions) {
    this.#options = options;
    this.#receiver = new BeaconReceiver(options.keys, options.counters, (beacon) => this.#heard(beacon));
    this.#arrange();
  }

  /** The Secure Network Beacon state [4.2.11]. Received beacons are followed in any case. */
  get secureNetwork(): boolean {
    return this.#options.states.values.secureNetworkBeacon;
  }

  /** Throws `store-failed`. */
  set secureNetwork(on: boolean) {
    this.#options.states.change({ secureNetworkBeacon: on });
    this.#arrange();
  }

  /** The Private Beacon state [4.2.44]. */
  get meshPrivate(): boolean {
    return this.#options.states.values.privateBeacon;
  }

  /** Throws `store-failed`. */
  set meshPrivate(on: boolean) {
    this.#options.states.change({ privateBeacon: on });
    this.#arrange();
  }

  /** Random Update Interval Steps [4.2.45]: units of 10 s, 0 to 255; 0: a new Random for every beacon. */
  get randomUpdateIntervalSteps(): number {
    return this.#options.states.values.randomUpdateIntervalSteps;
  }

  /** Throws `bad-field`, `store-failed`. */
  set randomUpdateIntervalSteps(steps: number) {
    if (!(Number.isInteger(steps) && steps >= 0 && steps <= 255)) {
      throw new MeshError('bad-field', `Random Update Interval Steps ${steps}`, { hint: 'Give 0 to 255.' });
    }
    this.#options.states.change({ randomUpdateIntervalSteps: steps });
  }

  /** What the beacons of a subnet say now; undefined when its NetKey is not here. */
  state(netIndex: NetIndex): NetworkState | undefined {
    const { keys, ivUpdate } = this.#options;
    const subnet = keys.netKeyState(netIndex);
    if (subnet === undefined) return undefined;
    return { keyRefresh: subnet.phase === 2, ivUpdate: ivUpdate.updating, ivIndex: ivUpdate.ivIndex };
  }

  /** A beacon of a subnet as a Proxy Server gives it to a client, a Mesh Private one with a Random of its own. */
  encode(kind: BeaconKind, netIndex: NetIndex): Uint8Array | undefined {
    if (kind === 'mesh-private') this.#random = undefined;
    return this.#encode(kind, netIndex);
  }

  /** Takes a beacon that came in an AD structure or a Proxy PDU: its subnet if it is authentic, else it is ignored. */
  receive(octets: Uint8Array): NetIndex | undefined {
    return this.#receiver.receive(octets)?.netKey.index;
  }

  /** To be told of every change. */
  changed(change: NetworkChange): void {
    if (change.type === 'app-key-added' || change.type === 'app-key-removed') return;
    this.#random = undefined; // it must not be used for two states
    if (change.type === 'iv-index') this.#announcing = change.cause === 'own';
    else this.#receiver.forget();
    this.#arrange();
    if (change.type === 'iv-index') this.#each((schedule) => schedule.hurry());
    else if (change.type === 'key-refresh')
      for (const kind of KINDS) this.#schedules[kind].get(change.netIndex)?.hurry();
  }

  close(): void {
    this.#closed = true;
    this.#each((schedule) => schedule.stop());
  }

  #heard(beacon: HeardBeacon): void {
    const { follower, ivUpdate } = this.#options;
    this.#schedules[beacon.kind].get(beacon.netKey.index)?.observed();
    if (!follower.heard(beacon.netKey, beacon) || !this.#announcing) return;
    if (beacon.ivIndex !== ivUpdate.ivIndex || beacon.ivUpdate !== ivUpdate.updating) return;
    this.#announcing = false;
    this.#arrange();
  }

  /** Starts and stops schedules as the states and the NetKeys want it. */
  #arrange(): void {
    const { clock, random, keys, states } = this.#options;
    const { secureNetworkBeacon, privateBeacon } = states.values;
    // Who sends Mesh Private beacons announces by them, and stays private.
    const announces = this.#announcing && !privateBeacon;
    const on = { 'secure-network': secureNetworkBeacon || announces, 'mesh-private': privateBeacon };
    for (const kind of KINDS) {
      const schedules = this.#schedules[kind];
      for (const [netIndex, schedule] of schedules) {
        if (on[kind] && keys.netKeyState(netIndex) !== undefined) continue;
        schedule.stop();
        schedules.delete(netIndex);
      }
      if (!on[kind] || this.#closed) continue;
      for (const netIndex of keys.netIndexes) {
        if (schedules.has(netIndex)) continue;
        schedules.set(netIndex, new BeaconSchedule(clock, random, () => this.#send(kind, netIndex)));
      }
    }
  }

  #send(kind: BeaconKind, netIndex: NetIndex): void {
    const beacon = this.#encode(kind, netIndex);
    if (beacon === undefined) return;
    this.#options.counters.beaconsSent++;
    this.#options.send(beacon);
  }

  #encode(kind: BeaconKind, netIndex: NetIndex): Uint8Array | undefined {
    const state = this.state(netIndex);
    const netKey: NetKeyMaterial | undefined = this.#options.keys.transmitKey(netIndex);
    if (state === undefined || netKey === undefined) return undefined;
    if (kind === 'secure-network') return encodeSecureNetworkBeacon(netKey.beacon, netKey.networkId, state);
    return encodeMeshPrivateBeacon(netKey.privateBeacon, this.#currentRandom(), state);
  }

  /** The same for all subnets, for as long as the Random Update Interval. */
  #currentRandom(): Uint8Array {
    const { clock, random } = this.#options;
    const age = this.#random === undefined ? Number.POSITIVE_INFINITY : clock.now - this.#random.since;
    if (this.#random === undefined || age >= this.randomUpdateIntervalSteps * STEP_MS) {
      this.#random = { octets: random.bytes(PRIVATE_BEACON_RANDOM_OCTETS), since: clock.now };
    }
    return this.#random.octets;
  }

  #each(run: (schedule: BeaconSchedule) => void): void {
    for (const kind of KINDS) for (const schedule of this.#schedules[kind].values()) run(schedule);
  }
}
