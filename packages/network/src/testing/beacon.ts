import { SeededRandom } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { encodeMeshPrivateBeacon, encodeSecureNetworkBeacon } from '../beacon-pdu.ts';
import { NetKeyMaterial } from '../key-material.ts';
import type { NetworkState } from '../network-change.ts';

/** Milliseconds of an hour. */
export const HOUR = 3_600_000;

/** A Secure Network beacon that another node of the subnet would send. */
export function secureBeacon(netKey: Uint8Array, state: Partial<NetworkState>): Uint8Array {
  const { beacon, networkId } = new NetKeyMaterial(portableCrypto, 0, netKey);
  return encodeSecureNetworkBeacon(beacon, networkId, { ...NORMAL, ...state });
}

/** A Mesh Private beacon, always with another Random. */
export function privateBeacon(netKey: Uint8Array, state: Partial<NetworkState>): Uint8Array {
  const { privateBeacon: key } = new NetKeyMaterial(portableCrypto, 0, netKey);
  return encodeMeshPrivateBeacon(key, random.bytes(13), { ...NORMAL, ...state });
}

const NORMAL: NetworkState = { keyRefresh: false, ivUpdate: false, ivIndex: 0 };
const random = new SeededRandom('private beacons');
