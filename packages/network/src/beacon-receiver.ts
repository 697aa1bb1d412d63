import { equal } from '@meshferry/core';
import { type Beacon, decodeBeacon, isAuthenticBeacon, openMeshPrivateBeacon } from './beacon-pdu.ts';
import type { NetworkCounters } from './counters.ts';
import type { NetKeyMaterial } from './key-material.ts';
import { type Keys, valuesOf } from './keys.ts';
import type { NetworkState } from './network-change.ts';

/** An authentic beacon. */
export interface HeardBeacon extends NetworkState {
  readonly kind: BeaconKind;
  /** The value of the NetKey that authenticated it. */
  readonly netKey: NetKeyMaterial;
}

export type BeaconKind = 'secure-network' | 'mesh-private';

/** Beacons that recently authenticated: nodes repeat theirs, and looking is cheaper than the cryptography. */
const REMEMBERED = 16;

/** Reception of Secure Network and Mesh Private beacons [Mesh Protocol 1.1, 3.10.3, 3.10.4]; others are ignored. */
export class BeaconReceiver {
  readonly #keys: Keys;
  readonly #counters: NetworkCounters;
  readonly #heard: (beacon: HeardBeacon) => void;
  /** The oldest first. */
  readonly #recent: { readonly octets: Uint8Array; readonly beacon: HeardBeacon }[] = [];

  constructor(keys: Keys, counters: NetworkCounters, heard: (beacon: HeardBeacon) => void) {
    this.#keys = keys;
    this.#counters = counters;
    this.#heard = heard;
  }

  /** The beacon if it is authentic. */
  receive(octets: Uint8Array): HeardBeacon | undefined {
    const known = this.#recent.find((recent) => equal(recent.octets, octets));
    const beacon = known?.beacon ?? this.#authenticate(octets);
    if (beacon === undefined) return undefined;
    this.#counters.beacons++;
    if (known === undefined) {
      this.#recent.push({ octets: octets.slice(), beacon });
      if (this.#recent.length > REMEMBERED) this.#recent.shift();
    }
    this.#heard(beacon);
    return beacon;
  }

  /** To be called when keys change: what authenticated before may do so no more. */
  forget(): void {
    this.#recent.length = 0;
  }

  #authenticate(octets: Uint8Array): HeardBeacon | undefined {
    const decoded = decodeBeacon(octets);
    if (!decoded.ok || decoded.value.type === 'unprovisioned-device') return undefined;
    for (const subnet of this.#keys.subnets) {
      for (const netKey of valuesOf(subnet)) {
        const state = authenticateBeacon(decoded.value, netKey);
        if (state !== undefined) return { ...state, kind: decoded.value.type, netKey };
      }
    }
    return undefined;
  }
}

/** What the beacon says, if this key secured it. */
export function authenticateBeacon(
  beacon: Exclude<Beacon, { type: 'unprovisioned-device' }>,
  netKey: NetKeyMaterial,
): NetworkState | undefined {
  if (beacon.type === 'mesh-private') return openMeshPrivateBeacon(netKey.privateBeacon, beacon);
  if (!equal(beacon.networkId, netKey.networkId) || !isAuthenticBeacon(netKey.beacon, beacon)) return undefined;
  const { keyRefresh, ivUpdate, ivIndex } = beacon;
  return { keyRefresh, ivUpdate, ivIndex };
}
