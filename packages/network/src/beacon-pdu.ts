import { concat, equalConstantTime, fail, ok, type Result } from '@meshferry/core';
import { type Aes, openPrivateBeacon, sealPrivateBeacon, secureNetworkBeaconAuthentication } from '@meshferry/crypto';
import type { PduError } from './decode-error.ts';
import { decodeFlags, encodeFlags, type NetworkState } from './network-change.ts';

// Content of an AD structure of type 0x2B, or of a Proxy PDU of type 1 [Mesh Protocol 1.1, 3.10]. Numbers big-endian.

const TYPE_UNPROVISIONED_DEVICE = 0x00;
const TYPE_SECURE_NETWORK = 0x01;
const TYPE_MESH_PRIVATE = 0x02;
const SECURE_NETWORK_OCTETS = 22;
const MESH_PRIVATE_OCTETS = 27;
/** Octets of Random in a Mesh Private beacon. */
export const PRIVATE_BEACON_RANDOM_OCTETS = 13;

/** A device that waits to be provisioned [3.10.2]. */
export interface UnprovisionedDeviceBeacon {
  readonly type: 'unprovisioned-device';
  /** 16 octets in textual order. */
  readonly deviceUuid: Uint8Array;
  /** 16 bits. */
  readonly oobInformation: number;
  /** 4 octets; all zero as good as none. */
  readonly uriHash?: Uint8Array;
}

/** A Secure Network beacon, not authenticated yet [3.10.3]. */
export interface SecureNetworkBeacon extends NetworkState {
  readonly type: 'secure-network';
  /** As received: its reserved bits are authenticated, too. */
  readonly flags: number;
  /** 8 octets. */
  readonly networkId: Uint8Array;
  /** 8 octets. */
  readonly authenticationValue: Uint8Array;
}

/** A Mesh Private beacon, not opened yet [3.10.4]. */
export interface MeshPrivateBeacon {
  readonly type: 'mesh-private';
  /** 13 octets. */
  readonly random: Uint8Array;
  /** Obfuscated Private Beacon Data (5) ‖ Authentication Tag (8). */
  readonly sealed: Uint8Array;
}

export type Beacon = UnprovisionedDeviceBeacon | SecureNetworkBeacon | MeshPrivateBeacon;

/** A beacon by its type and length; other types and lengths are none. */
export function decodeBeacon(octets: Uint8Array): Result<Beacon, PduError> {
  switch (octets[0]) {
    case TYPE_UNPROVISIONED_DEVICE:
      return decodeUnprovisionedDevice(octets);
    case TYPE_SECURE_NETWORK: {
      if (octets.length !== SECURE_NETWORK_OCTETS) return badLength('22');
      const flags = octets[1]!;
      return ok({
        type: 'secure-network',
        flags,
        ...decodeFlags(flags),
        networkId: octets.slice(2, 10),
        ivIndex: new DataView(octets.buffer, octets.byteOffset).getUint32(10),
        authenticationValue: octets.slice(14),
      });
    }
    case TYPE_MESH_PRIVATE:
      if (octets.length !== MESH_PRIVATE_OCTETS) return badLength('27');
      return ok({ type: 'mesh-private', random: octets.slice(1, 14), sealed: octets.slice(14) });
    default:
      return fail({ field: 'Beacon Type', offset: 0, reason: 'reserved or missing' });
  }
}

/** Fields are cut to their width. */
export function encodeUnprovisionedDeviceBeacon(beacon: Omit<UnprovisionedDeviceBeacon, 'type'>): Uint8Array {
  const { deviceUuid, oobInformation, uriHash = new Uint8Array(0) } = beacon;
  const head = Uint8Array.of(TYPE_UNPROVISIONED_DEVICE);
  return concat(head, deviceUuid, Uint8Array.of(oobInformation >> 8, oobInformation), uriHash);
}

/** `beaconKey` is bound to the BeaconKey of the NetKey whose Network ID this is. */
export function encodeSecureNetworkBeacon(beaconKey: Aes, networkId: Uint8Array, state: NetworkState): Uint8Array {
  const flags = encodeFlags(state);
  const octets = new Uint8Array(SECURE_NETWORK_OCTETS);
  octets[0] = TYPE_SECURE_NETWORK;
  octets[1] = flags;
  octets.set(networkId, 2);
  new DataView(octets.buffer).setUint32(10, state.ivIndex);
  octets.set(secureNetworkBeaconAuthentication(beaconKey, flags, networkId, state.ivIndex), 14);
  return octets;
}

/** Whether this BeaconKey authenticates the beacon. */
export function isAuthenticBeacon(beaconKey: Aes, beacon: SecureNetworkBeacon): boolean {
  const { flags, networkId, ivIndex, authenticationValue } = beacon;
  const expected = secureNetworkBeaconAuthentication(beaconKey, flags, networkId, ivIndex);
  return equalConstantTime(expected, authenticationValue);
}

/** `random`: 13 octets, never used before with another state under this key. */
export function encodeMeshPrivateBeacon(privateBeaconKey: Aes, random: Uint8Array, state: NetworkState): Uint8Array {
  const sealed = sealPrivateBeacon(privateBeaconKey, random, encodeFlags(state), state.ivIndex);
  return concat(Uint8Array.of(TYPE_MESH_PRIVATE), random, sealed);
}

/** What the beacon says, or undefined when this PrivateBeaconKey does not open it. */
export function openMeshPrivateBeacon(privateBeaconKey: Aes, beacon: MeshPrivateBeacon): NetworkState | undefined {
  const data = openPrivateBeacon(privateBeaconKey, beacon.random, beacon.sealed);
  return data === null ? undefined : { ...decodeFlags(data.flags), ivIndex: data.ivIndex };
}

function decodeUnprovisionedDevice(octets: Uint8Array): Result<Beacon, PduError> {
  if (octets.length !== 19 && octets.length !== 23) return badLength('19 or 23');
  return ok({
    type: 'unprovisioned-device',
    deviceUuid: octets.slice(1, 17),
    oobInformation: (octets[17]! << 8) | octets[18]!,
    ...(octets.length === 23 ? { uriHash: octets.slice(19) } : {}),
  });
}

function badLength(expected: string): Result<Beacon, PduError> {
  return fail({ field: 'beacon', offset: 0, reason: `not ${expected} octets` });
}
